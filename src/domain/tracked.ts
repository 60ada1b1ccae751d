import { FlotsamError } from './errors.ts'
import type { TrackerFailure } from './verdict.ts'

/** Details of a container, passed to the tracker besides the id. Frozen. */
export interface TrackedContainer {
  readonly id: string
  /** The first name without its leading slash; empty if the engine returned none. */
  readonly name: string
  readonly names: readonly string[]
  readonly image: string
  readonly state: string
  readonly labels: Readonly<Record<string, string>>
  /** Milliseconds since the Unix epoch by the engine's clock; undefined if the engine did not return it. */
  readonly createdAt: number | undefined
}

/**
 * The agent's tracker: any object with `has(id)`, such as a `Map` or `Set` of full container ids.
 *
 * The answer is `true` (the agent tracks the container), `false` (it does not) or `undefined` (currently unknown, which
 * spares it). Throwing, rejecting or exceeding the deadline spares the container too.
 *
 * An agent that uses names or labels as keys can check the second argument; it can then register a container before
 * creating it.
 */
export interface Tracked {
  has(id: string, container: TrackedContainer): boolean | undefined | Promise<boolean | undefined>
  /** Whether the agent has restored its state. Nothing is removed until this returns `true`. */
  ready?(): boolean
}

/** Declares explicitly that the agent tracks nothing. Any other tracker that never answers `true` causes a warning. */
export const nothingTracked = Object.freeze({ has: (_id: string) => false }) satisfies Tracked

/** Thrown by a custom tracker's `has` to report why it cannot answer; the container is spared for that reason. */
export class TrackerError extends FlotsamError {
  readonly code = 'ERR_FLOTSAM_TRACKER'
  /** The reason for the container's verdict. */
  readonly reason: TrackerFailure
  constructor(reason: TrackerFailure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}
