import type { Clock } from '../clock.ts'
import type { ContainerId } from '../ids.ts'

export interface RemovalLimits {
  readonly maxConcurrent: number
  readonly maxPerLook: number
}

/** no-head-of-line: a removal that takes longer gives its place to the next one. */
export const placeMs = 5000
/** So many requests may hang at a time before no further one is sent. */
export const maxHung = 20
/** The next look begins when no more than this share of a batch is left to be removed. */
const leadShare = 1 / 4

/**
 * The queue of removals and the places among them (bounded-removal). Knows no engine: it only says who may go next.
 */
export class Removals {
  readonly #clock: Clock
  readonly #limits: RemovalLimits
  readonly #queue = new Set<ContainerId>()
  /** Those that failed before: they wait behind the others, so that they never stand in anybody's way. */
  readonly #retries = new Set<ContainerId>()
  readonly #admittedAtMs = new Map<ContainerId, number>()
  readonly #sent = new Set<ContainerId>()
  #admittedThisLook = 0

  constructor(clock: Clock, limits: RemovalLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Earlier verdicts have expired: the next look fills the queue anew, and its batch starts empty. */
  startBatch(): void {
    this.#queue.clear()
    this.#retries.clear()
    this.#admittedThisLook = 0
  }

  enqueue(id: ContainerId, hasFailed: boolean): void {
    ;(hasFailed ? this.#retries : this.#queue).add(id)
  }

  drop(id: ContainerId): void {
    this.#queue.delete(id)
    this.#retries.delete(id)
  }

  get queued(): number {
    return this.#queue.size + this.#retries.size
  }

  /** Those whose requests are out, with how long each has been. */
  underWay(): readonly { readonly id: ContainerId; readonly forMs: number }[] {
    const nowMs = this.#clock.now()
    return [...this.#admittedAtMs].map(([id, atMs]) => ({ id, forMs: nowMs - atMs }))
  }

  isUnderWay(id: ContainerId): boolean {
    return this.#admittedAtMs.has(id)
  }

  get underWayCount(): number {
    return this.#admittedAtMs.size
  }

  /** Takes the next one out of the queue and gives it a place; undefined while there is none to give. */
  admitNext(): ContainerId | undefined {
    if (this.#admittedThisLook >= this.#limits.maxPerLook || !this.#hasPlace()) return undefined
    const [id] = this.#queue.size > 0 ? this.#queue : this.#retries
    if (id === undefined) return undefined
    this.drop(id)
    this.#admittedAtMs.set(id, this.#clock.now())
    this.#admittedThisLook++
    return id
  }

  /** Its request has left. */
  sent(id: ContainerId): void {
    if (this.#admittedAtMs.has(id)) this.#sent.add(id)
  }

  /** Its request is settled, or will not be sent. */
  end(id: ContainerId): void {
    this.#sent.delete(id)
    this.#admittedAtMs.delete(id)
  }

  /**
   * Whether it is time for the look that brings the next batch: others wait, and this look's batch is nearly used up. The
   * look goes on beside the last of the batch, so that the engine is never left idle. It is not asked for while somebody
   * still asks a hook or a tracker, whose verdict would expire; one that does so later is judged anew by that look. One
   * that hangs before its request is not waited for.
   */
  get wantsNextBatch(): boolean {
    const { maxPerLook } = this.#limits
    const left = maxPerLook - this.#admittedThisLook
    const isNearlyUsedUp = left <= maxPerLook * leadShare && this.queued > left
    return isNearlyUsedUp && this.#youngAges((id) => !this.#sent.has(id)).length === 0
  }

  /** Milliseconds until a place frees itself because its holder takes too long; undefined when nobody waits for one. */
  untilPlaceFreesMs(): number | undefined {
    if (this.queued === 0) return undefined
    const ages = this.#youngAges()
    return ages.length === 0 ? undefined : Math.max(0, placeMs - Math.max(...ages)) + 1
  }

  #hasPlace(): boolean {
    const young = this.#youngAges().length
    // Each young one may come to hang as well.
    return young < this.#limits.maxConcurrent && this.#admittedAtMs.size < maxHung
  }

  #youngAges(counts: (id: ContainerId) => boolean = () => true): number[] {
    const nowMs = this.#clock.now()
    const ages = [...this.#admittedAtMs].filter(([id]) => counts(id)).map(([, atMs]) => nowMs - atMs)
    return ages.filter((ageMs) => ageMs <= placeMs)
  }
}
