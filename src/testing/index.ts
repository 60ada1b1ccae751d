// The declarations refer to types of Node, which a program with its own list of `types` may not include.
/// <reference types="node" preserve="true" />
export {
  createEmbeddedEngine,
  type EmbeddedEngine,
  type EmbeddedEngineOptions,
  type Outage,
} from './engine.ts'
export type { DialectName } from './dialect.ts'
export type { ContainerSpec, DirectContainers, PodSpec } from './direct.ts'
export type {
  CallFault,
  CallMatch,
  EngineFault,
  Fault,
  FaultHandle,
  ListingFault,
  Patch,
  PatchFault,
} from './fault.ts'
export type { ImageSpec } from './images.ts'
export type { ListenOptions } from './door.ts'
export type {
  Container,
  ContainerStatus,
  EngineVersion,
  Image,
  ImagePlatform,
  Mount,
  Platform,
  PodMember,
  RestartPolicy,
  Volume,
} from './model.ts'
export { createTestClock, type TestClock, type TestClockOptions } from './test-clock.ts'
export { Refusal } from './refusal.ts'
export type { LoggedRequest, RequestLog, RequestMatch } from './request-log.ts'
