import type { Reconciler } from '../index.ts'
import { formatDuration } from '../options/duration.ts'
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
  /** Flotsam, new in a new process of the agent. */
  readonly startWatch: (isRestart: boolean) => Reconciler
  /** The labels of a container that another agent owns. */
  readonly foreignLabels: Readonly<Record<string, string>>
}

const keepLabel = { 'flotsam.keep': 'true' }
const waitLimitMs = 45_000
/** How long before the end of its grace the late one is registered, at the usual speed. */
const lastMomentShare = 0.2
/** Of the restore grace, what passes between two tasks that are restored. */
const restoreStepShare = 0.175

/** The whole story, chapter by chapter. It makes things happen and waits for what Flotsam makes of them. */
export class Story {
  readonly leaks: Leak[] = []
  readonly #options: StoryOptions
  /** Those that are to outlive the story, by id, with what there is to say of them beyond their verdict. */
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

  /** Flotsam ends with the agent. Idempotent. */
  async end(): Promise<void> {
    const flotsam = this.#flotsam
    this.#flotsam = undefined
    await flotsam?.stop()
  }

  survivors(standings: Board['standings']): readonly Survivor[] {
    return [...this.#survivors].map(([id, { name, note }]) => {
      const standing = standings.find((one) => one.id === id)
      const why = standing
        ? reported({ ...standing, isWatched: true })
        : 'not ours: Flotsam gives it no chart'
      return { id, name, why: note === '' ? why : `${why} (${note})` }
    })
  }

  async #theAgentWorks(): Promise<void> {
    const { agent, narrator, pace, foreignLabels, startWatch } = this.#options
    narrator.chapter(
      '1  The agent works',
      'It starts web-1, web-2 and db-3 and registers each of them. keep-4 is on no list, but bears the keep label. ' +
        'A neighbour bears the label of another agent, so Flotsam does not even give it a chart.',
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
      '2  It loses some',
      'job-5: the engine creates it, and the answer is lost on its way. job-6: the agent fails between starting and ' +
        'registering it. From now on no one knows about them.',
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
      `A young container may still be on its way to being registered: each has a creation grace of ${formatDuration(graceMs)}. ` +
        'job-7 needs nearly all of it.',
    )
    const askedAtMs = performance.now()
    const id = await agent.start('job-7')
    await this.#scanNow()
    // Counted from before the request left, so that it is too early rather than too late.
    await pace.untilMs(askedAtMs + graceMs - lastMomentMs)
    agent.register(id, 'job-7')
    this.#survive(id, 'job-7', `registered ${formatDuration(lastMomentMs)} before its grace was over`)
    narrator.say(`job-7 is registered ${formatDuration(lastMomentMs)} before its grace is over, and lives.`)
    await this.#scanNow()
    await this.#until(
      'job-5 and job-6 are removed',
      () => this.#isRemoved('job-5') && this.#isRemoved('job-6'),
    )
    narrator.say('No one tracked job-5 and job-6: removed.')
    await pace.pause(2000)
  }

  async #theAgentCrashes(): Promise<void> {
    const { agent, narrator, pace, startWatch, elapsedMs } = this.#options
    narrator.chapter(
      '4  The agent crashes',
      'It has just started job-8, and dies before registering it. Flotsam is embedded in it and dies with it: no one is watching.',
    )
    const recorded = [...agent.tasks].filter(([, name]) => name !== 'web-2')
    await this.#lose('job-8', 'the agent crashed before registering it', () => agent.start('job-8'))
    agent.crash()
    await this.end()
    narrator.agentChanged(false)
    await pace.pause(2000)
    narrator.say(
      'Late, it is back, and restores its tasks one by one; the record of web-2 is lost. ' +
        `Nothing is removed before a restore grace of ${formatDuration(pace.restoreGraceMs)} is over.`,
    )
    agent.boot()
    this.leaks.push({ name: 'web-2', how: 'the restarted agent had no record of it', atMs: elapsedMs() })
    narrator.agentChanged(true)
    // by the clock, so that scans of a slow machine do not add up to more than the grace
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
      '5  The engine goes away',
      'job-9 is started, and the answer never comes: the engine freezes. It accepts connections and answers none. ' +
        'The agent asks for job-10 as well, and gives up.',
    )
    await this.#lose('job-9', 'the answer to its start was lost', () => agent.tryToRun('job-9'))
    await this.#scanNow()
    stage.freeze()
    await this.#lose('job-10', 'created after the agent had stopped waiting', () =>
      agent.tryToCreate('job-10'),
    )
    await pace.pause(1500)
    narrator.say('It recovers for a moment, creates job-10 although no one waits for it, and goes down.')
    await stage.goDown()
    await this.#until('the engine is found to be down', () => board.health === 'down')
    await pace.pause(3000)
    await stage.comeUp()
    await this.#until('the engine is found to be up', () => board.health === 'up')
    narrator.say(
      `It is back. The agent may still have answers in its inbox, so there is a recovery grace of ${formatDuration(pace.recoveryGraceMs)}.`,
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

  /** Each act is seen at once; left alone, Flotsam would see it within its period. */
  async #scanNow(): Promise<void> {
    await this.#watching().scan()
  }

  #until(what: string, isSo: () => boolean): Promise<void> {
    const { board, signal } = this.#options
    return board.until(isSo, what, waitLimitMs, signal)
  }
}
