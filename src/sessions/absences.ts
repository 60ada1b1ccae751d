/** One answer of a store about one lease. */
export interface Reading {
  readonly isHeld: boolean
  readonly sentMs: number
  readonly answeredMs: number
  /** Changes when the store may have lost keys: after a flush, a restart, a failover or an eviction. */
  readonly keeper: string
  /** The keeper's own clock, by which leases expire. */
  readonly keeperMs: number
  /** The longest time to live that a lease may have. */
  readonly ttlMs: number
}

interface Absence {
  /** When the first reading that showed it absent was answered. */
  readonly sinceMs: number
  last: Reading
  askedMs: number
}

export interface AbsencesOptions {
  /** No more time may pass between two readings; otherwise the count begins again. */
  readonly longestGapMs: number
  readonly most: number
}

/**
 * positive-evidence: how long leases have been absent, without interruption. A single reading proves nothing: after a flush,
 * a failover or a time in which the store was frozen, a live holder's lease is absent until it is renewed.
 */
export class Absences {
  readonly #options: AbsencesOptions
  readonly #absences = new Map<string, Absence>()

  constructor(options: AbsencesOptions) {
    this.#options = options
  }

  get ids(): readonly string[] {
    return [...this.#absences.keys()]
  }

  /** Whether the lease is held; undefined while it has not been absent for long enough. */
  note(id: string, reading: Reading): boolean | undefined {
    const known = this.#absences.get(id)
    if (reading.isHeld) {
      this.#absences.delete(id)
      return true
    }
    if (known === undefined || !this.#continues(known.last, reading)) {
      this.#begin(id, reading, known?.askedMs)
      return undefined
    }
    if (reading.sentMs > known.last.sentMs) known.last = reading
    return reading.sentMs - known.sinceMs > absenceMs(reading.ttlMs) ? false : undefined
  }

  /** Keeps the lease from being forgotten. */
  ask(id: string, nowMs: number): void {
    const absence = this.#absences.get(id)
    if (absence !== undefined) absence.askedMs = nowMs
  }

  forgetAskedBefore(ms: number): void {
    for (const [id, { askedMs }] of this.#absences) if (askedMs < ms) this.#absences.delete(id)
  }

  /** Nothing that the readings do not show can have happened in between. */
  #continues(last: Reading, next: Reading): boolean {
    const { longestGapMs } = this.#options
    if (next.keeper !== last.keeper || next.answeredMs - last.sentMs > longestGapMs) return false
    const passedMs = next.sentMs - last.sentMs
    return Math.abs(next.keeperMs - last.keeperMs - passedMs) <= longestGapMs / 4
  }

  #begin(id: string, reading: Reading, askedMs = reading.answeredMs): void {
    if (!this.#absences.has(id) && this.#absences.size >= this.#options.most) return
    this.#absences.set(id, { sinceMs: reading.answeredMs, last: reading, askedMs })
  }
}

/** How long a lease must have been absent: a live holder has renewed it four times in that time. */
function absenceMs(ttlMs: number): number {
  return ttlMs + ttlMs / 3
}
