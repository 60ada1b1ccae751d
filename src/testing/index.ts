export {
  createEmbeddedEngine,
  type EmbeddedEngine,
  type EmbeddedEngineOptions,
  type Outage,
} from './engine.ts'
export type { ContainerSpec, DirectContainers } from './direct.ts'
export type { CallFault, CallMatch, EngineFault, Fault, FaultHandle, ListingFault } from './faults.ts'
export type { ImageSpec } from './images.ts'
export type { ListenOptions } from './door.ts'
export type {
  Container,
  ContainerStatus,
  EngineVersion,
  Image,
  Mount,
  RestartPolicy,
  Volume,
} from './model.ts'
export { Refusal } from './refusal.ts'
export type { LoggedRequest, RequestLog, RequestMatch } from './request-log.ts'
