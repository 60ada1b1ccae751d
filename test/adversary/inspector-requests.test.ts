import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createInspector } from '../../src/inspector/index.ts'

const upgrade =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n'

/** The first line of what the inspector answers to a request that no client library would send. */
async function answerTo(port: number, target: string, headers: string): Promise<string | undefined> {
  const socket = connect(port, '127.0.0.1')
  socket.setEncoding('utf8')
  socket.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${headers}\r\n`)
  const [text] = (await once(socket, 'data')) as [string]
  socket.destroy()
  return text.split('\r\n')[0]
}

test.each(['//', '//[', 'http://['])(
  'a WebSocket request for %s, an invalid address, is refused and ends no session',
  async (target) => {
    const inspector = await createInspector()
    onTestFinished(() => inspector.stop())
    expect(await answerTo(inspector.port, target, upgrade)).toBe('HTTP/1.1 400 Bad Request')
    expect(await answerTo(inspector.port, '/', 'Connection: close\r\n')).toBe('HTTP/1.1 403 Forbidden')
  },
)
