import type { ContainerSummary, Inspection, Shares } from '../domain/container.ts'
import type { ContainerId } from '../domain/ids.ts'

/** Entries of a listing that do not tell which containers they are about. */
export interface Unidentified {
  readonly count: number
  /** A human-readable description of the first one. */
  readonly first: string
}

/**
 * A complete listing. An incomplete one is an error, never a shorter listing. An entry that could not be read is among the
 * containers if its id is known, with the field `unreadable`.
 */
export interface Listing {
  /**
   * In the engine's order, and immutable. The object of a container whose entry did not change may be that of the last
   * listing, and so may the array if no entry changed.
   */
  readonly containers: readonly ContainerSummary[]
  /** Entries that may be any container; undefined if there are none. */
  readonly unidentified?: Unidentified | undefined
  /**
   * Why the engine refuses to list all containers, and what a person can do. This listing is complete, but was made in
   * another way. Undefined if the engine does not refuse.
   */
  readonly refusal?: string | undefined
  /** The engine's time at the response (Date header, whole seconds), in milliseconds since 1970; undefined without one. */
  readonly engineNowMs: number | undefined
  /** Size of the response body. */
  readonly bytes: number
}

export interface EngineInfo {
  /** The product that serves the API: 'Docker Engine', 'Podman Engine', … */
  readonly name: string
  readonly version: string
  readonly apiVersion: string
  /** How far the engine's wall clock is ahead of ours, in milliseconds; undefined if it could not be measured. */
  readonly clockOffsetMs: number | undefined
}

/** The image of a container. */
export interface AskedImage {
  readonly id: string
  /** The container's platform, because one image id may cover several; empty if unknown. */
  readonly platform: string
}

/** Every call has its own deadline and settles by then, even if the socket hangs. */
export interface CallOptions {
  readonly deadlineMs: number
  /** Aborts the call, which then rejects with `timed-out`. */
  readonly signal?: AbortSignal | undefined
}

/** A container event. It is only a hint: it may be late, duplicated, wrong or missing. */
export interface EngineEvent {
  readonly id: ContainerId
  /** The engine's name of the action: `create`, `start`, `die`, `destroy`, … */
  readonly action: string
  readonly name: string
  /** The container's labels, and attributes that the engine adds. */
  readonly labels: Readonly<Record<string, string>>
}

export interface EventsCall {
  /** Ends the stream; `events` then rejects with `timed-out`. */
  readonly signal: AbortSignal
  /** Requests only events with one of these actions; the engine may ignore it. */
  readonly actions: readonly string[]
  /** Called when the response begins; events from then on are passed to `onEvent`. */
  readonly onOpen: () => void
  readonly onEvent: (event: EngineEvent) => void
}

/**
 * The engine with read access only, as used by a dry run. It has no method that removes, stops or changes anything. Every
 * rejection is an `EngineError`.
 */
export interface WatchingEngine {
  /** The address for display, such as `unix:///var/run/docker.sock`. Contains no secrets. */
  readonly address: string
  /** Lists all containers in all states. With `label` (`key` or `key=value`) the engine filters, but may ignore it. */
  list(call: CallOptions & { readonly label?: string | undefined }): Promise<Listing>
  info(call: CallOptions): Promise<EngineInfo>
  /** What distinguishes this engine from others, and stays the same when it restarts; undefined if it has no such thing. */
  identity(call: CallOptions): Promise<string | undefined>
  /**
   * positive-evidence: the labels of an image, from a complete response about exactly this image and platform. Rejects with
   * `gone` if the engine no longer has the image, and with `invalid-answer` if the response is anything less.
   */
  imageLabels(image: AskedImage, call: CallOptions): Promise<Readonly<Record<string, string>>>
  /**
   * Inspects one container. Rejects with `gone` if there is no container with that id, also if the engine returns one that
   * only has it as its name. Rejects with `half-removed` if it is being removed and the engine has lost its storage.
   */
  inspect(id: ContainerId, call: CallOptions): Promise<Inspection>
  /** Asks only what one container shares with others, however much else there is to say. Rejects as `inspect` does. */
  shares(id: ContainerId, call: CallOptions): Promise<Shares>
  /**
   * The containers that were unpaused in that period, as far as the engine remembers: dockerd keeps 256 events, and none
   * across a restart. Resolves when the period is over. An inspection does not show an unpause.
   */
  unpausedWithin(
    period: { readonly sinceMs: number; readonly untilMs: number },
    call: CallOptions,
  ): Promise<UnpauseMemory>
  /**
   * Follows the events of containers. It has no deadline, because an idle engine sends nothing: it rejects when its signal
   * is aborted or the stream breaks, and resolves when the engine ends the stream.
   */
  events(call: EventsCall): Promise<void>
}

/** The unpauses that an engine remembers. Times are by its clock, in milliseconds since 1970. */
export interface UnpauseMemory {
  readonly unpaused: ReadonlySet<ContainerId>
  /** The start of what it remembers without gaps; undefined if it remembers nothing. */
  readonly sinceMs: number | undefined
}

/**
 * The result of a request that changes something: the engine confirmed it, had nothing to do, or never got it because the
 * last question withheld it.
 */
export type ChangeOutcome = 'done' | 'unchanged' | 'withheld'

/** Options of a request that changes something. It is sent at most once and never retried automatically. */
export interface ChangeOptions extends CallOptions {
  /**
   * fresh-scan: called at most once, when the connection of the request is established (handshakes and logins are done, no
   * queue is left) and only the request's bytes remain to be sent. If it returns `true`, they are written in the same turn
   * of the event loop. Otherwise nothing is sent and the call resolves with `withheld`; a throw or a rejection counts as
   * `false` and is not passed on. If it is never called, nothing was sent. An answer after the call or the connection has
   * ended sends nothing either; the call has already rejected.
   */
  readonly maySend: () => boolean | Promise<boolean>
  /** not-ours-to-stop: called right before the first byte is written. If it was not called, the request was never sent. */
  readonly onSent?: (() => void) | undefined
}

/** The engine with write access. */
export interface Engine extends WatchingEngine {
  /**
   * Removes one container; resolves with `done` only if the engine confirmed it. `volumes` also removes its anonymous
   * volumes; on Podman only if all of them were certainly created with it. Without `force`, the engine refuses to remove a
   * running container.
   */
  remove(
    id: ContainerId,
    call: ChangeOptions & { readonly volumes: boolean; readonly force: boolean },
  ): Promise<ChangeOutcome>
  /** Sends SIGTERM, then SIGKILL after `graceSeconds`. `done` when it has exited, `unchanged` if it already had. */
  stop(id: ContainerId, call: ChangeOptions & { readonly graceSeconds: number }): Promise<ChangeOutcome>
  /** Unpauses a container, because old engines refuse to remove a paused one. */
  unpause(id: ContainerId, call: ChangeOptions): Promise<ChangeOutcome>
}
