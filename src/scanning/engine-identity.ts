import type { ToSupervisor } from '../containers/seal.ts'
import type { AwakeClock } from '../domain/awake.ts'
import type { Clock } from '../domain/clock.ts'
import type { ContainerSummary } from '../domain/container.ts'
import { EngineError } from '../domain/errors.ts'
import type { WatchingEngine } from '../engine/port.ts'

export interface EngineIdentityOptions {
  readonly engine: WatchingEngine
  readonly clock: Clock
  readonly awake: AwakeClock
  readonly toSupervisor: ToSupervisor
  readonly recoveryGraceMs: number
}

/** As long as a scan waits for any inspection. */
const deadlineMs = 2000

/**
 * Notices that the address leads to another engine than before. The engine is asked who it is at the first listing, and when a
 * listing has no container in common with the last one.
 */
export class EngineIdentity {
  readonly #options: EngineIdentityOptions
  #listed: readonly ContainerSummary[] | undefined
  #known: string | undefined
  /** It has said who it is, or that it will not. */
  #hasAnswered = false
  /** When the grace after the last change ends, on the clock that counts graces. */
  #settledMs = -Infinity
  #isReported = false

  constructor(options: EngineIdentityOptions) {
    this.#options = options
  }

  /** Called with each listing before it is judged. */
  async note(containers: readonly ContainerSummary[], signal: AbortSignal): Promise<void> {
    const before = this.#listed
    this.#listed = containers
    if (this.#hasAnswered && before && !areStrangers(before, containers)) return
    const known = this.#known
    const found = await this.#ask(signal)
    if (found === undefined) return
    this.#known = found
    if (known !== undefined && known !== found) this.#noteChange(known, found)
  }

  /** Whether a scan that began at that time on the awake clock was too early to call missing containers gone. */
  isUnsettled(beganAwakeMs: number): boolean {
    return beganAwakeMs < this.#settledMs
  }

  /** Called after a scan that began at that time. */
  judged(beganAwakeMs: number): void {
    if (!this.#isReported || this.isUnsettled(beganAwakeMs)) return
    this.#isReported = false
    this.#options.toSupervisor({ type: 'recovered', about: 'identity', atMs: this.#options.clock.now() })
  }

  #noteChange(known: string, found: string): void {
    const { awake, clock, recoveryGraceMs, toSupervisor } = this.#options
    const awakeMs = awake.now()
    this.#settledMs = awakeMs + recoveryGraceMs
    this.#isReported = true
    toSupervisor({ type: 'engine.replaced', awakeMs })
    const message = `it was ${known}, and is ${found}; nothing is removed for ${Math.ceil(recoveryGraceMs / 1000)}s`
    toSupervisor({ type: 'degraded', about: 'identity', kind: 'other-engine', message, atMs: clock.now() })
  }

  /** An engine that does not say who it is may be the same one. */
  async #ask(signal: AbortSignal): Promise<string | undefined> {
    try {
      const identity = await this.#options.engine.identity({ deadlineMs, signal })
      this.#hasAnswered = true
      return identity
    } catch (thrown) {
      if (!(thrown instanceof EngineError)) throw thrown
      this.#hasAnswered ||= !['timed-out', 'unavailable'].includes(thrown.kind)
      return undefined
    }
  }
}

function areStrangers(before: readonly ContainerSummary[], now: readonly ContainerSummary[]): boolean {
  // An engine lists the newest first, so that the last one has most likely stayed.
  if (before === now || before.at(-1)?.id === now.at(-1)?.id) return false
  const ids = new Set(before.map(({ id }) => id))
  return !now.some(({ id }) => ids.has(id))
}
