import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { trackedUrl } from '../../../src/cli/tracked/url.ts'
import { fakeId } from '../../support/fake-engine.ts'
import {
  answers,
  answersPage,
  type Behaviour,
  inTurn,
  type MisbehavingServer,
  neverAnswers,
  resets,
  stallsAfter,
  startMisbehavingServer,
  writesRaw,
} from '../../support/misbehaving-server.ts'

const [one, two] = [fakeId(1), fakeId(2)]

let server: MisbehavingServer | undefined
afterEach(async () => {
  vi.useRealTimers()
  await server?.close()
  server = undefined
})

async function serve(behaviour: Behaviour) {
  server = await startMisbehavingServer(behaviour, { on: 'tcp' })
  const url = new URL(`http://127.0.0.1:${server.port}/containers?token=secret`)
  return { server, source: trackedUrl(url), shown: `http://127.0.0.1:${server.port}/containers` }
}

describe('what a tracked URL says', () => {
  it.each([
    ['ids', [one], true],
    ['none', [], false],
    ['others', [two], false],
  ])('%s', async (_what, ids, isTracked) => {
    const { source } = await serve(answers(200, ids))
    expect(await source.tracked.has(one)).toBe(isTracked)
  })

  it('asks for it as it was given, with GET, and for no stored copy', async () => {
    let headers: unknown
    const { source, server } = await serve((response, request) => {
      headers = request.headers
      answers(200, [])(response, request)
    })
    await source.check()
    expect(server.requests).toMatchObject([{ method: 'GET', path: '/containers' }])
    expect(server.requests[0]?.query.get('token')).toBe('secret')
    expect(headers).toMatchObject({ accept: 'application/json', 'cache-control': 'no-cache' })
  })

  it('a body that came compressed', async () => {
    const { source } = await serve((response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' })
      response.end(gzipSync(JSON.stringify([one])))
    })
    expect(await source.tracked.has(one)).toBe(true)
  })

  it('fresh-look: asks anew for each question, and once for all questions of a turn', async () => {
    const { source, server } = await serve(inTurn(answers(200, [one]), answers(200, [two])))
    expect(await Promise.all([source.tracked.has(one), source.tracked.has(two)])).toEqual([true, false])
    expect(server.requests).toHaveLength(1)
    expect(await Promise.all([source.tracked.has(one), source.tracked.has(two)])).toEqual([false, true])
    expect(server.requests).toHaveLength(2)
  })
})

describe('unknown-is-spared: an answer that is not ids in full is not believed at all', () => {
  it.each<[string, Behaviour, string]>([
    ['an object', answers(200, { ids: [one] }), 'the answer is not a JSON array'],
    ['null', answers(200, 'null'), 'the answer is not a JSON array'],
    ['nothing', answers(200, ''), 'the answer is not JSON'],
    ['a page', answersPage(200), 'the answer is not JSON'],
    ['JSON that is cut', answers(200, `["${one}"`), 'the answer is not JSON'],
    [
      'a short id',
      answers(200, [one, two.slice(0, 12)]),
      'element 1 is not a full container id, 64 lower-case hexadecimal digits',
    ],
    ['a number', answers(200, [7]), 'element 0 is not a full container id, 64 lower-case hexadecimal digits'],
    [
      'more than 16 MiB',
      answers(200, JSON.stringify(Array.from({ length: 260_000 }, () => one))),
      'the answer is larger than 16777216 bytes',
    ],
  ])('%s', async (_what, behaviour, why) => {
    const { source, shown } = await serve(behaviour)
    await expect(source.tracked.has(one)).rejects.toMatchObject({
      reason: 'tracked-url-invalid',
      message: `${shown} cannot be believed: ${why}`,
    })
  })
})

describe('unknown-is-spared: a URL that cannot be read', () => {
  it.each<[string, Behaviour, RegExp]>([
    ['not found', answers(404, []), /: the status is 404 instead of 200$/],
    ['a failure of the server', answers(500, [one]), /: the status is 500 instead of 200$/],
    ['created', answers(201, [one]), /: the status is 201 instead of 200$/],
    ['no content', (response) => void response.writeHead(204).end(), /: the status is 204 instead of 200$/],
    ['a redirect', answers(302, [], { location: '/elsewhere' }), /: the status is 302 instead of 200$/],
    ['a reset', resets, /: fetch failed/],
    ['something that is not HTTP', writesRaw('hello\r\n\r\n'), /: fetch failed/],
    [
      'a body that ends too early',
      writesRaw(`HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n["${one}"]`),
      /: terminated/,
    ],
  ])('%s', async (_what, behaviour, why) => {
    const { source, server } = await serve(behaviour)
    const failure = await source.check().catch((error: unknown) => error)
    expect(failure).toMatchObject({ reason: 'tracked-url-failed', message: expect.stringMatching(why) })
    expect(String(failure)).not.toContain('secret')
    expect(server.requests.length).toBeLessThanOrEqual(1)
  })

  it('nobody is there', async () => {
    const { source, server } = await serve(answers(200, []))
    await server.close()
    await expect(source.check()).rejects.toMatchObject({ reason: 'tracked-url-failed' })
  })

  it.each<[string, Behaviour]>([
    ['never answers', neverAnswers],
    ['stalls in the middle', stallsAfter(`["${one}"`)],
  ])('every-call-ends: one that %s is given up, and its connection with it', async (_what, behaviour) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let noteClosed = () => {}
    const closed = new Promise<void>((resolve) => (noteClosed = resolve))
    const { source, server, shown } = await serve((response, request) => {
      request.socket.on('close', () => noteClosed())
      behaviour(response, request)
    })
    const told = expect(source.check()).rejects.toMatchObject({
      reason: 'tracked-url-failed',
      message: `${shown} cannot be read: no whole answer within 1.5 s`,
    })
    await server.requested(1)
    vi.advanceTimersByTime(1500)
    await told
    await closed
  })
})
