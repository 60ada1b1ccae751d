/** A verdict on an owned container, with its reason. */
export interface VerdictLike {
  readonly verdict: 'tracked' | 'graced' | 'dangling' | 'spared'
  readonly reason: string
  /** When the last of its graces ends, on the clock that counts them. */
  readonly endsAtMs?: number
}

/** A verdict as the container machine receives it. */
export interface Judgement {
  readonly verdict: VerdictLike
  /** When the verdict was made, on the clock that counts graces. */
  readonly atMs: number
  /** The number of the scan that the verdict is based on. */
  readonly scan: number
  /** Delay before the container should be judged again; undefined if the verdict cannot change without an event. */
  readonly recheckMs: number | undefined
}

/** Why a container is no longer managed. */
export type Outcome = 'removed' | 'vanished' | 'released'

/** A failure as the machines see it: a kind and a human-readable message. */
export interface FailureLike {
  readonly kind: string
  readonly message: string
}

/** The result of calling the owner's hook. */
export type HookAnswer =
  | { readonly answer: 'approved' }
  | { readonly answer: 'refused'; readonly judgement: Judgement }

/**
 * The result of one attempt to change a container.
 *
 * `cancelled`: the final check found that the container must not be removed. `stale`: the verdict expired before the
 * request was sent. `unsettled`: the result is unknown until the next scan.
 */
export type AttemptAnswer =
  | { readonly answer: 'done' }
  | { readonly answer: 'cancelled'; readonly judgement: Judgement }
  | { readonly answer: 'stale' }
  | ({ readonly answer: 'unsettled'; readonly isOurs: boolean } & AttemptFailed)
  | ({ readonly answer: 'failed' } & AttemptFailed)

interface AttemptFailed {
  readonly failure: FailureLike
  /** Set if the request may have stopped the container's processes. */
  readonly stop: StopEffect | undefined
}

/** What a request of ours that failed may have done. */
export interface StopEffect {
  /**
   * When the engine reported that the request failed, by the monotonic clock. A container that exits long after that has
   * exited on its own. Undefined if no failure was reported.
   */
  readonly failedAtMs: number | undefined
}

/** not-ours-to-stop: a request of ours that may have stopped the container. */
export interface StoppedByUs extends StopEffect {
  /** The start that preceded the request: after another one, it stopped nothing. */
  readonly startId: number | undefined
}
