import type { Container, ContainerStatus, EngineVersion } from './model.ts'
import type { Refusal } from './refusal.ts'

/** Whose answers the engine gives: dockerd's, dockerd's with the containerd image store, or Podman's. */
export type DialectName = 'dockerd' | 'dockerd-containerd' | 'podman'

/** How an engine says no. `reference` is the container as the request named it. */
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

/** Where engines of different makes and ages differ. */
export interface Dialect extends Refusals {
  readonly name: DialectName
  readonly isPodman: boolean
  /** The network mode of a container that asked for none. */
  readonly defaultNetworkMode: string
  /** The pid and uts mode of a container that asked for none. */
  readonly unsharedMode: string
  readonly defaultIpcMode: string
  /** Whether a prune of volumes spares the named ones, for a caller of this version of the API. */
  prunesOnlyAnonymous(apiVersion: string): boolean
  /** What every answer says of the engine. */
  readonly headers: Readonly<Record<string, string>>
  /** The body of a refusal. */
  errorShape(refusal: Refusal): object
  /** `State` in a listing, and what the filter `status` compares with. */
  listedState(container: Container): ContainerStatus
  /** `State.Status` in an inspection. */
  inspectedState(container: Container): string
  /** An image's name as containers and images bear it. */
  imageName(name: string): string
  /** The words in which its events tell what happened. */
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
