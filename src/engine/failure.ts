import { EngineError, messageOf, type FailureKind } from '../errors.ts'

export type Verb = 'list' | 'info' | 'imageLabels' | 'networkMode' | 'events' | 'remove' | 'stop' | 'unpause'

/** What was being done when it failed. */
export interface FailureContext {
  readonly verb: Verb
  readonly address: string
  /** The container or image it was done to. */
  readonly subject?: string | undefined
}

/** The engine answered, with a status that is not what was asked for. */
export class StatusError extends Error {
  readonly statusCode: number
  /** What the engine said, on one line; empty where it said nothing. */
  readonly detail: string
  constructor(statusCode: number, detail: string) {
    super(detail === '' ? `HTTP ${statusCode}` : `${detail} (HTTP ${statusCode})`)
    this.statusCode = statusCode
    this.detail = detail
  }
}

/** The engine answered what the API does not promise. */
export class AnswerError extends Error {}

/** The answer began and ended before its time. */
export class CutError extends Error {
  constructor(options?: ErrorOptions) {
    super('the connection closed in the middle of the answer', options)
  }
}

/** What went wrong before there was any answer, where no system error says it. */
export class ReachError extends Error {
  readonly kind: 'unavailable' | 'misconfigured'
  constructor(kind: 'unavailable' | 'misconfigured', message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}

/** Anything that a call threw as the error of the port; codes and statuses decide, texts only where nothing else can. */
export function toEngineError(thrown: unknown, context: FailureContext): EngineError {
  if (thrown instanceof EngineError) return thrown
  const { kind, cause, status } = classify(thrown, context.verb)
  return new EngineError(kind, `${describeCall(context)}: ${cause}`, { cause: thrown, status })
}

/** `cannot list containers at unix:///var/run/docker.sock` */
export function describeCall({ verb, address, subject = '' }: FailureContext): string {
  const doing = {
    list: 'list containers',
    info: 'ask for the version',
    imageLabels: `read the labels of image ${subject}`,
    networkMode: `read the network of container ${subject}`,
    events: 'follow the events',
    remove: `remove container ${subject}`,
    stop: `stop container ${subject}`,
    unpause: `unpause container ${subject}`,
  }[verb]
  return `cannot ${doing} at ${address}`
}

interface Classified {
  readonly kind: FailureKind
  readonly cause: string
  readonly status?: number
}

function classify(thrown: unknown, verb: Verb): Classified {
  const status = statusOf(thrown)
  if (status !== undefined) return { ...classifyStatus(status, thrown, verb), status }
  const cause = messageOf(thrown)
  if (thrown instanceof AnswerError) return { kind: 'invalid-answer', cause }
  if (thrown instanceof CutError) return { kind: 'unavailable', cause }
  if (thrown instanceof ReachError) return { kind: thrown.kind, cause }
  return classifyCode(codeOf(thrown), thrown)
}

function statusOf(thrown: unknown): number | undefined {
  const status = (thrown as { statusCode?: unknown } | null | undefined)?.statusCode
  return typeof status === 'number' ? status : undefined
}

function classifyStatus(status: number, thrown: unknown, verb: Verb): Classified {
  const cause = messageOf(thrown)
  const asksForAll = verb === 'list' || verb === 'info' || verb === 'events'
  switch (status) {
    case 400: // an API version that it does not speak, a TLS port asked in plain text
      return { kind: 'misconfigured', cause }
    case 401:
    case 403:
    case 407:
      return { kind: 'misconfigured', cause: `${cause}; the engine, or a proxy before it, denies us` }
    case 404:
      if (asksForAll) return { kind: 'misconfigured', cause: `${cause}; no container engine answers there` }
      return { kind: 'gone', cause }
    case 409:
      return { kind: isUnderWay(thrown) ? 'in-progress' : 'refused', cause }
    case 408:
    case 429:
    case 502:
    case 503:
    case 504:
      return { kind: 'unavailable', cause }
    default:
  }
  if (status < 300) return { kind: 'invalid-answer', cause: `${cause} confirms nothing` }
  if (status < 500) return { kind: asksForAll || status < 400 ? 'misconfigured' : 'refused', cause }
  return { kind: asksForAll ? 'unavailable' : 'refused', cause }
}

/**
 * Only the text tells a removal that is under way from a refusal. What it leaves open is a refusal: that is reported and
 * tried again after a new look, so a wrong guess costs one more request, where a wrong `in-progress` would hide the cause.
 */
function isUnderWay(thrown: unknown): boolean {
  return /in progress|being removed/i.test(messageOf(thrown))
}

function codeOf(thrown: unknown): string {
  const code = (thrown as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : ''
}

const adviceByCode: Readonly<Record<string, string>> = {
  ENOENT: 'no such socket (ENOENT); is the engine installed and running?',
  ECONNREFUSED: 'nobody listens there (ECONNREFUSED); is the engine running?',
  ECONNRESET: 'the connection was reset (ECONNRESET)',
  EPIPE: 'the connection broke (EPIPE)',
  EACCES: 'permission denied (EACCES); is this user in the docker group?',
  EPERM: 'permission denied (EPERM); is this user in the docker group?',
  ENOTFOUND: 'no such host (ENOTFOUND)',
  EAI_AGAIN: 'the name of the host cannot be looked up now (EAI_AGAIN)',
  EHOSTUNREACH: 'the host cannot be reached (EHOSTUNREACH)',
  ENETUNREACH: 'the network cannot be reached (ENETUNREACH)',
  ETIMEDOUT: 'no connection in time (ETIMEDOUT)',
  ENOTDIR: 'the path of the socket leads through a file (ENOTDIR)',
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
  // OpenSSL's message is a line of its own source; its reason is for people
  const { reason } = (thrown ?? {}) as { reason?: unknown }
  const text = (typeof reason === 'string' && reason) || messageOf(thrown) || 'an error that says nothing'
  const cause = adviceByCode[code] ?? (code === '' || text.includes(code) ? text : `${text} (${code})`)
  if (code === 'ABORT_ERR') return { kind: 'timed-out', cause: 'given up' }
  if (code.startsWith('HPE_')) return { kind: 'invalid-answer', cause: `what answers is not HTTP (${code})` }
  if (tlsCode.test(code)) return { kind: 'misconfigured', cause: `TLS: ${cause}` }
  if (misconfiguredCodes.has(code)) return { kind: 'misconfigured', cause }
  return { kind: 'unavailable', cause }
}

/** Whether the connection broke before any answer: the way a stale connection shows, and worth one more question. */
export function isReset(thrown: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes(codeOf(thrown))
}
