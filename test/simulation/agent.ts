import type { BeforeRemove } from '../../src/hook.ts'
import type { Tracked } from '../../src/tracker.ts'
import type { Body } from './engine/body.ts'
import type { HookMood, TrackerMood } from './plan.ts'
import type { Random } from './random.ts'
import type { Setting } from './setting.ts'
import type { Process } from './timeline.ts'
import type { Word } from './vocabulary.ts'

/** A container that the agent is about to register, and surely will before the deadline unless it gives up. */
export interface Promised {
  readonly kind: 'creation' | 'restore'
  readonly id: string
  /** By the world's time; what a stall or an outage adds to it is added. Undefined: as long as it takes. */
  deadlineMs: number | undefined
  waitsForEngine: boolean
}

export interface AgentOptions {
  readonly process: Process
  readonly setting: Setting
  readonly random: Random
  /** Ids that survive a crash. */
  readonly file: Set<string>
  readonly nowMs: () => number
  readonly isEngineUp: () => boolean
  readonly find: (id: string) => Body | undefined
  /** Removes it by hand. */
  readonly end: (body: Body) => void
  readonly note: (word: Word) => void
  readonly tell: (text: string) => void
  readonly trackerAsked: (id: string) => void
  readonly trackerSaid: (id: string, answer: unknown) => void
  readonly released: (id: string) => void
  readonly hookAsked: (id: string) => void
  readonly hookSaid: (id: string, answer: unknown) => void
}

/** The agent of one process life. It keeps every promise that the graces rest on. */
export class Agent {
  readonly tasks = new Set<string>()
  readonly promised = new Map<string, Promised>()
  /** Let go of, and removed by the agent itself until then. */
  readonly releasing = new Map<string, number>()
  trackerMood: TrackerMood | undefined
  hookMood: HookMood | undefined
  isRestored = true
  readonly #options: AgentOptions

  constructor(options: AgentOptions) {
    this.#options = options
  }

  /** Takes back what the file remembers: at once, within the restore grace, or as long as it takes where `ready` tells. */
  restore(): void {
    const { file, random, setting, nowMs } = this.#options
    if (setting.restoreGraceMs === 0 && !setting.hasReady) {
      for (const id of file) this.tasks.add(id)
      return
    }
    const longestMs = setting.restoreGraceMs * (setting.hasReady ? 1.5 : 0.6) + (setting.hasReady ? 5000 : 0)
    this.isRestored = file.size === 0
    for (const id of file) {
      const deadlineMs = setting.hasReady ? undefined : nowMs() + 0.8 * setting.restoreGraceMs
      this.#promise({ kind: 'restore', id, deadlineMs, waitsForEngine: false }, random.between(10, longestMs))
    }
  }

  /** A container was created and its answer is on its way. */
  promiseCreation(id: string): void {
    const { random, setting, nowMs } = this.#options
    const { creationGraceMs } = setting
    const deadlineMs = nowMs() + 0.75 * creationGraceMs
    this.#promise(
      { kind: 'creation', id, deadlineMs, waitsForEngine: false },
      random.between(20, 0.6 * creationGraceMs),
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
    const { isEngineUp, nowMs, tell } = this.#options
    const isLate = nowMs() > plannedMs + 100
    if (promised.kind === 'creation' && !isEngineUp()) promised.waitsForEngine = true
    // Frozen meanwhile: the answer has yet to be read, and what comes after it to be done.
    else if (isLate) this.#keepIn(promised, this.#afterworkMs())
    else if (promised.deadlineMs !== undefined && nowMs() > promised.deadlineMs) {
      tell(`agent gives up on ${short(promised.id)}`)
      this.#options.note('agent:gives-up-waiting')
      this.promised.delete(promised.id)
    } else {
      this.#options.note(promised.kind === 'creation' ? 'agent:registers-late' : 'agent:restores')
      this.register(promised.id)
    }
    if (![...this.promised.values()].some(({ kind }) => kind === 'restore')) this.isRestored = true
  }

  #afterworkMs(): number {
    const { random, setting } = this.#options
    return random.between(50, 0.6 * setting.recoveryGraceMs)
  }

  register(id: string): void {
    const { file, find, random, tell } = this.#options
    this.promised.delete(id)
    this.releasing.delete(id)
    this.tasks.add(id)
    if (random.chance(0.8)) file.add(id)
    tell(`agent tracks ${short(id)}${find(id) ? '' : ' (gone)'}`)
  }

  /** Nothing of what the process promised had time to go on meanwhile. */
  stalledFor(ms: number): void {
    this.#extend(ms)
    for (const [id, untilMs] of this.releasing) this.releasing.set(id, untilMs + ms)
  }

  /** `unansweredMs` is how long the engine was known not to answer; 0 where nobody had asked it. */
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

  /** Lets go of one, and removes it itself a little later. */
  release(id: string): void {
    const { end, file, find, isEngineUp, nowMs, process, random, released, setting, tell } = this.#options
    this.tasks.delete(id)
    file.delete(id)
    const withinMs = 0.6 * setting.releaseGraceMs
    this.releasing.set(id, nowMs() + withinMs)
    tell(`agent lets go of ${short(id)}`)
    released(id)
    process.setTimeout(
      () => {
        const untilMs = this.releasing.get(id)
        this.releasing.delete(id)
        const body = find(id)
        if (untilMs === undefined || nowMs() > untilMs || !isEngineUp() || !body || random.chance(0.3)) return
        this.#options.note('agent:removes-itself')
        end(body)
        tell(`agent removes ${short(id)} itself`)
      },
      random.between(10, withinMs),
    )
  }

  /** What Flotsam asks. */
  readonly tracked: Tracked = {
    has: (id) => this.#has(id),
    ready: () => {
      if (this.trackerMood !== 'not-ready') return this.isRestored
      this.#options.note('tracker:not-ready')
      return false
    },
  }

  #has(id: string): boolean | undefined | Promise<boolean | undefined> {
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
        return this.#say(id, false) as boolean
      case 'late':
        return this.#answerLate(id)
      case 'not-ready':
      case undefined:
    }
    if (setting.tracker === 'at-once') return this.#say(id, this.tasks.has(id)) as boolean
    return this.#later(random.between(1, 60), () => this.#say(id, this.tasks.has(id)) as boolean)
  }

  /** In time, or when nobody listens any more. */
  #answerLate(id: string): Promise<boolean> {
    const { random } = this.#options
    if (random.chance(0.5))
      return this.#later(random.between(500, 1800), () => this.#say(id, this.tasks.has(id)) as boolean)
    this.#say(id, 'nothing in time')
    return this.#later(random.between(2500, 8000), () => this.tasks.has(id))
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
