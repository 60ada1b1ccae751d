import type { Reconciler } from '../../index.ts'
import { formatDuration } from '../../options/duration.ts'
import type { Leak, Survivor } from './account.ts'
import type { Agent } from './agent.ts'
import type { Board } from './board.ts'
import type { Narrator } from './narrator.ts'
import type { Pace } from './pace.ts'
import { reported } from './plain-narrator.ts'
import type { Stage } from './stage.ts'

export interface StoryOptions {
  readonly stage: Stage
  readonly agent: Agent
  readonly board: Board
  readonly narrator: Narrator
  readonly pace: Pace
  readonly signal: AbortSignal
  readonly elapsedMs: () => number
  /** Starts Flotsam, as a new process of the agent does. */
  readonly startWatch: (isRestart: boolean) => Reconciler
  /** The labels of a container that another agent owns. */
  readonly foreignLabels: Readonly<Record<string, string>>
}

const keepLabel = { 'flotsam.keep': 'true' }
const waitLimitMs = 45_000
/** How long before the end of its grace job-7 is registered, as a share of the grace. */
const lastMomentShare = 0.2
/** The time between two restored tasks, as a share of the restore grace. */
const restoreStepShare = 0.175

/** The story, chapter by chapter. Each causes events and waits for Flotsam's reaction. */
export class Story {
  readonly leaks: Leak[] = []
  readonly #options: StoryOptions
  /** The containers that must not be removed, by id, with a note in addition to their verdict. */
  readonly #survivors = new Map<string, { readonly name: string; readonly note: string }>()
  #flotsam: Reconciler | undefined

  constructor(options: StoryOptions) {
    this.#options = options
  }

  async play(): Promise<void> {
    await this.#theAgentWorks()
    await this.#itLosesSome()
    await this.#graces()
    await this.#theAgentCrashes()
    await this.#theEngineGoesAway()
  }

  /** Stops Flotsam, as the end of the agent does. Idempotent. */
  async end(): Promise<void> {
    const flotsam = this.#flotsam
    this.#flotsam = undefined
    await flotsam?.stop()
  }

  survivors(standings: Board['standings']): readonly Survivor[] {
    return [...this.#survivors].map(([id, { name, note }]) => {
      const standing = standings.find((one) => one.id === id)
      const why = standing ? reported({ ...standing, isWatched: true }) : 'foreign: it has no chart'
      return { id, name, why: note === '' ? why : `${why} (${note})` }
    })
  }

  async #theAgentWorks(): Promise<void> {
    const { agent, narrator, pace, foreignLabels, startWatch } = this.#options
    narrator.chapter(
      '1  The agent works',
      'It starts web-1, web-2 and db-3 and registers each of them. keep-4 is untracked, but has the keep label. ' +
        'neighbour has the label of another agent, so Flotsam creates no chart for it.',
    )
    agent.boot()
    narrator.agentChanged(true)
    this.#flotsam = startWatch(false)
    this.#survive(await agent.start('neighbour', foreignLabels), 'neighbour', '')
    for (const name of ['web-1', 'web-2', 'db-3']) {
      const id = await agent.run(name)
      if (name !== 'web-2') this.#survive(id, name, 'restored after the crash')
      await pace.pause(300)
    }
    const labels = { ...this.#watching().labels(), ...keepLabel }
    this.#survive(await agent.start('keep-4', labels), 'keep-4', '')
    await this.#scanNow()
    await this.#until('web-1, web-2 and db-3 are tracked, and keep-4 is spared', () =>
      ['web-1', 'web-2', 'db-3', 'keep-4'].every((name) => this.#isSettled(name)),
    )
    await pace.pause(2500)
  }

  async #itLosesSome(): Promise<void> {
    const { agent, narrator, pace, stage } = this.#options
    narrator.chapter(
      '2  It loses containers',
      'The engine creates job-5, but its answer is lost. The agent fails between starting job-6 and ' +
        'registering it. It has lost track of both.',
    )
    stage.loseAnswer('create')
    await this.#lose('job-5', 'the answer to its creation was lost', () => agent.tryToCreate('job-5'))
    await this.#lose('job-6', 'the agent failed between start and registration', () => agent.start('job-6'))
    await this.#scanNow()
    await pace.pause(1000)
  }

  async #graces(): Promise<void> {
    const { agent, narrator, pace } = this.#options
    const graceMs = pace.creationGraceMs
    const lastMomentMs = graceMs * lastMomentShare
    narrator.chapter(
      '3  Graces',
      `A new container may be about to be registered, so each has a creation grace of ${formatDuration(graceMs)}. ` +
        'job-7 uses most of it.',
    )
    const requestedAtMs = performance.now()
    const id = await agent.start('job-7')
    await this.#scanNow()
    // Counted from before the request was sent, so that it is rather too early than too late.
    await pace.untilMs(requestedAtMs + graceMs - lastMomentMs)
    agent.register(id, 'job-7')
    this.#survive(id, 'job-7', `registered ${formatDuration(lastMomentMs)} before its grace ended`)
    narrator.say(
      `job-7 is registered ${formatDuration(lastMomentMs)} before its grace ends, so it is not removed.`,
    )
    await this.#scanNow()
    await this.#until(
      'job-5 and job-6 are removed',
      () => this.#isRemoved('job-5') && this.#isRemoved('job-6'),
    )
    narrator.say('job-5 and job-6 stayed untracked and are removed.')
    await pace.pause(2000)
  }

  async #theAgentCrashes(): Promise<void> {
    const { agent, narrator, pace, startWatch, elapsedMs } = this.#options
    narrator.chapter(
      '4  The agent crashes',
      'It has just started job-8, and crashes before registering it. Flotsam is embedded in the agent and ends with it, so nothing is watched.',
    )
    const recorded = [...agent.tasks].filter(([, name]) => name !== 'web-2')
    await this.#lose('job-8', 'the agent crashed before registering it', () => agent.start('job-8'))
    agent.crash()
    await this.end()
    narrator.agentChanged(false)
    await pace.pause(2000)
    narrator.say(
      'The agent restarts, and restores its tasks one by one; the record of web-2 is lost. ' +
        `Nothing is removed within the restore grace of ${formatDuration(pace.restoreGraceMs)}.`,
    )
    agent.boot()
    this.leaks.push({ name: 'web-2', how: 'the restarted agent had no record of it', atMs: elapsedMs() })
    narrator.agentChanged(true)
    // absolute times, so that slow scans do not add up to more than the grace
    const backAtMs = performance.now()
    this.#flotsam = startWatch(true)
    for (const [index, [id, name]] of recorded.entries()) {
      await pace.untilMs(backAtMs + (index + 1) * restoreStepShare * pace.restoreGraceMs)
      agent.register(id, name)
      await this.#scanNow()
    }
    await this.#until(
      'web-2 and job-8 are removed',
      () => this.#isRemoved('web-2') && this.#isRemoved('job-8'),
    )
    await pace.pause(1500)
  }

  async #theEngineGoesAway(): Promise<void> {
    const { agent, board, narrator, pace, stage } = this.#options
    narrator.chapter(
      '5  The engine goes down',
      'The agent starts job-9, but the engine freezes before it answers. It accepts connections, but answers no requests. ' +
        "The agent's request for job-10 times out.",
    )
    await this.#lose('job-9', 'the answer to its start was lost', () => agent.tryToRun('job-9'))
    await this.#scanNow()
    stage.freeze()
    await this.#lose('job-10', "created after the agent's request had timed out", () =>
      agent.tryToCreate('job-10'),
    )
    await pace.pause(1500)
    narrator.say(
      'The engine recovers for a moment, creates job-10 although its client is gone, and goes down.',
    )
    await stage.goDown()
    await this.#until('the engine is reported as down', () => board.health === 'down')
    await pace.pause(3000)
    await stage.comeUp()
    await this.#until('the engine is reported as up', () => board.health === 'up')
    narrator.say(
      `The engine is up again. The agent may still have to read its answers, so there is a recovery grace of ${formatDuration(pace.recoveryGraceMs)}.`,
    )
    await this.#until(
      'job-9 and job-10 are removed',
      () => this.#isRemoved('job-9') && this.#isRemoved('job-10'),
    )
    await pace.pause(1500)
  }

  #survive(id: string, name: string, note: string): void {
    this.#survivors.set(id, { name, note })
  }

  async #lose(name: string, how: string, act: () => Promise<unknown>): Promise<void> {
    const atMs = this.#options.elapsedMs()
    if ((await act()) === false) throw new Error(`${name} was not lost: the engine answered`)
    this.leaks.push({ name, how, atMs })
  }

  #isSettled(name: string): boolean {
    return this.#options.board.standings.some((one) => one.name === name && one.state === 'classified')
  }

  #isRemoved(name: string): boolean {
    return this.#options.board.standings.some((one) => one.name === name && one.outcome === 'removed')
  }

  #watching(): Reconciler {
    if (!this.#flotsam) throw new Error('Flotsam is not running')
    return this.#flotsam
  }

  /** Scans now instead of at the next period, so that each change is visible at once. */
  async #scanNow(): Promise<void> {
    await this.#watching().scan()
  }

  #until(what: string, isSo: () => boolean): Promise<void> {
    const { board, signal } = this.#options
    return board.until(isSo, what, waitLimitMs, signal)
  }
}
