import type { Clock } from '../domain/clock.ts'
import type { ContainerId } from '../domain/ids.ts'

export interface RemovalLimits {
  readonly maxConcurrent: number
  readonly maxPerScan: number
}

/** The maximum number of hung requests; at this limit no further request is sent. */
export const maxHung = 20
/** The next scan begins when at most this share of a batch is left. */
const leadShare = 1 / 4

/**
 * bounded-removal: tracks which containers are queued, hold a slot or have a pending request. It sends no requests; it
 * only decides which container is next.
 */
export class RemovalQueue {
  readonly #clock: Clock
  readonly #limits: RemovalLimits
  readonly #queue = new Set<ContainerId>()
  /** Containers whose removal failed before; they wait behind the others, so that they never delay them. */
  readonly #retries = new Set<ContainerId>()
  readonly #slots = new Set<ContainerId>()
  readonly #inFlightSinceMs = new Map<ContainerId, number>()
  readonly #sent = new Set<ContainerId>()
  #admittedThisScan = 0

  constructor(clock: Clock, limits: RemovalLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Called when a new listing is received: its batch starts empty. */
  startBatch(): void {
    this.#admittedThisScan = 0
  }

  enqueue(id: ContainerId, hasFailed: boolean): void {
    ;(hasFailed ? this.#retries : this.#queue).add(id)
  }

  dequeue(id: ContainerId): void {
    this.#queue.delete(id)
    this.#retries.delete(id)
  }

  takeSlot(id: ContainerId): void {
    this.#slots.add(id)
  }

  releaseSlot(id: ContainerId): void {
    this.#slots.delete(id)
  }

  beginAttempt(id: ContainerId): void {
    this.#inFlightSinceMs.set(id, this.#clock.now())
  }

  /** Records that the container's request has been sent. */
  sent(id: ContainerId): void {
    this.#sent.add(id)
  }

  endAttempt(id: ContainerId): void {
    this.#sent.delete(id)
    this.#inFlightSinceMs.delete(id)
  }

  /** Drops a container whose actor has failed. */
  forget(id: ContainerId): void {
    this.dequeue(id)
    this.releaseSlot(id)
    this.endAttempt(id)
  }

  /** Clears the queue after everything has ended. */
  clear(): void {
    for (const ids of [this.#queue, this.#retries, this.#slots, this.#inFlightSinceMs, this.#sent])
      ids.clear()
  }

  get queued(): number {
    return this.#queue.size + this.#retries.size
  }

  /** Attempts in progress, with their duration so far. */
  inFlight(): readonly { readonly id: ContainerId; readonly forMs: number }[] {
    const nowMs = this.#clock.now()
    return [...this.#inFlightSinceMs].map(([id, sinceMs]) => ({ id, forMs: nowMs - sinceMs }))
  }

  isInFlight(id: ContainerId): boolean {
    return this.#inFlightSinceMs.has(id)
  }

  get inFlightCount(): number {
    return this.#inFlightSinceMs.size
  }

  /** Dequeues the next container; undefined if none is queued or no slot is free. */
  admitNext(): ContainerId | undefined {
    if (this.#admittedThisScan >= this.#limits.maxPerScan || !this.#hasSlot()) return undefined
    const [id] = this.#queue.size > 0 ? this.#queue : this.#retries
    if (id === undefined) return undefined
    this.dequeue(id)
    this.#admittedThisScan++
    return id
  }

  /**
   * Whether to scan for the next batch: more containers are queued than the current batch can take, and the batch is nearly
   * used up. The scan runs alongside the last removals, so that the engine is never idle. It is delayed while a container
   * in a slot has not sent its request yet, because its verdict would expire; an attempt that hangs loses its slot.
   */
  get wantsNextBatch(): boolean {
    const { maxPerScan } = this.#limits
    const left = maxPerScan - this.#admittedThisScan
    const isNearlyUsedUp = left <= maxPerScan * leadShare && this.queued > left
    return isNearlyUsedUp && [...this.#slots].every((id) => this.#sent.has(id))
  }

  #hasSlot(): boolean {
    // Every attempt in flight may still hang.
    return this.#slots.size < this.#limits.maxConcurrent && this.#inFlightSinceMs.size < maxHung
  }
}
