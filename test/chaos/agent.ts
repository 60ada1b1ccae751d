import { setTimeout as elapse } from 'node:timers/promises'
import { Random } from '../simulation/random.ts'
import { Chores } from './chores.ts'
import { Requests } from './client.ts'
import { Hands } from './hands.ts'
import type { Kind, Made, Namespace } from './ledger.ts'
import { Maker, type MakerOptions, type Wanted } from './maker.ts'
import type { Story } from './plan.ts'
import { endsOnce, isFleeting, isLone, type LoneStory, recipeOf } from './recipes.ts'

export interface AgentOptions extends Omit<MakerOptions, 'chores' | 'requests'> {
  readonly random: Random
  /** The agent has died, and restarts with only what it persisted. */
  readonly onCrash: (remembered: ReadonlySet<Made>) => void
}

type Way = (random: Random) => Promise<void>

/** The limit of simultaneous containers; beyond it the agent stops tracking instead. */
const mostTasks = 14
const mostStrangers = 16
const tryAgainMs = 700
/** While the engine works on so many requests of the agent no further story starts: the engine sets the pace. */
const mostAtOnce = 4
/** Stories without requests to the engine. */
const undemanding: ReadonlySet<Story> = new Set(['let-go-and-forget', 'adopt', 'crash'])
/** How often the agent restarts the container that it is being asked about. */
const startedWhenAskedShare = 0.3
/** How many of those are needed that took no longer than a verdict stands, with everything else before a request. */
const mostReporting = 3
const longestReportingMs = 3000
/** How often a container is found again between the last scan and the last question: what fresh-scan is for. */
const foundAgainShare = 0.25
/** The agent's own list of what it misses is short. */
const missedForMs = 30_000

/** A random agent that keeps every promise that the graces rest on, and writes all that it does in its ledger. */
export class ChaosAgent {
  readonly reported = new Map<Story, number>()
  readonly #options: AgentOptions
  readonly #chores = new Chores()
  readonly #requests = new Requests()
  readonly #hands: Hands
  readonly #maker: Maker
  readonly #ways: Readonly<Record<Exclude<Story, LoneStory>, Way>>
  readonly #calm = new AbortController()
  #renames = 0
  #startedWhenAsked = 0

  constructor(options: AgentOptions) {
    this.#options = options
    this.#hands = new Hands(options.engine.socketPath, this.#requests)
    this.#maker = new Maker({ ...options, chores: this.#chores, requests: this.#requests })
    this.#ways = this.#allWays()
  }

  /** Starts a story, which continues by itself. One that has not happened yet is attempted again until it does. */
  act(story: Story, seed: number): void {
    if (this.#isCalm) return
    const tryAgain = () => {
      if (!this.reported.has(story)) setTimeout(() => this.act(story, seed + 1), tryAgainMs)
    }
    if (this.#requests.underWay >= mostAtOnce && !undemanding.has(story)) return tryAgain()
    const reported = this.#run(story, new Random(seed, 3))
      .catch((error: unknown) => {
        this.#note(`${story}: ${error instanceof Error ? error.message : String(error)}`)
      })
      .finally(tryAgain)
    this.#chores.add(reported)
  }

  /** The last-moment changes have happened often enough to expose a missing rule. */
  get hasTempted(): boolean {
    return this.#startedWhenAsked >= mostReporting
  }

  /** The engine has no pending request of the agent. */
  get isAtRest(): boolean {
    return this.#requests.underWay === 0
  }

  /** In the middle of Flotsam's own question the agent may find a container again, or start it again. */
  async isAsked(id: string): Promise<void> {
    const made = this.#options.ledger.byId(id)
    if (this.#isCalm || !made || made.kind !== 'ours' || made.removedByMaker) return
    const { random } = this.#options
    if (random.chance(foundAgainShare)) return this.#findAgain(made)
    if (!random.chance(startedWhenAskedShare) || !this.#mayStartAgain(made)) return
    const askedMs = Date.now()
    const starting = this.#restart(made, random).then((isDone) => {
      if (isDone && Date.now() - askedMs <= longestReportingMs) this.#startedWhenAsked++
    })
    this.#chores.add(starting)
    await starting
  }

  #findAgain(made: Made): void {
    if (made.letGoMs !== undefined) return
    this.#options.ledger.register(made)
    this.#count('adopt')
    this.#note(`finds ${made.name} again while it is being asked about`)
  }

  /** Finishes pending work, restarts tasks that have ended, and then does nothing. */
  async calmDown(): Promise<void> {
    this.#calm.abort()
    await this.#chores.ended()
    await this.notice()
    const { ledger } = this.#options
    for (const made of ledger.all) {
      if (!ledger.isTracked(made) || (await this.#lasts(made))) continue
      this.#note(`stops tracking ${made.name}, which does not last`)
      ledger.letGo(made)
    }
  }

  /** Drops tasks that the engine no longer has. */
  async notice(): Promise<void> {
    const { ledger } = this.#options
    const before = ledger.all.filter((made) => ledger.isTracked(made))
    const listed = await this.#hands.listed()
    if (!listed) return
    for (const made of before) {
      if (made.id === undefined || listed.has(made.id) || !ledger.tracked.delete(made.id)) continue
      this.#note(`notices that ${made.name} is gone`)
    }
  }

  get #isCalm(): boolean {
    return this.#calm.signal.aborted
  }

  async #run(story: Story, random: Random): Promise<void> {
    if (story === 'task' && this.#tasks().length >= mostTasks) return this.#ways['let-go'](random)
    return isLone(story) ? this.#makeAlone(story, random) : this.#ways[story](random)
  }

  /** The stories with more than one container of the agent. */
  #allWays(): Readonly<Record<Exclude<Story, LoneStory>, Way>> {
    return {
      'paused-leak': async () => void (await this.#makePaused('paused-leak')),
      'restart-exited': (random) => this.#startLate({ story: 'restart-exited', cmd: endsOnce }, random),
      'start-created': (random) => this.#startLate({ story: 'start-created', isLeftUnstarted: true }, random),
      unpause: (random) => this.#unpauseLate(random),
      restart: async (random) => {
        const leaks = this.#known().filter((made) => !this.#options.ledger.isTracked(made))
        const candidates = leaks.filter((made) => this.#mayStartAgain(made))
        await this.#restart(this.#oneOf(candidates, random), random)
      },
      rename: (random) => this.#rename(random),
      'swap-names': (random) => this.#swapNames(random),
      ...this.#podWays(),
      'let-go': (random) => this.#letGo('let-go', random),
      'let-go-and-forget': (random) => this.#letGo('let-go-and-forget', random),
      adopt: (random) => this.#adopt(random),
      crash: (random) => this.#crash(random),
      pause: (random) => this.#pauseForAWhile(random),
      exit: async (random) => void (await this.#post('exit', this.#oneOf(this.#tasks(), random), 'kill')),
      kept: (random) => this.#makeForeign('kept', random),
      'label-from-image': (random) => this.#makeForeign('label-from-image', random),
      'other-value': (random) => this.#makeForeign('other-value', random),
      unlabelled: (random) => this.#makeForeign('unlabelled', random),
    }
  }

  async #makeAlone(story: LoneStory, random: Random): Promise<void> {
    const recipe = recipeOf(story, random)
    let made: Made | undefined
    try {
      await this.#maker.make({ story, ...recipe }, (opened) => (made = opened))
    } finally {
      // an answer is only lost where the engine gave one, and what it gave is in the ledger by now
      if (made?.id !== undefined) this.#count(story)
    }
  }

  async #makePaused(story: Story): Promise<Made> {
    const made = await this.#maker.make({ story })
    if (await this.#post(story, made, 'pause')) made.pausedMs = Date.now()
    return made
  }

  /** new-again: a container that was at rest as long as it may be is started, and may be registered late. */
  async #startLate(wanted: Wanted, random: Random): Promise<void> {
    const made = await this.#maker.make(wanted)
    if (!wanted.isLeftUnstarted && made.renewal === undefined) return
    await this.#untilNearlyOld(made, random)
    // unless a policy covers ended containers it may remain for ever
    if (!this.#options.ledger.coversEnded && !wanted.isLeftUnstarted) await elapse(random.between(500, 4000))
    const registersAt = this.#registersAgainAt(random)
    const start = () => this.#maker.startAgain(made, registersAt, () => this.#hands.post(made, 'start'))
    // an engine that was slow to start it has it running still
    for (let attempts = 0; attempts < 5; attempts++) {
      if (await start()) return this.#count(wanted.story)
      await elapse(tryAgainMs)
    }
  }

  /**
   * new-again: a leak that ran all the while runs again, and may be registered late. No listing shows that, so that only its
   * inspection can show. Started after it, the container may also have been at rest.
   */
  async #restart(made: Made, random: Random): Promise<boolean> {
    const { ledger } = this.#options
    const registersAt = this.#registersAgainAt(random)
    ledger.mayEnd(made)
    const isDone = await this.#maker.startAgain(made, registersAt, () => this.#hands.post(made, 'restart'))
    if (isDone) this.#count('restart')
    return isDone
  }

  /** What keeps running when it is started again, and whose end affects no other container. */
  #mayStartAgain(made: Made): boolean {
    const isAlone = !this.#options.ledger.all.some(({ holder }) => holder === made) && !made.holder
    return isAlone && !made.restarts && !made.removesItself && !isFleeting(made.story) && !made.isPromised
  }

  async #unpauseLate(random: Random): Promise<void> {
    const made = await this.#makePaused('unpause')
    await this.#untilNearlyOld(made, random)
    const post = () => this.#hands.post(made, 'unpause')
    await this.#maker.unpause(made, this.#registersAgainAt(random), post)
  }

  /** Awaited in the calm too: the agent finishes what it has started. */
  async #untilNearlyOld({ askedMs }: Made, random: Random): Promise<void> {
    const oldMs = askedMs + this.#options.ledger.graces.creationMs
    await elapse(Math.max(0, oldMs - random.between(0, 600) - Date.now()))
  }

  /** Mostly late in the new grace; one in four is a leak. */
  #registersAgainAt(random: Random): number | undefined {
    return random.chance(0.25) ? undefined : 0.4 + 0.4 * random.next()
  }

  async #rename(random: Random): Promise<void> {
    const made = this.#oneOf(this.#known(), random)
    if (await this.#renameTo(made, `${made.name}-renamed-${++this.#renames}`)) this.#count('rename')
  }

  /** Swaps the names of two containers: a task and a leak, if there are both. */
  async #swapNames(random: Random): Promise<void> {
    const { ledger } = this.#options
    const task = this.#oneOf(this.#tasks(), random)
    const others = this.#known().filter((made) => made !== task)
    const leaks = others.filter((made) => !ledger.isTracked(made))
    const other = this.#oneOf(leaks.length > 0 ? leaks : others, random)
    const [first, second] = [await this.#hands.nameOf(task), await this.#hands.nameOf(other)]
    if (first === undefined || second === undefined) return
    if (!(await this.#renameTo(task, `${task.name}-renamed-${++this.#renames}`))) return
    if ((await this.#renameTo(other, first)) && (await this.#renameTo(task, second)))
      this.#count('swap-names')
  }

  async #renameTo(made: Made, name: string): Promise<boolean> {
    this.#note(`renames ${made.name} to ${name}`)
    return this.#hands.rename(made, name)
  }

  /** Its own containers that are most likely present. */
  #known(): Made[] {
    const { ledger } = this.#options
    return ledger.all.filter((made) => ledger.isTracked(made) || this.#isMissed(made))
  }

  #podWays() {
    const of = (story: Story, shares: Namespace) => (random: Random) => this.#makePod(story, shares, random)
    return {
      'pod-of-leaks': of('pod-of-leaks', 'network'),
      'pod-with-task': of('pod-with-task', 'network'),
      'pod-with-stranger': of('pod-with-stranger', 'network'),
      'pid-pod-of-leaks': of('pid-pod-of-leaks', 'pid'),
      'pid-pod-with-task': of('pid-pod-with-task', 'pid'),
      'pid-pod-with-stranger': of('pid-pod-with-stranger', 'pid'),
      'ipc-pod-of-leaks': of('ipc-pod-of-leaks', 'ipc'),
      'ipc-pod-with-task': of('ipc-pod-with-task', 'ipc'),
      'ipc-pod-with-stranger': of('ipc-pod-with-stranger', 'ipc'),
    }
  }

  async #makePod(story: Story, shares: Namespace, random: Random): Promise<void> {
    const { ledger } = this.#options
    const holder = await this.#maker.make({ story, registersAt: 0 })
    const guest = await this.#maker.make({
      story,
      holder,
      shares,
      ...(story.endsWith('with-task') ? { registersAt: 0 } : {}),
      ...(story.endsWith('with-stranger') ? { kind: 'other-value' as const } : {}),
    })
    this.#count(story)
    await elapse(random.between(0, 1500))
    ledger.letGo(holder)
    this.#note(`forgets ${holder.name}, whose ${shares} ${guest.name} shares`)
  }

  async #letGo(story: 'let-go' | 'let-go-and-forget', random: Random): Promise<void> {
    const { ledger } = this.#options
    const made = this.#oneOf(
      this.#tasks().filter((task) => !ledger.all.some(({ holder }) => holder === task)),
      random,
    )
    ledger.letGo(made)
    this.#count(story)
    this.#note(`stops tracking ${made.name}`)
    if (story === 'let-go-and-forget') return
    await elapse(random.between(0, 0.6 * ledger.graces.releaseMs))
    if (!ledger.isTracked(made)) await this.#removeItself(made)
  }

  async #removeItself(made: Made): Promise<void> {
    made.removedByMaker = { atMs: Date.now(), status: undefined }
    this.#note(`removes ${made.name} itself`)
    made.removedByMaker.status = await this.#hands.remove(made)
  }

  async #adopt(random: Random): Promise<void> {
    const { ledger } = this.#options
    const made = this.#oneOf(
      ledger.all.filter((one) => this.#isMissed(one)),
      random,
    )
    if (!(await this.#hands.isThere(made)) || this.#isCalm) return
    ledger.register(made)
    this.#count('adopt')
    this.#note(`adopts ${made.name} again`)
  }

  #isMissed(made: Made): boolean {
    const isLost = made.kind === 'ours' && made.id !== undefined && !this.#options.ledger.isTracked(made)
    const isSpokenFor = made.isPromised || made.removesItself || made.removedByMaker || made.holder
    return isLost && !isSpokenFor && Date.now() - made.askedMs < missedForMs
  }

  async #crash(random: Random): Promise<void> {
    const { ledger, onCrash } = this.#options
    const remembered = new Set(this.#tasks().filter(() => random.chance(0.75)))
    this.#note(`crashes; its file knows ${remembered.size} of ${ledger.tracked.size}`)
    onCrash(remembered)
    this.#count('crash')
    const { life } = ledger
    for (const made of remembered) {
      this.#chores.later(random.between(0, 0.8 * ledger.graces.restoreMs), () => {
        if (life === ledger.life && made.isPromised) ledger.register(made)
      })
    }
  }

  async #makeForeign(kind: Exclude<Kind, 'ours'>, random: Random): Promise<void> {
    const made = await this.#maker.make({ story: kind, kind })
    this.#count(kind)
    await elapse(random.between(3000, 20_000), undefined, { signal: this.#calm.signal }).catch(() => {})
    if (this.#isCalm) return
    if (random.chance(0.3)) await this.#removeItself(made)
    const strangers = this.#options.ledger.all.filter(
      (one) => one.kind !== 'ours' && one.id !== undefined && !one.removedByMaker,
    )
    // a long run must not fill the engine; the first ones see all of it
    const spare = strangers.length > mostStrangers ? strangers.at(mostStrangers / 2) : undefined
    if (spare) await this.#removeItself(spare)
  }

  async #pauseForAWhile(random: Random): Promise<void> {
    const made = this.#oneOf(this.#tasks(), random)
    if (await this.#post('pause', made, 'pause')) made.pausedMs = Date.now()
    await elapse(random.between(200, 2000))
    await this.#maker.unpause(made, undefined, () => this.#hands.post(made, 'unpause'))
  }

  async #post(story: Story, made: Made, verb: 'kill' | 'pause'): Promise<boolean> {
    this.#note(`${verb}s ${made.name}`)
    if (verb === 'kill') this.#options.ledger.mayEnd(made)
    const isDone = await this.#hands.post(made, verb)
    if (isDone) this.#count(story)
    return isDone
  }

  async #lasts(made: Made): Promise<boolean> {
    if (isFleeting(made.story)) return false
    if (await this.#hands.isAlive(made)) return true
    await this.#maker.startAgain(made, undefined, () => this.#hands.post(made, 'start'))
    return this.#hands.isAlive(made)
  }

  #tasks(): Made[] {
    const { ledger } = this.#options
    return ledger.all.filter((made) => ledger.isTracked(made) && !made.removesItself)
  }

  #oneOf(candidates: readonly Made[], random: Random): Made {
    if (candidates.length === 0) throw new Error('there is none to do that with')
    return random.pick(candidates)
  }

  #count(story: Story): void {
    this.reported.set(story, (this.reported.get(story) ?? 0) + 1)
  }

  #note(text: string): void {
    this.#options.journal.note('agent', text)
  }
}
