export {
  containerMachine,
  type ContainerContext,
  type ContainerEvent,
  type ContainerInput,
  type ContainerOutput,
  type ContainerPolicy,
} from './container.machine.ts'
export type { ContainerRecord, Held, Inspected, ListedLike, Met, Moment, Start } from './container.record.ts'
export type { Failure, Streak, Streaks } from './failure-streaks.ts'
export type { ScanPace } from './scan-pace.ts'
export {
  supervisorMachine,
  type FleetSnapshot,
  type ScanEnd,
  type ScanOutcome,
  type StreamEnd,
  type SupervisorContext,
  type SupervisorEvent,
  type SupervisorInput,
  type SupervisorPolicy,
  type ToFleet,
  type Urgency,
} from './supervisor.machine.ts'
export type {
  AttemptAnswer,
  FailureLike,
  HookAnswer,
  Judgement,
  Outcome,
  StoppedByUs,
  VerdictLike,
} from './types.ts'
