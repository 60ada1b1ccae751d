import { setTimeout as elapse } from 'node:timers/promises'

import { Random } from '../simulation/random.ts'
import { Chores } from './chores.ts'
import { Hands } from './hands.ts'
import type { Kind, Made } from './ledger.ts'
import { Maker, type MakerOptions } from './maker.ts'
import type { Story } from './plan.ts'
import { isFleeting, isLone, type LoneStory, recipeOf } from './recipes.ts'

export interface AgentOptions extends Omit<MakerOptions, 'chores'> {
  readonly random: Random
  /** The agent has died, and begins anew with nothing but what it remembers. */
  readonly onCrash: (remembered: ReadonlySet<Made>) => void
}

type Way = (random: Random) => Promise<void>

/** So many containers at a time are enough; beyond them the agent lets go instead. */
const mostTasks = 14
const mostStrangers = 16
const tryAgainMs = 700
/** The agent's own list of what it misses is short. */
const missedForMs = 30_000

/** A random agent that keeps every promise that the graces rest on, and writes all that it does in its ledger. */
export class ChaosAgent {
  readonly told = new Map<Story, number>()
  readonly #options: AgentOptions
  readonly #chores = new Chores()
  readonly #hands: Hands
  readonly #maker: Maker
  readonly #ways: Readonly<Record<Exclude<Story, LoneStory>, Way>>
  readonly #calm = new AbortController()

  constructor(options: AgentOptions) {
    this.#options = options
    this.#hands = new Hands(options.engine.socketPath)
    this.#maker = new Maker({ ...options, chores: this.#chores })
    this.#ways = this.#allWays()
  }

  /** Begins a story; it goes on by itself. One that has never happened yet is tried again until it does. */
  act(story: Story, seed: number): void {
    if (this.#isCalm) return
    const told = this.#tell(story, new Random(seed, 3))
      .catch((error: unknown) => {
        this.#note(`${story}: ${error instanceof Error ? error.message : String(error)}`)
      })
      .finally(() => {
        if (!this.told.has(story)) setTimeout(() => this.act(story, seed + 1), tryAgainMs)
      })
    this.#chores.add(told)
  }

  /** In the middle of Flotsam's own question the agent finds a container again. */
  findAgain(id: string): void {
    const made = this.#options.ledger.byId(id)
    if (this.#isCalm || !made || made.kind !== 'ours' || made.removedByMaker || made.letGoMs !== undefined)
      return
    this.#options.ledger.register(made)
    this.#count('adopt')
    this.#note(`finds ${made.name} again while it is being asked about`)
  }

  /** Ends what is under way, restarts tasks that have ended, and does nothing any more. */
  async calmDown(): Promise<void> {
    this.#calm.abort()
    await this.#chores.ended()
    await this.notice()
    const { ledger } = this.#options
    for (const made of ledger.all) {
      if (!ledger.isTracked(made) || (await this.#lasts(made))) continue
      this.#note(`lets go of ${made.name}, which does not last`)
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

  async #tell(story: Story, random: Random): Promise<void> {
    if (story === 'task' && this.#tasks().length >= mostTasks) return this.#ways['let-go'](random)
    return isLone(story) ? this.#makeAlone(story, random) : this.#ways[story](random)
  }

  /** How the stories go that are more than one container of the agent's own. */
  #allWays(): Readonly<Record<Exclude<Story, LoneStory>, Way>> {
    return {
      'paused-leak': () => this.#makePaused(),
      'pod-of-leaks': (random) => this.#makePod('pod-of-leaks', random),
      'pod-with-task': (random) => this.#makePod('pod-with-task', random),
      'pod-with-stranger': (random) => this.#makePod('pod-with-stranger', random),
      'let-go': (random) => this.#letGo('let-go', random),
      'let-go-and-forget': (random) => this.#letGo('let-go-and-forget', random),
      adopt: (random) => this.#adopt(random),
      crash: (random) => this.#crash(random),
      pause: (random) => this.#pauseForAWhile(random),
      exit: (random) => this.#post('exit', this.#oneOf(this.#tasks(), random), 'kill'),
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

  async #makePaused(): Promise<void> {
    const made = await this.#maker.make({ story: 'paused-leak' })
    await this.#post('paused-leak', made, 'pause')
  }

  async #makePod(story: Story, random: Random): Promise<void> {
    const { ledger } = this.#options
    const holder = await this.#maker.make({ story, registersAt: 0 })
    const guest = await this.#maker.make({
      story,
      holder,
      ...(story === 'pod-with-task' ? { registersAt: 0 } : {}),
      ...(story === 'pod-with-stranger' ? { kind: 'other-value' as const } : {}),
    })
    this.#count(story)
    await elapse(random.between(0, 1500))
    ledger.letGo(holder)
    this.#note(`forgets ${holder.name}, whose network ${guest.name} shares`)
  }

  async #letGo(story: 'let-go' | 'let-go-and-forget', random: Random): Promise<void> {
    const { ledger } = this.#options
    const made = this.#oneOf(
      this.#tasks().filter((task) => !ledger.all.some(({ holder }) => holder === task)),
      random,
    )
    ledger.letGo(made)
    this.#count(story)
    this.#note(`lets go of ${made.name}`)
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
    await this.#post('pause', made, 'pause')
    await elapse(random.between(200, 2000))
    this.#note(`unpauses ${made.name}`)
    await this.#hands.post(made, 'unpause')
  }

  async #post(story: Story, made: Made, verb: 'kill' | 'pause'): Promise<void> {
    this.#note(`${verb}s ${made.name}`)
    if (await this.#hands.post(made, verb)) this.#count(story)
  }

  async #lasts(made: Made): Promise<boolean> {
    if (isFleeting(made.story)) return false
    if (await this.#hands.isAlive(made)) return true
    return (await this.#hands.post(made, 'start')) && this.#hands.isAlive(made)
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
    this.told.set(story, (this.told.get(story) ?? 0) + 1)
  }

  #note(text: string): void {
    this.#options.journal.note('agent', text)
  }
}
