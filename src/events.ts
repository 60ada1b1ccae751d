import type { FailureKind } from './errors.ts'
import type { Reason, SpareReason, VerdictName } from './judge.ts'

/** What every event about one container says of it. */
export interface AboutContainer {
  readonly id: string
  readonly name: string
  readonly image: string
}

/** How many owned containers have which verdict. */
export interface VerdictCounts {
  readonly tracked: number
  readonly graced: number
  readonly dangling: number
  readonly spared: number
}

/** What a run of failures of one sort is about. */
export type TroubleSubject = 'tracker' | 'hook' | 'image' | 'network' | 'events' | 'removal' | 'fault'

interface Happenings {
  /** An owned container was seen for the first time. */
  discovered: AboutContainer & { readonly state: string }
  /** A container's verdict or its reason changed. */
  classified: AboutContainer & {
    readonly verdict: VerdictName
    readonly reason: Reason
    readonly dryRun: boolean
  }
  /** A container is now owned, untracked and still not to be removed. */
  spared: AboutContainer & { readonly reason: SpareReason }
  /** The engine confirmed that we removed it: by its answer, or by a later look after an answer that never came. */
  removed: AboutContainer & { readonly confirmedBy: 'answer' | 'look'; readonly failures: number }
  /** One try to remove it failed; there will be another. */
  removeFailed: AboutContainer & {
    readonly kind: FailureKind
    readonly message: string
    readonly failures: number
    readonly retryInMs: number
  }
  /** The engine will not remove it after repeated tries. Told once; it is tried ever more rarely. */
  stuck: AboutContainer & { readonly kind: FailureKind; readonly message: string; readonly failures: number }
  /** Somebody else removed it. */
  vanished: AboutContainer
  /** It is still there and no longer the owner's. */
  released: AboutContainer
  /** The agent tracks it and the engine no longer runs it. Told once. */
  lost: AboutContainer & { readonly how: 'exited' | 'vanished' }
  /** A look came back and was judged. */
  looked: VerdictCounts & {
    readonly beganAt: number
    readonly endedAt: number
    readonly durationMs: number
    readonly listed: number
    readonly owned: number
  }
  engineDown: { readonly kind: FailureKind; readonly message: string }
  /** An outage goes on; told ever more rarely. */
  engineStillDown: {
    readonly kind: FailureKind
    readonly message: string
    readonly failures: number
    readonly downForMs: number
  }
  engineUp: { readonly failures: number; readonly downForMs: number }
  /** Something other than the engine began to fail. */
  trouble: { readonly about: TroubleSubject; readonly kind: string; readonly message: string }
  /** It still fails; told ever more rarely. */
  troubleGoesOn: {
    readonly about: TroubleSubject
    readonly kind: string
    readonly message: string
    readonly count: number
    readonly lastedMs: number
  }
  troubleOver: {
    readonly about: TroubleSubject
    readonly kind: string
    readonly count: number
    readonly lastedMs: number
  }
  /** The process, or its machine, stood still; graces did not count meanwhile. */
  stalled: {
    readonly stalledMs: number
    readonly recoveryMs: number
    /** The log told of another one within the last hour. */
    readonly isRepeat: boolean
  }
  /** `start()` was called and Flotsam is enabled. */
  started: { readonly engine: string; readonly dryRun: boolean }
  stopped: { readonly underWay: number }
  /** A fault in the supervisor itself: nothing is watched or removed any more. */
  crashed: { readonly message: string }
}

export type EventName = keyof Happenings

const everyEvent: Readonly<Record<EventName, true>> = {
  discovered: true,
  classified: true,
  spared: true,
  removed: true,
  removeFailed: true,
  stuck: true,
  vanished: true,
  released: true,
  lost: true,
  looked: true,
  engineDown: true,
  engineStillDown: true,
  engineUp: true,
  trouble: true,
  troubleGoesOn: true,
  troubleOver: true,
  stalled: true,
  started: true,
  stopped: true,
  crashed: true,
}

/** The names of everything that can happen. */
export const eventNames = Object.keys(everyEvent) as readonly EventName[]

/** The payload of one sort of event. `at` is when it happened, in milliseconds since 1970. */
export type EventOf<TName extends EventName> = {
  readonly type: TName
  readonly at: number
} & Happenings[TName]

/** Everything that can happen. */
export type FlotsamEvent = { [TName in EventName]: EventOf<TName> }[EventName]

/** An event before it is dated. */
export type Happening = { [TName in EventName]: { readonly type: TName } & Happenings[TName] }[EventName]

/** Passes on what happened. Never throws. */
export type Report = (happening: Happening) => void
