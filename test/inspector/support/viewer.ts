import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { createInspector, type Inspector, type InspectorOptions } from '../../../src/inspector/index.ts'

/** A message as it comes over the wire. */
export interface Message {
  readonly type: string
  readonly sessionId: string
  readonly [field: string]: unknown
}

/** What a page would see. */
export interface Viewer {
  readonly webSocket: WebSocket
  readonly messages: Message[]
  /** Resolves as soon as it is so. */
  until(isSo: (messages: readonly Message[]) => boolean): Promise<void>
  of(type: string): Message[]
  /** The last snapshot message of each session, by the name of its actor. */
  standing(): Map<string, Message>
  close(): Promise<void>
}

const extendedDeadlineMs = 4000

export async function openInspector(options: InspectorOptions = {}): Promise<Inspector> {
  const inspector = await createInspector(options)
  onTestFinished(() => inspector.stop())
  return inspector
}

export function webSocketAddress({ url }: Inspector): string {
  const { host, search } = new URL(url)
  return `ws://${host}/ws${search}`
}

/** Connected, with no message received yet. */
export async function scan(inspector: Inspector): Promise<Viewer> {
  const webSocket = new WebSocket(webSocketAddress(inspector))
  const messages: Message[] = []
  const waiting = new Set<() => void>()
  webSocket.on('message', (data: Buffer) => {
    messages.push(JSON.parse(data.toString('utf8')) as Message)
    for (const check of waiting) check()
  })
  await once(webSocket, 'open')
  return {
    webSocket,
    messages,
    until: (isSo) =>
      new Promise((resolve, reject) => {
        const limit = setTimeout(() => {
          const last = JSON.stringify(messages.slice(-5), undefined, 1)
          reject(new Error(`timed out after ${messages.length} messages: ${last}`))
        }, extendedDeadlineMs)
        const check = () => {
          if (!isSo(messages)) return
          clearTimeout(limit)
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      }),
    of: (type) => messages.filter((message) => message.type === type),
    standing() {
      const names = new Map(
        messages
          .filter(({ type }) => type === '@xstate.actor')
          .map(({ sessionId, name }) => [sessionId, String(name)]),
      )
      return new Map(
        messages
          .filter(({ type }) => type === '@xstate.snapshot')
          .map((message) => [names.get(message.sessionId) ?? '', message]),
      )
    },
    async close() {
      if (webSocket.readyState === WebSocket.CLOSED) return
      const closed = once(webSocket, 'close')
      webSocket.close()
      await closed
    },
  }
}

/** What a refused upgrade was answered with. */
export async function refusal(
  address: string,
  headers: Record<string, string> = {},
): Promise<{ readonly status: number | undefined; readonly help: string }> {
  const webSocket = new WebSocket(address, { headers })
  return new Promise((resolve, reject) => {
    webSocket.on('open', () => {
      webSocket.terminate()
      reject(new Error('it was let in'))
    })
    webSocket.on('error', reject)
    webSocket.on('unexpected-response', (_request, response: IncomingMessage) => {
      let help = ''
      response.setEncoding('utf8').on('data', (text: string) => (help += text))
      response.on('end', () => resolve({ status: response.statusCode, help: help.trim() }))
    })
  })
}
