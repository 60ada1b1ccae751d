export { EngineError, type FailureKind, FlotsamError, LifecycleError, OptionError } from './errors.ts'
export type {
  AboutContainer,
  EventName,
  EventOf,
  FlotsamEvent,
  TroubleSubject,
  VerdictCounts,
} from './events.ts'
export type { ExplainedRule, Explanation } from './explain.ts'
export type { BeforeRemove, DanglingContainer } from './hook.ts'
export type { GraceReason, Reason, RuleName, SpareReason, TrackerTrouble, VerdictName } from './judge.ts'
export type { CoverableState } from './data-options.ts'
export type { Duration, ReconcilerOptions } from './options.ts'
export type { OwnerLabel } from './owner.ts'
export { createReconciler, type Reconciler } from './reconciler.ts'
export {
  createReconcilerLogic,
  type ReconcilerActorEvent,
  type ReconcilerCommand,
  type ReconcilerInput,
  type ReconcilerLogic,
  type ReconcilerSnapshot,
} from './reconciler-logic.ts'
export type { Listener, Subscription } from './report/reporter.ts'
export type { Status } from './status.ts'
export type { LookReport, ReportedContainer } from './supervision/report-of-look.ts'
export { type Tracked, TrackerTroubleError } from './tracker.ts'
