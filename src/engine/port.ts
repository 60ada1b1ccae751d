import type { ContainerId } from '../ids.ts'

/** What one listing says of one container, reduced to what the rules need. */
export interface ContainerSummary {
  readonly id: ContainerId
  /** The first name without its slash; empty where the engine gave none. */
  readonly name: string
  /** Every name, without slashes. */
  readonly names: readonly string[]
  /** The image as it was asked for. */
  readonly image: string
  /** The image's own id; empty where the engine gave none. */
  readonly imageId: string
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited`, `dead`; empty where the engine gave none. */
  readonly state: string
  /** By the engine's clock, milliseconds since 1970, in whole seconds; undefined where the engine gave none. */
  readonly createdAtMs: number | undefined
  readonly labels: Readonly<Record<string, string>>
  /** `HostConfig.NetworkMode`, for example `bridge` or `container:<id>`; empty where the engine gave none. */
  readonly networkMode: string
  /** Where things are mounted inside the container. */
  readonly mountTargets: readonly string[]
}

/** One whole and valid answer to a listing. A listing that is not whole is an error, never a shorter listing. */
export interface Listing {
  /**
   * In the engine's order. An engine may give the same object for a container that is listed as it was the time before,
   * and the same array where all are: nothing in them ever changes.
   */
  readonly containers: readonly ContainerSummary[]
  /** The engine's own clock as it answered (Date header, whole seconds), milliseconds since 1970; undefined where it gave none. */
  readonly engineNowMs: number | undefined
  /** Bytes of the answer's body. */
  readonly bytes: number
}

export interface EngineInfo {
  /** What serves the API: 'Docker Engine', 'Podman Engine', … */
  readonly name: string
  readonly version: string
  readonly apiVersion: string
  /** How far the engine's wall clock is ahead of ours, in milliseconds; undefined where it could not be measured. */
  readonly clockOffsetMs: number | undefined
}

/** Every call has a deadline of its own and settles by then, whatever the socket does. */
export interface CallOptions {
  readonly deadlineMs: number
  /** Gives the call up early; it then rejects with `timed-out`. */
  readonly signal?: AbortSignal | undefined
}

/** What an engine says has happened to a container: a hint and nothing more. It may come late, twice, wrong or never. */
export interface EngineEvent {
  readonly id: ContainerId
  /** In the engine's own word: `create`, `start`, `die`, `destroy`, … */
  readonly action: string
  readonly name: string
  /** The container's labels; engines put attributes of their own among them. */
  readonly labels: Readonly<Record<string, string>>
}

export interface EventsCall {
  /** Ends the stream; `events` then rejects with `timed-out`. */
  readonly signal: AbortSignal
  /** The engine is asked for events of containers with this label (`key` or `key=value`) only, and may ignore that. */
  readonly label?: string | undefined
  /** The engine has begun to answer: what happens from now on is told. */
  readonly onOpen: () => void
  readonly onEvent: (event: EngineEvent) => void
}

/**
 * The engine as somebody sees it who may only look: what a dry run gets. There is no verb in it that removes, stops or
 * changes anything. Every rejection is an `EngineError`.
 */
export interface WatchingEngine {
  /** Where it is, for people: `unix:///var/run/docker.sock`. Holds no secrets. */
  readonly address: string
  /** All containers in all states; with `label` (`key` or `key=value`) the engine is asked to filter, and may ignore that. */
  list(call: CallOptions & { readonly label?: string | undefined }): Promise<Listing>
  info(call: CallOptions): Promise<EngineInfo>
  /** The labels that an image carries. Rejects with `gone` when the engine no longer has the image. */
  imageLabels(imageId: string, call: CallOptions): Promise<Readonly<Record<string, string>>>
  /** A container's network mode, for engines whose listings leave it out. Rejects with `gone` when it no longer exists. */
  networkMode(id: ContainerId, call: CallOptions): Promise<string>
  /**
   * Follows what happens to containers. The one call without a deadline, since a quiet engine says nothing: it settles when
   * its signal ends it, resolves when the engine ends the stream, and rejects when the stream breaks.
   */
  events(call: EventsCall): Promise<void>
}

/** The engine with the verbs that change things. */
export interface Engine extends WatchingEngine {
  /**
   * Force-removes one container; resolves only when the engine confirmed it. Sent at most once: never resent by itself.
   * With `volumes`, its anonymous volumes go too.
   */
  remove(id: ContainerId, call: CallOptions & { readonly volumes: boolean }): Promise<void>
  /** SIGTERM, then SIGKILL after `graceSeconds`. Resolves when it has ended; a container that had already ended is no error. */
  stop(id: ContainerId, call: CallOptions & { readonly graceSeconds: number }): Promise<void>
  /** Lets a paused container run on: old engines refuse to remove a paused one. */
  unpause(id: ContainerId, call: CallOptions): Promise<void>
}
