import type { ActorRef, EventObject, Snapshot } from 'xstate'

/** The four things that can be said of an owned container, each with its reason. */
export interface VerdictLike {
  readonly verdict: 'tracked' | 'graced' | 'dangling' | 'spared'
  readonly reason: string
}

/** How a container's story ended. */
export type Outcome = 'removed' | 'vanished' | 'released'

/** A failure as the charts see it: its kind, and a sentence for people. */
export interface FailureLike {
  readonly kind: string
  readonly message: string
}

/** What asking the owner's hook led to. */
export type HookAnswer =
  | { readonly answer: 'approved' }
  | { readonly answer: 'refused'; readonly verdict: VerdictLike }

/**
 * What a try to end or to remove a container led to.
 *
 * `let-live`: asked again last, the container is not to be removed. `stale`: the verdict expired before the request could
 * leave. `unsettled`: the engine's answer leaves open what happened, so a look must tell.
 */
export type TryAnswer =
  | { readonly answer: 'done' }
  | { readonly answer: 'let-live'; readonly verdict: VerdictLike }
  | { readonly answer: 'stale' }
  | { readonly answer: 'unsettled'; readonly isOurs: boolean; readonly failure: FailureLike }
  | { readonly answer: 'failed'; readonly failure: FailureLike }

/** What a container actor tells the fleet that it belongs to. Fixed names: XState remembers every name for ever. */
export type ToFleet =
  | { readonly type: 'removalBegan'; readonly id: string }
  /** Its request is settled, whatever came of it; the next one may have its place. */
  | { readonly type: 'placeGivenBack'; readonly id: string }
  | { readonly type: 'removalEnded'; readonly id: string }
  | {
      readonly type: 'retryWanted'
      readonly id: string
      readonly failures: number
      readonly failure: FailureLike
    }
  | { readonly type: 'lookWanted'; readonly id: string }
  | { readonly type: 'refused'; readonly id: string; readonly verdict: VerdictLike }
  | { readonly type: 'endedByUs'; readonly id: string }
  | {
      readonly type: 'gone'
      readonly id: string
      readonly outcome: Outcome
      readonly failures: number
      readonly isByAnswer: boolean
    }

export type Parent<TEvent extends EventObject> = ActorRef<Snapshot<unknown>, TEvent>

/** The fleet's children are its business; nothing of them shows in its own snapshot. */
export type FleetSnapshot = Readonly<Record<string, never>>
