import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { mostWithoutTab } from '../../src/inspector/connections.ts'
import { Presenter, presentAsIs } from '../../src/inspector/present.ts'
import { openRelay, type Relay } from '../../src/inspector/server.ts'
import { Sessions } from '../../src/inspector/sessions.ts'

/** More than the goodbye of a tab takes; what is not ended hangs for good. */
const quickMs = 3000

async function open(): Promise<Relay> {
  const sessions = new Sessions({ sessions: 10, events: 10, presenter: new Presenter(presentAsIs) })
  const relay = await openRelay({ port: 0, sessions, mostWaiting: 20 })
  onTestFinished(() => void relay.stop())
  return relay
}

/** A client that keeps its half open, whatever the server does. */
async function client({ port }: Relay, text: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  if (text !== '') socket.write(text)
  return socket
}

const upgrade = ({ port }: Relay, search: string, path = '/ws') =>
  [
    `GET ${path}${search} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    '',
    '',
  ].join('\r\n')

const get = ({ port }: Relay) => `GET /stately.js HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n`

const withToken = ({ token }: Relay) => `?token=${token}`

/** Everything that a client can begin, and then leave as it is. */
const beginnings: readonly (readonly [string, (relay: Relay) => string, answer: RegExp | undefined])[] = [
  ['an upgrade without the token', (relay) => upgrade(relay, ''), /403/],
  ['an upgrade with a wrong token', (relay) => upgrade(relay, '?token=AAAAAAAAAAAAAAAAAAAAAA'), /403/],
  ['an upgrade at another path', (relay) => upgrade(relay, withToken(relay), '/other'), /404/],
  [
    'an upgrade that is no WebSocket',
    (relay) => upgrade(relay, withToken(relay)).replace(/Sec-WebSocket-Key.*\r\n/, ''),
    /400/,
  ],
  [
    'an upgrade with the token, and no answer to the goodbye',
    (relay) => upgrade(relay, withToken(relay)),
    /101/,
  ],
  ['no request at all', () => '', undefined],
  ['half of a request', (relay) => get(relay), undefined],
  ['a request that is kept alive', (relay) => `${get(relay)}\r\n`, /200/],
  ['a request without an end', (relay) => `${get(relay)}Content-Length: 10\r\n\r\n`, undefined],
  ['something else', () => 'hello\r\n\r\n', /400/],
  ['another method', () => 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', undefined],
]

describe('every connection ends', () => {
  it.each(beginnings)(
    'stop() ends %s, though the client keeps its half open',
    async (_what, text, answer) => {
      const relay = await open()
      const socket = await client(relay, text(relay))
      if (answer) expect(String((await once(socket, 'data'))[0])).toMatch(answer)
      const beganMs = performance.now()
      await relay.stop()
      expect(performance.now() - beganMs).toBeLessThan(quickMs)
      await expect.poll(() => relay.connections).toBe(0)
    },
  )

  it('a refused upgrade is closed at once, and its client can read why', async () => {
    const relay = await open()
    const socket = await client(relay, upgrade(relay, ''))
    let text = ''
    socket.on('data', (data) => (text += String(data)))
    await once(socket, 'end')
    expect(text).toContain('Open the complete address that the agent printed')
    await expect.poll(() => relay.connections, { timeout: quickMs }).toBe(0)
  })

  it('no refused upgrade is left of a thousand', async () => {
    const relay = await open()
    for (let count = 0; count < 1000; count += 1) await client(relay, upgrade(relay, ''))
    await expect.poll(() => relay.connections).toBeLessThanOrEqual(mostWithoutTab)
    await expect.poll(() => relay.connections, { timeout: quickMs }).toBe(0)
  })

  it('connections that are no tabs have a limit: the oldest goes, and a page can still connect', async () => {
    const relay = await open()
    const tab = new WebSocket(`ws://127.0.0.1:${relay.port}/ws${withToken(relay)}`)
    await once(tab, 'open')
    for (let count = 0; count < 3 * mostWithoutTab; count += 1) await client(relay, get(relay))
    await expect.poll(() => relay.connections).toBe(1 + mostWithoutTab)
    expect(tab.readyState).toBe(WebSocket.OPEN)
    const other = new WebSocket(`ws://127.0.0.1:${relay.port}/ws${withToken(relay)}`)
    await once(other, 'open')
    for (const webSocket of [tab, other]) webSocket.terminate()
  })

  it.each([
    ['half of a request', (relay: Relay) => get(relay)],
    ['no request at all', () => ''],
  ])('%s is not waited for', async (_what, text) => {
    const relay = await open()
    const socket = await client(relay, text(relay))
    socket.resume()
    await expect.poll(() => relay.connections, { timeout: 20_000 }).toBe(0)
  })
})
