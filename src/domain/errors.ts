import { show } from './show.ts'

/**
 * How a request to the engine failed.
 *
 * | kind | meaning |
 * | --- | --- |
 * | `unavailable` | the engine cannot be reached: absent, restarting, or the connection was lost during a response |
 * | `misconfigured` | the engine rejects the client: permissions, a denying proxy, an API version, TLS |
 * | `gone` | the engine does not know the object (404); for inspections, only if the error names the container |
 * | `in-progress` | the container is already being removed (409) |
 * | `half-removed` | Podman lists the container as being removed, and has lost its storage: its removal was interrupted |
 * | `refused` | the engine understood the request but could not, or would not, fulfill it |
 * | `timed-out` | no complete response before our own deadline; what the engine did is unknown |
 * | `invalid-answer` | a response that violates the API: HTML, truncated JSON, missing fields |
 */
export type FailureKind =
  | 'unavailable'
  | 'misconfigured'
  | 'gone'
  | 'in-progress'
  | 'half-removed'
  | 'refused'
  | 'timed-out'
  | 'invalid-answer'

/**
 * The base class of every error that Flotsam throws. Check `code`, which is stable, rather than the message. The
 * underlying error, if any, is in `cause`.
 *
 * | code | class |
 * | --- | --- |
 * | `ERR_FLOTSAM_OPTION` | `OptionError` |
 * | `ERR_FLOTSAM_ARGUMENT` | `ArgumentError` |
 * | `ERR_FLOTSAM_LIFECYCLE` | `LifecycleError` |
 * | `ERR_FLOTSAM_ENGINE` | `EngineError` |
 * | `ERR_FLOTSAM_TRACKER` | `TrackerError` |
 * | `ERR_FLOTSAM_SESSION` | `SessionError` of `flotsam/sessions` |
 * | `ERR_FLOTSAM_INSPECTOR` | `InspectorError` of `flotsam/inspector` |
 */
export abstract class FlotsamError extends Error {
  /** `ERR_FLOTSAM_…` */
  abstract readonly code: string
  /** The name of the class. */
  override get name(): string {
    return this.constructor.name
  }
}

interface OptionErrorOptions extends ErrorOptions {
  /** Shown instead of a value that may contain a secret or is not descriptive. */
  readonly shown?: string | undefined
  /** Where the value came from, if not from the option itself: `DOCKER_HOST`. */
  readonly source?: string | undefined
}

/** Thrown for an invalid option. The message contains the option, its value and the requirement. */
export class OptionError extends FlotsamError {
  readonly code = 'ERR_FLOTSAM_OPTION'
  /** The name of the option. */
  readonly option: string
  /** The given value; undefined if the option is missing. Omitted when the error is logged. */
  declare readonly value: unknown
  /** The requirement that the value does not meet. */
  readonly requirement: string
  /** Where the value came from, if not from the option itself: `DOCKER_HOST`. */
  readonly source: string | undefined
  /** The value in a form suitable for messages; undefined if the option is missing. */
  readonly shown: string | undefined
  constructor(option: string, value: unknown, requirement: string, options: OptionErrorOptions = {}) {
    const { source, shown = value === undefined ? undefined : show(value) } = options
    super(complaint(source ?? `option ${option}`, shown, requirement), options)
    this.option = option
    this.requirement = requirement
    this.source = source
    this.shown = shown
    Object.defineProperty(this, 'value', { value })
  }
}

/** The message for an invalid value, shared by all callers. */
export function complaint(place: string, shown: string | undefined, requirement: string): string {
  if (shown === undefined) return `${place} is missing; ${requirement}`
  return `${place}: ${shown} is not allowed; ${requirement}`
}

/** Thrown for an invalid argument: an unknown event, a container that the engine does not list, a broken snapshot. */
export class ArgumentError extends FlotsamError {
  readonly code = 'ERR_FLOTSAM_ARGUMENT'
}

/** Thrown if a method is called in the wrong state, such as a second `start()`. */
export class LifecycleError extends FlotsamError {
  readonly code = 'ERR_FLOTSAM_LIFECYCLE'
}

/** A failed request to the engine. */
export class EngineError extends FlotsamError {
  readonly code = 'ERR_FLOTSAM_ENGINE'
  /** How the request failed; see docs/reasons.md. */
  readonly kind: FailureKind
  /** The HTTP status, if there was a response. */
  readonly status: number | undefined
  constructor(kind: FailureKind, message: string, options?: ErrorOptions & { status?: number | undefined }) {
    super(message, options)
    this.kind = kind
    this.status = options?.status
  }
}

/** Thrown if a lease cannot be taken or asked for: it is held already, or its store cannot be used. */
export class SessionError extends FlotsamError {
  readonly code = 'ERR_FLOTSAM_SESSION'
}

/** The code of an error of Node, such as `ENOENT`. */
export function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
}

/** Returns the message of any thrown value, on one line. Never throws and never returns an empty string. */
export function messageOf(thrown: unknown): string {
  return wordsOf(thrown).replaceAll(/\s+/g, ' ').trim() || 'no message'
}

function wordsOf(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error)) return String(thrown)
    const { message, name }: { readonly message: unknown; readonly name: unknown } = thrown
    return String(message || name)
  } catch {
    // A foreign object's `toString` may throw; that must not fail here.
    return `something without words (${typeof thrown})`
  }
}
