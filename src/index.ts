// The declarations refer to types of Node, which a program with its own list of `types` may not include.
/// <reference types="node" preserve="true" />
export {
  ArgumentError,
  EngineError,
  type FailureKind,
  FlotsamError,
  LifecycleError,
  OptionError,
} from './domain/errors.ts'
export {
  type AboutContainer,
  type DegradedSubject,
  type EventName,
  eventNames,
  type EventOf,
  type EventOrigin,
  type EventPayloads,
  type FlotsamEvent,
  type VerdictCounts,
} from './domain/events.ts'
export type { ExplainedRule, Explanation } from './policy/explain.ts'
export type { EngineClient } from './domain/engine-client.ts'
export type { Logger, LogLevel } from './domain/logger.ts'
export type { BeforeRemove, DanglingContainer } from './domain/hook.ts'
export type { RuleName } from './policy/judge.ts'
export type {
  GraceReason,
  Reason,
  SpareReason,
  TrackerFailure,
  VerdictName,
  VerdictReason,
} from './domain/verdict.ts'
export type { Lease, LeaseStore, Session } from './domain/session.ts'
export type { Duration } from './options/duration.ts'
export type { OwnerLabel } from './options/owner-label.ts'
export type { CoverableState } from './options/schema.ts'
export type {
  CommonOptions,
  OwnedByLabel,
  OwnedByPreset,
  PartialOptions,
  ReconcilerOptions,
} from './options/types.ts'
export type { Clock } from './domain/clock.ts'
export {
  createReconciler,
  type NewContainer,
  type Reconciler,
  type ReconcilerDependencies,
} from './reconciler.ts'
export {
  createReconcilerLogic,
  type ReconcilerActorEvent,
  type ReconcilerCommand,
  type ReconcilerInput,
  type ReconcilerLogic,
  type ReconcilerSnapshot,
} from './xstate-logic.ts'
export type { Listener, Subscription } from './report/reporter.ts'
export type { Inspect } from './options/objects.ts'
export type { EngineHealth, Status } from './supervision/status.ts'
export type { SupervisorActor, SupervisorCommand } from './containers/seal.ts'
export type { ReportedContainer, ScannedContainer, ScanReport } from './scanning/scan-report.ts'
export { nothingTracked, type Tracked, type TrackedContainer, TrackerError } from './domain/tracked.ts'
