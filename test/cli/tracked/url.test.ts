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

  it('requests it as given, with GET, bypassing caches', async () => {
    let headers: unknown
    const { source, server } = await serve((response, request) => {
      headers = request.headers
      answers(200, [])(response, request)
    })
    await source.check()
    expect(server.requests).toMatchObject([{ method: 'GET', path: '/containers' }])
    expect(server.requests[0]?.query.get('token')).toBe('secret')
    expect(headers).toMatchObject({ accept: 'application/json', 'cache-control': 'no-cache, no-store' })
    expect([...(server.requests[0]?.query.keys() ?? [])]).toEqual(['token'])
  })

  it('a compressed body', async () => {
    const { source } = await serve((response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' })
      response.end(gzipSync(JSON.stringify([one])))
    })
    expect(await source.tracked.has(one)).toBe(true)
  })

  it('fresh-scan: asks again for each question, and once for all questions of a turn', async () => {
    const { source, server } = await serve(inTurn(answers(200, [one]), answers(200, [two])))
    expect(await Promise.all([source.tracked.has(one), source.tracked.has(two)])).toEqual([true, false])
    expect(server.requests).toHaveLength(1)
    expect(await Promise.all([source.tracked.has(one), source.tracked.has(two)])).toEqual([false, true])
    expect(server.requests).toHaveLength(2)
  })
})

describe('unknown-is-spared: an answer that is not entirely ids is rejected as a whole', () => {
  it.each<[string, Behaviour, string]>([
    ['an object', answers(200, { ids: [one] }), 'the answer is not a JSON array'],
    ['null', answers(200, 'null'), 'the answer is not a JSON array'],
    ['nothing', answers(200, ''), 'the answer is not JSON'],
    ['nothing at all, without a length', writesRaw('HTTP/1.1 200 OK\r\n\r\n'), 'the answer is not JSON'],
    [
      'an array that is truncated, without a length',
      writesRaw(`HTTP/1.0 200 OK\r\n\r\n["${one}",`),
      'the answer is not JSON',
    ],
    ['two answers in one', answers(200, `[]\n["${one}"]`), 'the answer is not JSON'],
    ['a page', answersPage(200), 'the answer is not JSON, as its header says (Content-Type: "text/html")'],
    [
      'ids in plain text',
      answers(200, [two], { 'content-type': 'text/plain; charset=utf-8' }),
      'the answer is not JSON, as its header says (Content-Type: "text/plain; charset=utf-8")',
    ],
    [
      'a problem',
      answers(200, [], { 'content-type': 'application/problem+json' }),
      'the answer is not JSON, as its header says (Content-Type: "application/problem+json")',
    ],
    [
      'a part',
      answers(200, [], { 'content-range': 'bytes 0-1/132' }),
      'the answer is only a part, as its header says (Content-Range: "bytes 0-1/132")',
    ],
    [
      'what Varnish had',
      answers(200, [], { 'x-varnish': '32770 3' }),
      'the answer is a stored copy, as its header says (x-varnish: "32770 3"); no cache may answer',
    ],
    [
      'what the third cache had',
      answers(200, [], { 'x-cache-hits': '0, 0, 3' }),
      'the answer is a stored copy, as its header says (x-cache-hits: "0, 0, 3"); no cache may answer',
    ],
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
      message: `${shown} is invalid: ${why}`,
    })
  })
})

describe('fresh-scan: a cached copy is older than the question', () => {
  it.each(['1', '3600', 'soon'])('Age: %s', async (age) => {
    const { source, shown } = await serve(answers(200, [two], { age }))
    await expect(source.tracked.has(one)).rejects.toMatchObject({
      reason: 'tracked-url-invalid',
      message: `${shown} is invalid: the answer is a stored copy, as its header says (Age: "${age}"); no cache may answer`,
    })
  })

  it.each([
    ['Warning', '110 - "Response is Stale"'],
    ['Warning', '199 - "x", 111 proxy "Revalidation Failed"'],
    ['cache-status', 'nginx; hit'],
    ['cache-status', 'edge; fwd=miss, origin; hit; ttl=30'],
    ['cache-status', 'edge;hit=?1'],
    ['x-cache', 'HIT'],
    ['x-cache', 'TCP_HIT from a.example, MISS from b.example'],
    ['x-cache', 'Hit from cloudfront'],
    ['x-cache-status', 'STALE'],
    ['cf-cache-status', 'UPDATING'],
  ])('%s: %s', async (name, value) => {
    const { source, shown } = await serve(answers(200, [two], { [name]: value }))
    await expect(source.tracked.has(one)).rejects.toMatchObject({
      reason: 'tracked-url-invalid',
      message: `${shown} is invalid: the answer is a stored copy, as its header says (${name}: ${JSON.stringify(value)}); no cache may answer`,
    })
  })

  it('a Date more than a minute before the question, without another sign of a cache', async () => {
    const date = new Date(Date.now() - 62_000).toUTCString()
    const { source, shown } = await serve(answers(200, [two], { date }))
    await expect(source.tracked.has(one)).rejects.toMatchObject({
      reason: 'tracked-url-invalid',
      message: `${shown} is invalid: the answer is from before the question, as its header says (Date: "${date}"); it is a stored copy, or the clock of its sender is late`,
    })
  })

  it.each<[string, Record<string, string>]>([
    ['a proxy that has just asked says Age: 0', { age: '0' }],
    ['a miss is no copy', { 'x-cache': 'MISS from a.example', 'cache-status': 'edge; fwd=miss; stored' }],
    ['Varnish, which has just asked', { 'x-varnish': '32770', 'x-cache-hits': '0, 0' }],
    ['what was asked for again is none either', { 'x-cache-status': 'REVALIDATED' }],
    ['another warning', { warning: '199 - "Miscellaneous, 2110 of them"' }],
    ['a type of its own that is JSON', { 'content-type': 'application/vnd.agent+json; charset=utf-8' }],
    ['a clock that is late by less than a minute', { date: new Date(Date.now() - 20_000).toUTCString() }],
    ['a clock that is early', { date: new Date(Date.now() + 3_600_000).toUTCString() }],
    ['no date that can be read', { date: 'soon' }],
  ])('accepted: %s', async (_what, headers) => {
    const { source } = await serve(answers(200, [one], headers))
    expect(await source.tracked.has(one)).toBe(true)
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
      'a truncated body',
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

  it('no server', async () => {
    const { source, server } = await serve(answers(200, []))
    await server.close()
    await expect(source.check()).rejects.toMatchObject({ reason: 'tracked-url-failed' })
  })

  it.each<[string, Behaviour]>([
    ['never answers', neverAnswers],
    ['stalls in the middle', stallsAfter(`["${one}"`)],
  ])('every-call-ends: one that %s is aborted, and its connection closed', async (_what, behaviour) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let noteClosed = () => {}
    const closed = new Promise<void>((resolve) => (noteClosed = resolve))
    const { source, server, shown } = await serve((response, request) => {
      request.socket.on('close', () => noteClosed())
      behaviour(response, request)
    })
    const reported = expect(source.check()).rejects.toMatchObject({
      reason: 'tracked-url-failed',
      message: `${shown} cannot be read: no complete answer within 1.5 s`,
    })
    await server.requested(1)
    vi.advanceTimersByTime(1500)
    await reported
    await closed
  })
})
