import type { BeforeRemove } from '../../src/domain/hook.ts'
import type { Tracked, TrackedContainer } from '../../src/domain/tracked.ts'
import type { Body } from './engine/body.ts'
import type { HookMood, TrackerMood } from './plan.ts'
import type { Random } from './random.ts'
import { type Setting, taskLabel } from './setting.ts'
import type { Process } from './timeline.ts'
import type { Word } from './vocabulary.ts'

/** A container that the agent is about to register, and will before the deadline unless it stops trying. */
export interface Promised {
  readonly kind: 'creation' | 'restore' | 'start'
  readonly id: string
  /** Its key, if remembered from before; otherwise the key at registration. */
  readonly key: string | undefined
  /** In the world's time, extended by stalls and outages. Undefined: without a limit. */
  deadlineMs: number | undefined
  waitsForEngine: boolean
}

export interface AgentOptions {
  readonly process: Process
  readonly setting: Setting
  readonly random: Random
  /** What survives a crash: ids, and what the agent knows each by. */
  readonly file: Map<string, string>
  readonly nowMs: () => number
  readonly isEngineUp: () => boolean
  readonly find: (id: string) => Body | undefined
  /** Removes it by hand. */
  readonly end: (body: Body) => void
  readonly note: (word: Word) => void
  readonly say: (text: string) => void
  readonly trackerAsked: (id: string) => void
  readonly trackerSaid: (id: string, answer: unknown) => void
  readonly released: (id: string) => void
  readonly hookAsked: (id: string) => void
  readonly hookSaid: (id: string, answer: unknown) => void
}

/** The agent of one process life. It keeps every promise that the graces rest on. */
export class Agent {
  /** The ids of its containers, and what it knows each by. */
  readonly tasks = new Map<string, string>()
  readonly promised = new Map<string, Promised>()
  /** No longer tracked, and removed by the agent itself by then. */
  readonly releasing = new Map<string, number>()
  hookMood: HookMood | undefined
  isRestored = true
  /** What Flotsam is handed where the agent keeps its ids in a collection: it acts like one that is asked by itself. */
  readonly keys = new Set<string>()
  readonly #options: AgentOptions
  #trackerMood: TrackerMood | undefined

  constructor(options: AgentOptions) {
    this.#options = options
    const has = Object.defineProperty(this.#has.bind(this), 'name', { value: 'has' })
    Object.defineProperty(this.keys, 'has', { value: has })
  }

  get trackerMood(): TrackerMood | undefined {
    return this.#trackerMood
  }

  set trackerMood(mood: TrackerMood | undefined) {
    this.#trackerMood = mood
    if (mood !== 'wrong-keys') this.keys.delete('task-7')
    else {
      // It is not asked then.
      this.#options.note('tracker:wrong-keys')
      this.keys.add('task-7')
    }
  }

  /** Takes back what the file remembers: at once, within the restore grace, or as long as it takes if `ready` reports it. */
  restore(): void {
    const { file, random, setting, nowMs } = this.#options
    if (setting.restoreGraceMs === 0 && !setting.hasReady) {
      for (const [id, key] of file) this.tasks.set(id, key)
      return
    }
    const longestMs = setting.restoreGraceMs * (setting.hasReady ? 1.5 : 0.6) + (setting.hasReady ? 5000 : 0)
    this.isRestored = file.size === 0
    for (const [id, key] of file) {
      const deadlineMs = setting.hasReady ? undefined : nowMs() + 0.8 * setting.restoreGraceMs
      this.#promise(
        { kind: 'restore', id, key, deadlineMs, waitsForEngine: false },
        random.between(10, longestMs),
      )
    }
  }

  /** A container was created and its answer is on its way. */
  promiseCreation(id: string): void {
    const { random, setting, nowMs } = this.#options
    const { creationGraceMs } = setting
    const deadlineMs = nowMs() + 0.75 * creationGraceMs
    this.#promise(
      { kind: 'creation', id, key: undefined, deadlineMs, waitsForEngine: false },
      random.between(20, 0.6 * creationGraceMs),
    )
  }

  /** An old one was started; it is registered when the answer has come. */
  promiseStart(id: string): void {
    const { random, nowMs } = this.#options
    const deadlineMs = nowMs() + 2500
    this.#promise(
      { kind: 'start', id, key: undefined, deadlineMs, waitsForEngine: false },
      random.between(20, 2000),
    )
  }

  #promise(promised: Promised, inMs: number): void {
    this.promised.set(promised.id, promised)
    this.#keepIn(promised, inMs)
  }

  #keepIn(promised: Promised, inMs: number): void {
    const { process, nowMs } = this.#options
    const plannedMs = nowMs() + inMs
    process.setTimeout(() => this.#keep(promised, plannedMs), inMs)
  }

  #keep(promised: Promised, plannedMs: number): void {
    if (this.promised.get(promised.id) !== promised) return
    const { isEngineUp, nowMs, say } = this.#options
    const isLate = nowMs() > plannedMs + 100
    if (promised.kind !== 'restore' && !isEngineUp()) promised.waitsForEngine = true
    // Frozen meanwhile: the answer is still to be read and acted upon.
    else if (isLate) this.#keepIn(promised, this.#afterworkMs())
    else if (promised.deadlineMs !== undefined && nowMs() > promised.deadlineMs) {
      say(`agent gives up on ${short(promised.id)}`)
      this.#options.note('agent:gives-up-waiting')
      this.promised.delete(promised.id)
    } else {
      this.#options.note(promised.kind === 'restore' ? 'agent:restores' : 'agent:registers-late')
      this.register(promised.id, promised.key)
    }
    if (![...this.promised.values()].some(({ kind }) => kind === 'restore')) this.isRestored = true
  }

  #afterworkMs(): number {
    const { random, setting } = this.#options
    return random.between(50, 0.6 * setting.recoveryGraceMs)
  }

  /** The agent's key for it, as the engine or Flotsam describes it. An agent without ids may have none. */
  #keyOf({ id, name, labels }: Pick<Body, 'id' | 'name' | 'labels'>): string | undefined {
    const { knownBy } = this.#options.setting
    return knownBy === 'id' ? id : knownBy === 'name' ? name : labels[taskLabel]
  }

  /** Whether that is one of its containers, by what it knows them by. */
  tracks(described: Pick<Body, 'id' | 'name' | 'labels'>): boolean {
    if (this.#options.setting.knownBy === 'id') return this.tasks.has(described.id)
    const key = this.#keyOf(described)
    return key !== undefined && key !== '' && [...this.tasks.values()].includes(key)
  }

  /** By its id it can be registered even when it is gone; otherwise only by its current name, or the last known one. */
  register(id: string, remembered?: string): void {
    const { file, find, random, setting, say } = this.#options
    const body = find(id)
    const key = remembered ?? (body ? this.#keyOf(body) : setting.knownBy === 'id' ? id : undefined)
    this.promised.delete(id)
    if (key === undefined) return
    this.releasing.delete(id)
    this.tasks.set(id, key)
    if (random.chance(0.8)) file.set(id, key)
    say(`agent tracks ${short(id)}${find(id) ? '' : ' (gone)'}`)
  }

  /** Promised registrations made no progress meanwhile. */
  stalledFor(ms: number): void {
    this.#extend(ms)
    for (const [id, untilMs] of this.releasing) this.releasing.set(id, untilMs + ms)
  }

  /** `unansweredMs` is how long the engine was known not to answer; 0 if it had not been called. */
  engineCameBack(unansweredMs: number): void {
    if (unansweredMs > 0) this.#extend(unansweredMs)
    for (const promised of this.promised.values()) {
      if (!promised.waitsForEngine) continue
      promised.waitsForEngine = false
      this.#keepIn(promised, this.#afterworkMs())
    }
  }

  #extend(ms: number): void {
    const { nowMs, setting } = this.#options
    for (const promised of this.promised.values()) {
      if (promised.deadlineMs === undefined) continue
      promised.deadlineMs = Math.max(promised.deadlineMs + ms, nowMs() + 0.8 * setting.recoveryGraceMs)
    }
  }

  /** All of its work is done. */
  finish(): void {
    for (const id of this.tasks.keys()) this.release(id)
  }

  /** Stops tracking one, and removes it itself a little later. */
  release(id: string): void {
    const { end, file, find, isEngineUp, nowMs, process, random, released, setting, say } = this.#options
    this.tasks.delete(id)
    file.delete(id)
    const withinMs = 0.6 * setting.releaseGraceMs
    this.releasing.set(id, nowMs() + withinMs)
    say(`agent stops tracking ${short(id)}`)
    released(id)
    process.setTimeout(
      () => {
        const untilMs = this.releasing.get(id)
        this.releasing.delete(id)
        const body = find(id)
        if (untilMs === undefined || nowMs() > untilMs || !isEngineUp() || !body || random.chance(0.3)) return
        this.#options.note('agent:removes-itself')
        end(body)
        say(`agent removes ${short(id)} itself`)
      },
      random.between(10, withinMs),
    )
  }

  /** What Flotsam asks. */
  readonly tracked: Tracked = {
    has: (id, container) => this.#has(id, container),
    ready: () => {
      if (this.trackerMood !== 'not-ready') return this.isRestored
      this.#options.note('tracker:not-ready')
      return false
    },
  }

  /** Whether it denies what it tracks. */
  get hasForgotten(): boolean {
    return this.trackerMood === 'forgets-all' || this.trackerMood === 'forgets-suddenly'
  }

  #has(id: string, container?: TrackedContainer): boolean | undefined | Promise<boolean | undefined> {
    const { note, random, setting, trackerAsked } = this.#options
    trackerAsked(id)
    if (this.trackerMood) note(`tracker:${this.trackerMood}`)
    switch (this.trackerMood) {
      case 'throws':
        this.#say(id, 'a throw')
        throw new Error('the tracker is broken')
      case 'rejects':
        return this.#later(random.between(1, 200), () => {
          this.#say(id, 'a rejection')
          throw new Error('the tracker is broken')
        })
      case 'hangs':
        this.#say(id, 'nothing')
        return new Promise(() => {})
      case 'undefined':
        this.#say(id, undefined)
        return undefined
      case 'not-a-boolean':
        return this.#say(id, random.pick(['', 0, null, {}])) as never
      case 'forgets-all':
      case 'forgets-suddenly':
      case 'wrong-keys':
        return this.#say(id, false) as boolean
      case 'late':
        return this.#answerLate(id, container)
      case 'not-ready':
      case undefined:
    }
    if (setting.tracker === 'at-once') return this.#say(id, this.#knows(id, container)) as boolean
    return this.#later(random.between(1, 60), () => this.#say(id, this.#knows(id, container)) as boolean)
  }

  /** Decides only by its arguments: the id, or the name or the labels in the summary. */
  #knows(id: string, container: TrackedContainer | undefined): boolean {
    const { find, note, setting } = this.#options
    const { knownBy } = setting
    const isKnown = container ? this.tracks(container) : this.tasks.has(id)
    if (isKnown && knownBy !== 'id') note(`agent:known-by-${knownBy}`)
    const body = knownBy === 'name' && container?.name === '' ? find(id) : undefined
    if (body && this.tracks(body)) note('agent:asked-without-name')
    return isKnown
  }

  /** In time, or after the caller has given up. */
  #answerLate(id: string, container: TrackedContainer | undefined): Promise<boolean> {
    const { random } = this.#options
    if (random.chance(0.5))
      return this.#later(
        random.between(500, 1800),
        () => this.#say(id, this.#knows(id, container)) as boolean,
      )
    this.#say(id, 'nothing in time')
    return this.#later(random.between(2500, 8000), () => this.#knows(id, container))
  }

  #say(id: string, answer: unknown): unknown {
    this.#options.trackerSaid(id, answer)
    return answer
  }

  #later<T>(delayMs: number, answer: () => T): Promise<T> {
    const { process } = this.#options
    return new Promise((resolve, reject) => {
      process.setTimeout(() => {
        try {
          resolve(answer())
        } catch (thrown) {
          reject(thrown)
        }
      }, delayMs)
    })
  }

  readonly beforeRemove: BeforeRemove = ({ id }) => {
    const { hookAsked, hookSaid, note, random } = this.#options
    hookAsked(id)
    if (this.hookMood) note(`hook:${this.hookMood}`)
    const say = (answer: unknown) => {
      hookSaid(id, answer)
      return answer as boolean
    }
    switch (this.hookMood) {
      case 'throws':
        hookSaid(id, 'a throw')
        throw new Error('the hook is broken')
      case 'hangs':
        hookSaid(id, 'nothing')
        return new Promise(() => {})
      case 'refuses':
        return say(false)
      case 'not-a-boolean':
        return say('yes')
      case 'late':
        return this.#later(random.between(1000, 12_000), () => say(true))
      case undefined:
    }
    return random.chance(0.5) ? say(true) : this.#later(random.between(5, 2500), () => say(true))
  }
}

export function short(id: string): string {
  return id.slice(0, 4)
}
