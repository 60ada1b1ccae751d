import type { SafetyRule } from './life.ts'

interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/** The part of the world's time that a grace may count: no stalls and outages. */
export class CountedTime {
  #uncounted: Span[] = []
  readonly #clockJumpsMs: number[] = []

  /** A new process has missed nothing. */
  begin(): void {
    this.#uncounted = []
  }

  leaveOut(span: Span): void {
    this.#uncounted.push(span)
  }

  /** The engine's clock was set. */
  clockJumped(atMs: number): void {
    this.#clockJumpsMs.push(atMs)
  }

  jumpedBetween(fromMs: number, toMs: number): boolean {
    return this.#clockJumpsMs.some((atMs) => atMs >= fromMs && atMs <= toMs)
  }

  /** How much of the time between the two a grace may count. */
  between(fromMs: number, toMs: number): number {
    let uncountedMs = 0
    let reachedMs = fromMs
    for (const span of [...this.#uncounted].sort((one, other) => one.fromMs - other.fromMs)) {
      const startMs = Math.max(span.fromMs, reachedMs)
      const endMs = Math.min(span.toMs, toMs)
      if (endMs <= startMs) continue
      uncountedMs += endMs - startMs
      reachedMs = endMs
    }
    return toMs - fromMs - uncountedMs
  }

  /** Which rule should have prevented a removal that is too early. */
  blame(sinceMs: number): SafetyRule {
    if (this.#uncounted.some(({ toMs }) => toMs >= sinceMs)) return 'awake-time'
    return this.jumpedBetween(sinceMs, Infinity) ? 'honest-clock' : 'fresh-scan'
  }
}
