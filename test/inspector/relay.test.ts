import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { OptionError } from '../../src/domain/errors.ts'
import { Gate } from '../../src/inspector/gate.ts'
import { createInspector, InspectorError } from '../../src/inspector/index.ts'
import { createPages } from '../../src/inspector/pages.ts'
import { scan, openInspector, refusal, webSocketAddress } from './support/viewer.ts'

const others = 'Open the complete address that the agent printed'

describe('who may connect', () => {
  it.each([
    ['a page of another host', () => 'http://evil.example'],
    ['a page of another port of this machine', (port: number) => `http://127.0.0.1:${port + 1}`],
    [
      'a page of this address over https, which is another origin',
      (port: number) => `https://127.0.0.1:${port}`,
    ],
    ['a page that hides where it is from', () => 'null'],
    ['a page that only begins like ours', (port: number) => `http://127.0.0.1:${port}.evil.example`],
  ])('not %s, even with the token', async (_who, originAt) => {
    const inspector = await openInspector()
    const origin = originAt(inspector.port)
    const refused = await refusal(webSocketAddress(inspector), { origin })
    expect(refused).toEqual({ status: 403, help: `Pages of ${origin} are not allowed to connect.` })
  })

  it.each([
    ['without a token', ''],
    ['with a wrong one', '?token=AAAAAAAAAAAAAAAAAAAAAA'],
    ['with an empty one', '?token='],
    ['with the beginning of it', 'cut'],
  ])('no client %s', async (_how, search) => {
    const inspector = await openInspector()
    const address = webSocketAddress(inspector)
    const wrong = search === 'cut' ? address.slice(0, -1) : address.replace(/\?.*/, search)
    const refused = await refusal(wrong)
    expect(refused.status).toBe(403)
    expect(refused.help).toContain(others)
    for (const path of ['/', '/stately']) {
      const page = await fetch(`http://127.0.0.1:${inspector.port}${path}${new URL(wrong).search}`)
      expect(page.status).toBe(403)
      expect(await page.text()).toContain(others)
    }
  })

  it('our own page may, and clients that are not browsers', async () => {
    const inspector = await openInspector()
    for (const headers of [{ origin: `http://127.0.0.1:${inspector.port}` }, {}]) {
      const webSocket = new WebSocket(webSocketAddress(inspector), { headers })
      await once(webSocket, 'open')
      expect(webSocket.readyState).toBe(WebSocket.OPEN)
      webSocket.terminate()
    }
  })

  it('so may our page at the other end of a tunnel, which has another port', async () => {
    const inspector = await openInspector()
    const headers = { host: 'localhost:9000', origin: 'http://localhost:9000' }
    const webSocket = new WebSocket(webSocketAddress(inspector), { headers })
    await once(webSocket, 'open')
    webSocket.terminate()
    const refused = await refusal(webSocketAddress(inspector), {
      ...headers,
      origin: 'http://localhost:9001',
    })
    expect(refused.status).toBe(403)
  })

  it.each(['evil.example', 'evil.example:80', '127.0.0.1.evil.example', '127.0.0.1@evil.example', '0.0.0.0'])(
    'no request for the host %j, whatever else it has',
    async (host) => {
      const inspector = await openInspector()
      const refused = await refusal(webSocketAddress(inspector), { host })
      expect(refused).toEqual({
        status: 403,
        help: 'Open it as http://127.0.0.1:PORT/…; other host names are refused.',
      })
      expect(await answer(inspector.url, { headers: { host } })).toMatchObject({ status: 403 })
    },
  )

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('only GET is answered, not %s', async (method) => {
    const inspector = await openInspector()
    expect(await answer(inspector.url, { method })).toMatchObject({ status: 405 })
  })

  it('nothing on the network: it listens on 127.0.0.1 only', async () => {
    const inspector = await openInspector()
    // A neighbour on the loopback network, which a server on every interface would answer.
    const socket = connect(inspector.port, '127.0.0.2')
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNREFUSED')
  })

  it('eight at a time', async () => {
    const inspector = await openInspector()
    const viewers = await Promise.all(Array.from({ length: 8 }, () => scan(inspector)))
    expect(await refusal(webSocketAddress(inspector))).toEqual({
      status: 503,
      help: '8 tabs are already connected.',
    })
    await viewers[0]?.close()
    await expect
      .poll(() => scan(inspector).then(({ webSocket }) => webSocket.readyState))
      .toBe(WebSocket.OPEN)
  })

  it('the token differs each time', async () => {
    const [one, other] = [await openInspector(), await openInspector()]
    expect(new URL(one.url).searchParams.get('token')).toMatch(/^[\w-]{22}$/)
    expect(new URL(one.url).search).not.toBe(new URL(other.url).search)
    expect(new URL(one.statelyUrl).search).toBe(new URL(one.url).search)
  })
})

describe('what is served', () => {
  const gate = new Gate('a token')

  function folderWith(files: Record<string, string>): string {
    const folder = mkdtempSync(join(tmpdir(), 'flotsam-inspector-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    mkdirSync(join(folder, 'page/assets'), { recursive: true })
    for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text)
    return join(folder, 'page')
  }

  const ask = (folder: string, path: string) =>
    createPages(gate, folder).request(path, { headers: { host: '127.0.0.1:1234' } })

  it('the page with the token, and its assets for every accepted client', async () => {
    const folder = folderWith({
      'page/index.html': '<p>page',
      'page/assets/a-b_1.js': 'go()',
      'page/assets/x.svg': '<svg>',
    })
    const page = await ask(folder, '/?token=a%20token')
    expect([page.status, page.headers.get('content-type'), await page.text()]).toEqual([
      200,
      'text/html; charset=utf-8',
      '<p>page',
    ])
    const script = await ask(folder, '/assets/a-b_1.js')
    expect([script.status, script.headers.get('content-type'), await script.text()]).toEqual([
      200,
      'text/javascript; charset=utf-8',
      'go()',
    ])
    expect((await ask(folder, '/assets/x.svg')).headers.get('content-type')).toBe('image/svg+xml')
  })

  it.each([
    '/assets/../index.html',
    '/assets/..%2findex.html',
    '/assets/%2e%2e/index.html',
    '/assets/..%5cindex.html',
    '/assets/.hidden.js',
    '/assets/none.js',
    '/assets/key.pem',
    '/assets/',
    '/index.html',
    '/page/index.html',
    '/..%2f..%2fsecret.js',
  ])('nothing else of the disk: %s', async (path) => {
    const folder = folderWith({
      'page/index.html': '<p>page',
      'page/assets/key.pem': 'hunter2',
      'page/assets/.hidden.js': 'hunter2',
      'secret.js': 'hunter2',
    })
    const response = await ask(folder, path)
    expect(response.status).toBe(404)
    expect(await response.text()).not.toMatch(/hunter2|<p>page/)
  })

  it('explains how to build a page that is not built', async () => {
    const response = await ask('/nowhere', '/?token=a%20token')
    expect([response.status, await response.text()]).toEqual([
      503,
      'The page is not built. Run npm run build.\n',
    ])
  })

  it('under a policy that loads nothing from elsewhere and sends no referrer', async () => {
    const inspector = await openInspector()
    const { headers } = await fetch(inspector.statelyUrl)
    const { headers: own } = await fetch(inspector.url)
    const policy = (of: Headers) =>
      new Map((of.get('content-security-policy') ?? '').split('; ').map((part) => [part.split(' ')[0], part]))
    for (const of of [headers, own]) {
      expect(of.get('referrer-policy')).toBe('no-referrer')
      expect(of.get('x-content-type-options')).toBe('nosniff')
      expect(of.get('cache-control')).toBe('no-store')
      expect(of.get('access-control-allow-origin')).toBeNull()
      expect(policy(of).get('default-src')).toBe("default-src 'none'")
      expect(policy(of).get('script-src')).toBe("script-src 'self'")
      expect(policy(of).get('style-src')).toBe("style-src 'self'")
      expect(policy(of).get('connect-src')).toBe(`connect-src 'self' ws://127.0.0.1:${inspector.port}`)
      expect(policy(of).get('frame-ancestors')).toBe("frame-ancestors 'none'")
    }
    expect(policy(own).get('frame-src')).toBe("frame-src 'none'")
    expect(policy(headers).get('frame-src')).toBe('frame-src https://stately.ai https://*.stately.ai')
  })
})

describe('start and stop', () => {
  it('stop disconnects every tab and closes the listener, however often it is called', async () => {
    const inspector = await openInspector()
    const viewer = await scan(inspector)
    const silent = connect(inspector.port, '127.0.0.1')
    await once(silent, 'connect')
    const closed = once(viewer.webSocket, 'close')
    const [first, second] = [inspector.stop(), inspector.stop()]
    expect(second).toBe(first)
    await first
    expect((await closed)[0]).toBe(1001)
    if (!silent.closed) await once(silent, 'close')
    const [error] = (await once(connect(inspector.port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNREFUSED')
    await inspector.stop()
  })

  it('stop waits for no tab that does not answer', async () => {
    const inspector = await openInspector()
    const viewer = await scan(inspector)
    // It reads nothing any more, not even the goodbye.
    viewer.webSocket.pause()
    const beganMs = performance.now()
    await inspector.stop()
    expect(performance.now() - beganMs).toBeLessThan(2000)
    viewer.webSocket.terminate()
  })

  it('an occupied port is one clear error', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const failure = await createInspector({ port }).catch((thrown: unknown) => thrown)
    expect(failure).toBeInstanceOf(InspectorError)
    expect(failure).toMatchObject({
      code: 'ERR_FLOTSAM_INSPECTOR',
      message: `the inspector's port ${port} is in use by another process`,
    })
  })

  it.each([
    [{ port: -1 }, 'option port: -1 is not allowed; it must be a whole number from 0 to 65535'],
    [{ port: 65_536 }, 'option port: 65536 is not allowed; it must be a whole number from 0 to 65535'],
    [{ port: '80' as never }, 'option port: "80" is not allowed; it must be a whole number from 0 to 65535'],
    [
      { history: { actors: 0 } },
      'option history.actors: 0 is not allowed; it must be a whole number from 1 to 1000000',
    ],
    [
      { history: { events: 1.5 } },
      'option history.events: 1.5 is not allowed; it must be a whole number from 0 to 100000',
    ],
    [{ present: 'all' as never }, 'option present: "all" is not allowed; it must be a function'],
  ])('%j cannot be used', async (options, message) => {
    const failure = await createInspector(options).catch((thrown: unknown) => thrown)
    expect(failure).toBeInstanceOf(OptionError)
    expect((failure as OptionError).message).toBe(message)
  })
})

/** With headers and methods that fetch would not send. */
function answer(
  url: string,
  options: { method?: string; headers?: Record<string, string> },
): Promise<{ readonly status: number | undefined }> {
  return new Promise((resolve, reject) => {
    request(url, options, (response) => {
      response.resume()
      resolve({ status: response.statusCode })
    })
      .on('error', reject)
      .end()
  })
}
