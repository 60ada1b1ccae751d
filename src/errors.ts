/**
 * How a call to the engine failed.
 *
 * | kind | meaning |
 * | --- | --- |
 * | `unavailable` | nobody answers there now: absent, restarting, cut off in the middle of an answer |
 * | `misconfigured` | it answers, and refuses us: permissions, a denying proxy, an API version, TLS |
 * | `gone` | the engine does not know the thing (404) |
 * | `in-progress` | somebody's removal of it is already under way (409) |
 * | `refused` | the engine understood and could not, or would not, do it |
 * | `timed-out` | no whole answer before our own deadline; what the engine did is unknown |
 * | `invalid-answer` | an answer that is not what the API promises: HTML, cut JSON, missing fields |
 */
export type FailureKind =
  | 'unavailable'
  | 'misconfigured'
  | 'gone'
  | 'in-progress'
  | 'refused'
  | 'timed-out'
  | 'invalid-answer'

/** The base of every error that Flotsam itself throws. `code` is stable; messages are for people. */
export abstract class FlotsamError extends Error {
  abstract readonly code: string
  override get name(): string {
    return this.constructor.name
  }
}

/** An option, flag or setting that cannot be used. The message names it, its value and what is allowed. */
export class OptionError extends FlotsamError {
  readonly code = 'ERR_FLOTSAM_OPTION'
  readonly option: string
  constructor(option: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.option = option
  }
}

/** A method called at a time when it makes no sense, such as a second `start()`. */
export class LifecycleError extends FlotsamError {
  readonly code = 'ERR_FLOTSAM_LIFECYCLE'
}

/** A call to the engine that did not do what was asked. */
export class EngineError extends FlotsamError {
  readonly code = 'ERR_FLOTSAM_ENGINE'
  readonly kind: FailureKind
  /** The HTTP status, where there was one. */
  readonly status: number | undefined
  constructor(kind: FailureKind, message: string, options?: ErrorOptions & { status?: number | undefined }) {
    super(message, options)
    this.kind = kind
    this.status = options?.status
  }
}

/** Failures of the connection itself: no byte of the request can have reached an engine. */
const beforeSending = new Set<unknown>([
  'ENOENT',
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EACCES',
  'EPERM',
])

/** Whether the engine may have received the request that failed, and may have carried it out. */
export function mayHaveArrived({ cause }: EngineError): boolean {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  return !beforeSending.has(code)
}

/** The message of anything that was thrown, on one line. Never throws, and is never empty. */
export function messageOf(thrown: unknown): string {
  return wordsOf(thrown).replaceAll(/\s+/g, ' ').trim() || 'no message'
}

function wordsOf(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error)) return String(thrown)
    const { message, name }: { readonly message: unknown; readonly name: unknown } = thrown
    return String(message || name)
  } catch {
    // Whatever a foreign object does when it is put into words is no reason to fail here.
    return `something without words (${typeof thrown})`
  }
}
