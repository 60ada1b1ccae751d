import type { Container, ContainerStatus, EngineVersion } from './model.ts'
import type { Refusal } from './refusal.ts'

/** The emulated engine: dockerd, dockerd with the containerd image store, or Podman. */
export type DialectName = 'dockerd' | 'dockerd-containerd' | 'podman'

/** An engine's error answers. `reference` is the container as the request named it. */
export interface Refusals {
  noSuchContainer(reference: string): Refusal
  ambiguousPrefix(prefix: string): Refusal
  nameTaken(name: string, owner: string): Refusal
  noSuchImage(reference: string): Refusal
  badBody(why: string): Refusal
  unreadableFilters(): Refusal
  invalidFilter(filter: string): Refusal
  killOfStopped(container: Container, reference: string): Refusal
  unpauseOfRunning(container: Container): Refusal
  removalOfLiving(container: Container, reference: string): Refusal
  noSuchProgram(path: string): Refusal
}

/** The differences between engines and their versions. */
export interface Dialect extends Refusals {
  readonly name: DialectName
  readonly isPodman: boolean
  /** The network mode of a container that requested none. */
  readonly defaultNetworkMode: string
  /** The pid and uts mode of a container that requested none. */
  readonly unsharedMode: string
  readonly defaultIpcMode: string
  /** Whether a prune of volumes spares named ones in this version of the API. */
  prunesOnlyAnonymous(apiVersion: string): boolean
  /** Headers of every answer. */
  readonly headers: Readonly<Record<string, string>>
  /** The body of an error answer. */
  errorShape(refusal: Refusal): object
  /** `State` in a listing, and what the filter `status` compares with. */
  listedState(container: Container): ContainerStatus
  /** `State.Status` in an inspection. */
  inspectedState(container: Container): string
  /** An image's name as shown for containers and images. */
  imageName(name: string): string
  /** The actions of its events for something that happened. */
  eventWords(action: string): readonly string[]
  eventAttributes(action: string, container: Container): Readonly<Record<string, string>>
}

/** Compares two versions, such as `1.9` and `1.24`. */
export function isBelow(version: string, other: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [otherMajor = 0, otherMinor = 0] = other.split('.').map(Number)
  return major === otherMajor ? minor < otherMinor : major < otherMajor
}

export const defaultVersions: Readonly<Record<DialectName, EngineVersion>> = {
  dockerd: { engine: '28.5.2', api: '1.51', minApi: '1.24' },
  'dockerd-containerd': { engine: '28.5.2', api: '1.51', minApi: '1.24' },
  podman: { engine: '5.8.6', api: '1.44', minApi: '1.24' },
}
