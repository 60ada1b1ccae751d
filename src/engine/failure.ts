import { EngineError, messageOf, type FailureKind } from '../domain/errors.ts'

export type Verb =
  | 'list'
  | 'info'
  | 'identity'
  | 'imageLabels'
  | 'inspect'
  | 'unpausedWithin'
  | 'events'
  | 'remove'
  | 'stop'
  | 'unpause'

/** The call that failed. */
export interface FailureContext {
  readonly verb: Verb
  readonly address: string
  /** The container or image that the call was about. */
  readonly subject?: string | undefined
  /** The `maxSockets` of the host's agent, if it is low. */
  readonly sockets?: number | undefined
}

/** The engine responded with an unexpected status. */
export class StatusError extends Error {
  readonly statusCode: number
  /** The engine's message on one line; empty if there is none. */
  readonly detail: string
  /** Whether the body has the API's format. A web page or plain text is no evidence about a container. */
  readonly isOfEngine: boolean
  constructor(statusCode: number, detail: string, isOfEngine: boolean) {
    super(detail === '' ? `HTTP ${statusCode}` : `${detail} (HTTP ${statusCode})`)
    this.statusCode = statusCode
    this.detail = detail
    this.isOfEngine = isOfEngine
  }
}

/** The response violates the API, or is about something else than the request. */
export class AnswerError extends Error {
  /** The status, if the status alone does not explain the failure. */
  readonly statusCode: number | undefined
  constructor(message: string, options?: ErrorOptions & { readonly statusCode?: number }) {
    super(message, options)
    this.statusCode = options?.statusCode
  }
}

/** positive-evidence: the engine's response shows that the requested object does not exist. */
export class GoneError extends Error {}

/** Podman lists the container as being removed, and has lost its storage. */
export class HalfRemovedError extends Error {}

/** The response was cut off. */
export class CutError extends Error {
  constructor(options?: ErrorOptions) {
    super('the connection closed in the middle of the answer', options)
  }
}

/** A failure before any response that is not a system error. */
export class ReachError extends Error {
  readonly kind: 'unavailable' | 'misconfigured'
  constructor(kind: 'unavailable' | 'misconfigured', message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}

/** Converts anything that a call threw to an `EngineError`, by code and status; by message only if there is no other way. */
export function toEngineError(thrown: unknown, context: FailureContext): EngineError {
  if (thrown instanceof EngineError) return thrown
  const { kind, cause, status } = classify(thrown, context.verb)
  return new EngineError(kind, `${describeCall(context)}: ${cause}`, { cause: thrown, status })
}

/** Describes a failed call, such as `cannot list containers at unix:///var/run/docker.sock`. */
export function describeCall({ verb, address, subject = '' }: FailureContext): string {
  const doing = {
    list: 'list containers',
    info: 'ask for the version',
    identity: 'ask which engine it is',
    imageLabels: `read the labels of image ${subject}`,
    inspect: `inspect container ${subject}`,
    events: 'follow the events',
    unpausedWithin: 'ask which containers were unpaused',
    remove: `remove container ${subject}`,
    stop: `stop container ${subject}`,
    unpause: `unpause container ${subject}`,
  }[verb]
  return `cannot ${doing} at ${address}`
}

interface Classified {
  readonly kind: FailureKind
  readonly cause: string
  readonly status?: number | undefined
}

function classify(thrown: unknown, verb: Verb): Classified {
  const status = statusOf(thrown)
  const cause = messageOf(thrown)
  if (thrown instanceof AnswerError) return { kind: 'invalid-answer', cause, status }
  if (status !== undefined) return { ...classifyStatus(status, thrown, verb), status }
  if (thrown instanceof GoneError) return { kind: 'gone', cause }
  if (thrown instanceof HalfRemovedError) return { kind: 'half-removed', cause }
  if (thrown instanceof CutError) return { kind: 'unavailable', cause }
  if (thrown instanceof ReachError) return { kind: thrown.kind, cause }
  return classifyCode(codeOf(thrown), thrown)
}

function statusOf(thrown: unknown): number | undefined {
  const status = (thrown as { statusCode?: unknown } | null | undefined)?.statusCode
  return typeof status === 'number' ? status : undefined
}

const aboutTheWhole: ReadonlySet<Verb> = new Set(['list', 'info', 'identity', 'events', 'unpausedWithin'])

function classifyStatus(status: number, thrown: unknown, verb: Verb): Classified {
  const cause = messageOf(thrown)
  const asksForAll = aboutTheWhole.has(verb)
  switch (status) {
    case 400: // an unsupported API version, or plain HTTP to a TLS port
      return { kind: 'misconfigured', cause }
    case 401:
    case 403:
    case 407:
      return {
        kind: 'misconfigured',
        cause: `${cause}; the engine, or a proxy in front of it, denies access`,
      }
    case 404:
      // positive-evidence: only a response in the API's format proves that a container or image is gone
      if (asksForAll || !(thrown instanceof StatusError && thrown.isOfEngine)) {
        return { kind: 'misconfigured', cause: `${cause}; no container engine answers there` }
      }
      return { kind: 'gone', cause }
    case 409:
      // Only the message distinguishes the two. If in doubt, it is a refusal, which is reported and retried after a new scan: a
      // wrong guess costs one request, while a wrong `in-progress` would hide the cause.
      return { kind: /in progress|being removed/i.test(cause) ? 'in-progress' : 'refused', cause }
    case 408:
    case 429:
    case 502:
    case 503:
    case 504:
      return { kind: 'unavailable', cause }
    default:
  }
  if (status < 300) return { kind: 'invalid-answer', cause: `${cause} is not a confirmation` }
  if (status < 500) return { kind: asksForAll || status < 400 ? 'misconfigured' : 'refused', cause }
  if (asksForAll) return { kind: 'unavailable', cause: withAdvice(cause) }
  // Not every engine and proxy keeps the status of a conflict; without it, only these words count.
  return {
    kind: /removal of container \S+ is already in progress/.test(cause) ? 'in-progress' : 'refused',
    cause: withAdvice(cause),
  }
}

/** Podman that keeps no events cannot say which containers were unpaused. */
function withAdvice(cause: string): string {
  const isWithoutEvents = /cannot read events with the "none" backend/.test(cause)
  return isWithoutEvents
    ? `${cause}; set events_logger in the engine's containers.conf to "file" or "journald"`
    : cause
}

function codeOf(thrown: unknown): string {
  const code = (thrown as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : ''
}

const adviceByCode: Readonly<Record<string, string>> = {
  ENOENT: 'no such socket (ENOENT); is the engine installed and running?',
  ECONNREFUSED: 'connection refused (ECONNREFUSED); is the engine running?',
  ECONNRESET: 'the connection was reset (ECONNRESET)',
  EPIPE: 'the connection broke (EPIPE)',
  EACCES: 'permission denied (EACCES); is this user in the docker group?',
  EPERM: 'permission denied (EPERM); is this user in the docker group?',
  ENOTFOUND: 'no such host (ENOTFOUND)',
  EAI_AGAIN: 'the host name cannot be resolved now (EAI_AGAIN)',
  EHOSTUNREACH: 'the host cannot be reached (EHOSTUNREACH)',
  ENETUNREACH: 'the network cannot be reached (ENETUNREACH)',
  ETIMEDOUT: 'no connection in time (ETIMEDOUT)',
  ENOTDIR: 'a parent of the socket path is not a directory (ENOTDIR)',
  EPROTO: 'the TLS handshake failed (EPROTO); is it a plain-text port?',
}

const misconfiguredCodes = new Set([
  'EACCES',
  'EPERM',
  'ENOTDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'EINVAL',
  'EPROTO',
])
const tlsCode =
  /^(CERT_|UNABLE_TO_|ERR_TLS_|ERR_SSL_|ERR_OSSL_|(DEPTH_ZERO_)?SELF_SIGNED|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH)/

function classifyCode(code: string, thrown: unknown): Classified {
  // OpenSSL's message refers to its source code; its reason is readable
  const { reason } = (thrown ?? {}) as { reason?: unknown }
  const text = (typeof reason === 'string' && reason) || messageOf(thrown) || 'unknown error'
  const cause = adviceByCode[code] ?? (code === '' || text.includes(code) ? text : `${text} (${code})`)
  if (code === 'ABORT_ERR') return { kind: 'timed-out', cause: 'given up' }
  if (code.startsWith('HPE_')) return { kind: 'invalid-answer', cause: `what answers is not HTTP (${code})` }
  if (tlsCode.test(code)) return { kind: 'misconfigured', cause: `TLS: ${cause}` }
  if (misconfiguredCodes.has(code)) return { kind: 'misconfigured', cause }
  return { kind: 'unavailable', cause }
}

/** Whether the connection was reset before the response, which happens to a stale one and is worth one retry. */
export function isReset(thrown: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes(codeOf(thrown))
}
