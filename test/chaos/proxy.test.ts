import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { answers, type MisbehavingServer, startMisbehavingServer } from '../support/misbehaving-server.ts'
import { ask } from './client.ts'
import { type Fault, FaultProxy, type Passage } from './proxy.ts'
import { nameIn } from './wire.ts'

const body = 'x'.repeat(1000)
const id = 'a'.repeat(64)
const removal = `/containers/${id}`

let engine: MisbehavingServer
let proxy: FaultProxy
let answered: { readonly passage: Passage; readonly body: string }[]

beforeEach(async () => {
  answered = []
  engine = await startMisbehavingServer(answers(200, body))
  proxy = await FaultProxy.open({
    engineSocket: engine.socketPath,
    onAnswer: (passage, said) => answered.push({ passage, body: said }),
  })
})
afterEach(async () => {
  await proxy.close()
  await engine.close()
})

/** Every byte that comes of one request, until the connection ends; undefined where it is still open when healed. */
async function bytesOf(request = 'GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'): Promise<string> {
  const socket = connect(proxy.socketPath)
  let said = ''
  socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')))
  socket.on('error', () => {})
  socket.write(request)
  await once(socket, 'close')
  return said
}

function bodyIn(answer: string): string {
  return answer.slice(answer.indexOf('\r\n\r\n') + 4)
}

describe('the proxy', () => {
  it('without a fault passes everything on, and keeps an account of what changes something', async () => {
    expect(await ask(proxy.socketPath, 'GET', '/x')).toEqual({ status: 200, body })
    expect(await ask(proxy.socketPath, 'POST', '/v1.41/containers/create?name=one', { a: 1 })).toMatchObject({
      status: 200,
    })
    expect(proxy.requests).toBe(2)
    expect(proxy.passages.map(({ method, path, status }) => ({ method, path, status }))).toEqual([
      { method: 'POST', path: '/containers/create', status: 200 },
    ])
    expect(engine.requests.map(({ path }) => path)).toEqual(['/x', '/v1.41/containers/create'])
  })

  it('reports the client and the purpose of each request', async () => {
    await bytesOf('DELETE /x HTTP/1.1\r\nHost: x\r\nX-Chaos-Life: 3\r\nConnection: close\r\n\r\n')
    await ask(proxy.socketPath, 'POST', '/containers/create?name=one')
    await ask(proxy.socketPath, 'POST', '/containers/create?name=other')
    expect(proxy.passages.map(({ life }) => life)).toEqual([3, undefined, undefined])
    expect(answered.map(({ passage }) => nameIn(passage.query))).toEqual([undefined, 'one', 'other'])
  })

  it('passes a large body on whole', async () => {
    const large = { text: 'y'.repeat(300_000) }
    let received = 0
    engine.behave((response, request) => {
      request.on('data', (chunk: Buffer) => (received += chunk.length))
      request.on('end', () => response.end())
    })
    expect(await ask(proxy.socketPath, 'POST', '/x', large)).toMatchObject({ status: 200 })
    expect(received).toBe(JSON.stringify(large).length)
  })

  it.each([0, 1, 500, 999, 5000])('cuts in mid-answer, at byte %i of the body', async (atByte) => {
    // framed by its length, as engines frame what they know
    engine.behave(answers(200, body, { 'content-length': '1000' }))
    proxy.arm({ kind: 'cuts', atByte })
    // never the whole, else nothing would be cut
    expect(bodyIn(await bytesOf())).toHaveLength(Math.min(atByte, 999))
    await expect(ask(proxy.socketPath, 'GET', '/x')).rejects.toThrow()
  })

  it('cuts off the given number of bytes before the end', async () => {
    engine.behave(answers(200, body, { 'content-length': '1000' }))
    proxy.arm({ kind: 'cuts', atByte: -7 })
    expect(bodyIn(await bytesOf())).toHaveLength(993)
  })

  it('loses an answer: the engine has carried the request out, and the client never learns it', async () => {
    proxy.arm({ kind: 'loses-answer' }, ({ method }) => method === 'DELETE', 1)
    expect(await bytesOf(`DELETE ${removal} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)).toBe('')
    expect(engine.requests.map(({ path }) => path)).toEqual([removal])
    expect(proxy.passages).toMatchObject([{ path: removal, status: 200, struckBy: 'loses-answer' }])
    expect(answered.map(({ body: said }) => said.includes(body))).toEqual([true])
  })

  it.each<Fault>([{ kind: 'never-answers' }, { kind: 'swallows-answer' }])(
    '$kind until it is healed',
    async (fault) => {
      proxy.arm(fault, () => true, 1)
      const said = bytesOf()
      if (fault.kind === 'swallows-answer') await engine.requested(1)
      await ask(proxy.socketPath, 'GET', '/beside')
      expect(engine.requests.map(({ path }) => path)).toEqual(
        fault.kind === 'swallows-answer' ? ['/x', '/beside'] : ['/beside'],
      )
      proxy.heal()
      expect(await said).toBe('')
    },
  )

  it('hangs up, and the engine never receives the request', async () => {
    proxy.arm({ kind: 'hangs-up' })
    expect(await bytesOf()).toBe('')
    expect(engine.requests).toEqual([])
  })

  it('answers 503, as if the engine were absent', async () => {
    proxy.arm({ kind: 'unavailable' })
    expect(await ask(proxy.socketPath, 'GET', '/x')).toMatchObject({ status: 503 })
    expect(engine.requests).toEqual([])
  })

  it('delays a request; one whose client has gone meanwhile never goes on', async () => {
    proxy.arm({ kind: 'delays', ms: 50 })
    expect(await ask(proxy.socketPath, 'GET', '/patient')).toMatchObject({ status: 200 })
    const socket = connect(proxy.socketPath)
    socket.write(`DELETE ${removal} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await untilRequests(2)
    socket.destroy()
    await ask(proxy.socketPath, 'GET', '/after')
    expect(engine.requests.map(({ path }) => path)).toEqual(['/patient', '/after'])
    expect(proxy.passages).toMatchObject([{ passedMs: undefined, status: undefined }])
  })

  it('throttles an answer, which still arrives completely', async () => {
    engine.behave(answers(200, body, { 'content-length': '1000' }))
    proxy.arm({ kind: 'throttles', bytes: 400 })
    expect(await ask(proxy.socketPath, 'GET', '/x')).toEqual({ status: 200, body })
  })

  it('strikes its target as often as configured, and counts it', async () => {
    proxy.arm({ kind: 'unavailable' }, ({ path }) => path === '/containers/json', 2)
    const statuses = []
    for (const path of ['/x', '/containers/json', '/v1.41/containers/json?all=1', '/containers/json'])
      statuses.push((await ask(proxy.socketPath, 'GET', path)).status)
    expect(statuses).toEqual([200, 503, 503, 200])
    expect([...proxy.struck]).toEqual([['unavailable', 2]])
  })

  it('goes away and comes back', async () => {
    await proxy.goAway()
    await expect(ask(proxy.socketPath, 'GET', '/x')).rejects.toThrow('ENOENT')
    await proxy.comeUp()
    expect(await ask(proxy.socketPath, 'GET', '/x')).toMatchObject({ status: 200 })
  })

  it('carries no second request unseen', async () => {
    const one = 'GET /x HTTP/1.1\r\nHost: x\r\n\r\n'
    await bytesOf(`${one}DELETE ${removal} HTTP/1.1\r\nHost: x\r\n\r\n`)
    expect(proxy.unaccounted).toBe(1)
    expect(engine.requests.filter(({ method }) => method === 'DELETE')).toEqual([])
  })
})

async function untilRequests(count: number): Promise<void> {
  while (proxy.requests < count) await new Promise((resolve) => setImmediate(resolve))
}
