export {
  containerMachine,
  type ContainerContext,
  type ContainerEvent,
  type ContainerInput,
} from './container.machine.ts'
export {
  supervisorMachine,
  type LookOutcome,
  type Streak,
  type SupervisorContext,
  type SupervisorEvent,
  type SupervisorInput,
} from './supervisor.machine.ts'
export type { FailureLike, HookAnswer, Outcome, ToFleet, TryAnswer, VerdictLike } from './types.ts'
