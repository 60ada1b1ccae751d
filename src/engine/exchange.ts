import type { IncomingMessage } from 'node:http'
import { asRecord } from './as-record.ts'
import { AnswerError, CutError, isReset, ReachError, StatusError } from './failure.ts'
import { HeldRequest, type HeldRequestOptions } from './held-request.ts'
import { longestParsedBytes } from './limits.ts'
import { checkNesting, MemberPicker, tooLong, type Wanted } from './member-picker.ts'
import { heldKey, holdsBack, type Modem } from './modem.ts'

/** One request to the engine's API. */
export interface Question {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, unknown>>
}

/** Sends one request within a call and gives the head of its answer. */
export type Ask = (question: Question) => Promise<IncomingMessage>

// every status is ours to judge: the modem itself would wait forever for the body of a refusal that is cut short
const everyStatus = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [at + 100, true]))

const longestRefusalBytes = 64 * 1024

/**
 * Sends one request and resolves with the answer's head, its body unread. A GET that meets a reset before any answer is
 * sent once more at once, since that is how a stale connection shows; nothing else is ever sent twice.
 */
export async function ask(modem: Modem, question: Question, signal: AbortSignal): Promise<IncomingMessage> {
  if (findsItsSocket(modem)) await findSocket(modem, signal)
  try {
    return await dial(modem, question, signal)
  } catch (error) {
    if (question.method !== 'GET' || !isReset(error) || signal.aborted) throw error
    return await dial(modem, question, signal)
  }
}

/**
 * fresh-scan: sends one request that changes something, as soon as its connection stands and the last question allows it.
 * It is never sent twice.
 */
export async function askToChange(
  modem: Modem,
  question: Question,
  options: HeldRequestOptions,
): Promise<IncomingMessage | 'withheld'> {
  if (!holdsBack(modem)) throw new ReachError('misconfigured', cannotHold)
  if (findsItsSocket(modem)) await findSocket(modem, options.signal)
  const held = new HeldRequest(options)
  const answer = await Promise.race([held.withheld, dial(modem, question, options.signal, held)])
  if (answer === 'withheld' || held.wasSent) return answer
  answer.destroy()
  throw new AnswerError('the engine answered before the request was sent')
}

const cannotHold =
  'the Dockerode instance sends requests in a way of its own, in which none can be held back until its connection stands'

/** What of docker-modem its types leave out. */
interface SocketFinder {
  readonly socketPath: () => unknown
  socketPathCache: unknown
  getSocketPath(): Promise<unknown>
}

function findsItsSocket(modem: object): modem is SocketFinder {
  const { socketPath, getSocketPath } = modem as Partial<SocketFinder>
  return typeof socketPath === 'function' && typeof getSocketPath === 'function'
}

/** A search that fails the modem would throw at the whole process, and never begin again. */
async function findSocket(modem: SocketFinder, signal: AbortSignal): Promise<void> {
  try {
    await modem.getSocketPath()
  } catch (error) {
    modem.socketPathCache = undefined
    throw error
  }
  signal.throwIfAborted()
}

function dial(
  modem: Modem,
  { method, path, query = {} }: Question,
  signal: AbortSignal,
  held?: HeldRequest,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const holding =
      held === undefined
        ? {}
        : { [heldKey]: held, headers: lockedHeaders(modem, held) as Record<string, string> }
    const options = {
      ...holding,
      // the modem cuts the last character off a path whose query it does not write itself
      path: Object.keys(query).length > 0 ? `${path}?` : path,
      method,
      options: { _query: query, _body: {} },
      isStream: true,
      statusCodes: everyStatus,
      abortSignal: signal,
    }
    modem.dial(options, (error, answer) => {
      if (error !== null && error !== undefined) return reject(error)
      const message = answer as IncomingMessage
      // an old modem does not know the signal
      if (signal.aborted) message.destroy()
      signal.addEventListener('abort', () => message.destroy(), { once: true })
      resolve(message)
    })
  })
}

/**
 * The modem's own headers, which cannot be read before the request is sure to be held back: whatever a program has put in
 * the place of the modem's methods, no request is sent without being held first.
 */
function lockedHeaders(modem: object, held: HeldRequest): object {
  const { headers } = modem as { readonly headers?: object }
  return new Proxy(
    { ...headers },
    {
      ownKeys(target) {
        if (!held.isExpected) throw new ReachError('misconfigured', cannotHold)
        return Reflect.ownKeys(target)
      },
    },
  )
}

/** The answer where it has the status asked for; otherwise its body is read for what the engine says, and thrown. */
export async function expectStatus(answer: IncomingMessage, ...wanted: number[]): Promise<IncomingMessage> {
  const status = answer.statusCode ?? 0
  if (wanted.includes(status)) return answer
  const { detail, isOfEngine } = await readRefusal(answer)
  throw new StatusError(status, detail, isOfEngine)
}

/** The format that HTTP requires, such as `Thu, 15 Jan 2026 12:00:07 GMT`; `Date.parse` accepts many others. */
const httpDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/** The engine's time at the response, in whole seconds; undefined if the response has no valid Date header. */
export function readDate({ headers }: IncomingMessage): number | undefined {
  const dateMs = httpDate.test(headers.date ?? '') ? Date.parse(headers.date ?? '') : Number.NaN
  return Number.isNaN(dateMs) ? undefined : dateMs
}

/** The chunks of a body. Throws a `CutError` where it ends before its time. */
export async function* readBody(answer: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of answer) yield chunk as Buffer
  } catch (error) {
    throw new CutError({ cause: error })
  }
  if (!answer.complete) throw new CutError()
}

/** A body as JSON. Of one over the limit, only what is wanted is read, however large the rest is. */
export async function readJson(answer: IncomingMessage, wanted?: Wanted): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  let picker: MemberPicker | undefined
  for await (const chunk of readBody(answer)) {
    bytes += chunk.length
    if (picker) picker.push(chunk)
    else chunks.push(chunk)
    if (picker || bytes <= longestParsedBytes) continue
    if (wanted === undefined) throw tooLong()
    picker = new MemberPicker(wanted)
    for (const earlier of chunks.splice(0)) picker.push(earlier)
  }
  const body = Buffer.concat(chunks)
  if (!picker) checkNesting(body)
  const text = picker ? picker.end() : body.toString()
  try {
    return JSON.parse(text)
  } catch {
    throw new AnswerError(isPage(text) ? 'the answer is a web page' : 'the answer is not JSON')
  }
}

/** A body that must be empty, as that of a confirmation is. */
export async function readNothing(answer: IncomingMessage): Promise<void> {
  const text = await readText(answer)
  if (text.trim() === '') return
  throw new AnswerError(isPage(text) ? 'the answer is a web page' : 'the answer confirms nothing')
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of readBody(answer)) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > longestRefusalBytes)
      throw new AnswerError(`the answer is longer than ${longestRefusalBytes} bytes`)
  }
  return Buffer.concat(chunks).toString()
}

interface Refusal {
  /** On one line; empty where nothing is said. */
  readonly detail: string
  /** Whether it is put as the API puts it, by an engine that knows the path. */
  readonly isOfEngine: boolean
}

/** A refusal counts by its status, whatever becomes of its body. */
async function readRefusal(answer: IncomingMessage): Promise<Refusal> {
  let text: string
  try {
    text = await readText(answer)
  } catch {
    return { detail: '', isOfEngine: false }
  }
  if (isPage(text)) return { detail: 'answered with a web page', isOfEngine: false }
  const message = messageIn(text)
  return {
    // plain text, as proxies and old engines answer
    detail: (message ?? text).replaceAll(/\s+/g, ' ').trim().slice(0, 500),
    isOfEngine: message !== undefined && message !== 'page not found',
  }
}

function messageIn(text: string): string | undefined {
  try {
    const message = asRecord(JSON.parse(text))?.['message']
    return typeof message === 'string' ? message : undefined
  } catch {
    return undefined
  }
}

function isPage(text: string): boolean {
  return /^\s*</.test(text)
}
