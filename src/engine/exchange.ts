import type { IncomingMessage } from 'node:http'
import type Dockerode from 'dockerode'
import { AnswerError, CutError, isReset, StatusError } from './failure.ts'

/** One request to the engine's API. */
export interface Question {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, unknown>>
}

/** Sends one request within a call and gives the head of its answer. */
export type Ask = (question: Question) => Promise<IncomingMessage>

// every status is ours to judge: the modem itself would wait for ever for the body of a refusal that is cut short
const everyStatus = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [at + 100, true]))

const longestBodyBytes = 16 * 1024 * 1024
const longestRefusalBytes = 64 * 1024

/** What carries questions: dockerode's own modem. */
export type Modem = Pick<Dockerode['modem'], 'dial'>

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
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = {
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

/** The answer where it has the status asked for; otherwise its body is read for what the engine says, and thrown. */
export async function expectStatus(answer: IncomingMessage, ...wanted: number[]): Promise<IncomingMessage> {
  const status = answer.statusCode ?? 0
  if (wanted.includes(status)) return answer
  throw new StatusError(status, await readRefusal(answer))
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

/** A small body as JSON. */
export async function readJson(answer: IncomingMessage): Promise<unknown> {
  const text = await readText(answer, longestBodyBytes)
  try {
    return JSON.parse(text)
  } catch {
    throw new AnswerError(isPage(text) ? 'the answer is a web page' : 'the answer is not JSON')
  }
}

/** A body that must be empty, as that of a confirmation is. */
export async function readNothing(answer: IncomingMessage): Promise<void> {
  const text = await readText(answer, longestRefusalBytes)
  if (text.trim() === '') return
  throw new AnswerError(isPage(text) ? 'the answer is a web page' : 'the answer confirms nothing')
}

async function readText(answer: IncomingMessage, longestBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of readBody(answer)) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > longestBytes) throw new AnswerError(`the answer is longer than ${longestBytes} bytes`)
  }
  return Buffer.concat(chunks).toString()
}

/** What the engine says of its refusal, on one line; a refusal counts by its status, whatever becomes of its body. */
async function readRefusal(answer: IncomingMessage): Promise<string> {
  let text: string
  try {
    text = await readText(answer, longestRefusalBytes)
  } catch {
    return ''
  }
  if (isPage(text)) return 'answered with a web page'
  return refusalOf(text).replaceAll(/\s+/g, ' ').trim().slice(0, 500)
}

function refusalOf(text: string): string {
  try {
    const said = JSON.parse(text) as { message?: unknown } | null
    if (typeof said?.message === 'string') return said.message
  } catch {
    // plain text, as proxies and old engines answer
  }
  return text
}

function isPage(text: string): boolean {
  return /^\s*</.test(text)
}
