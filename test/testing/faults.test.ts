import { existsSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../src/testing/index.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { ask, begin, filters, listedIds, messageOf, until } from './support.ts'

let clock: FakeClock
let engine: EmbeddedEngine

beforeEach(async () => {
  clock = createFakeClock()
  engine = createEmbeddedEngine({ clock })
  await engine.listen()
})

afterEach(() => engine.close())

const remove = (id: string) => ask(engine.address, 'DELETE', `/containers/${id}?force=1&v=1`)
const list = () => ask(engine.address, 'GET', '/containers/json?all=1')
const arrived = (count: number) => until(() => engine.requests.total >= count)

/** Whether it has settled once everything that is ready has run. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let hasSettled = false
  const settle = () => void (hasSettled = true)
  promise.then(settle, settle)
  // an answer needs a few turns from the engine's socket to ours; after those no answer is coming
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  return !hasSettled
}

describe('a fault strikes', () => {
  test('only its calls, and only the given number of times', async () => {
    const [busy, other] = [engine.containers.create({ name: 'busy' }), engine.containers.create()]
    const message = 'device or resource busy'
    const fault = engine.faults.add({
      kind: 'error',
      method: 'DELETE',
      container: busy,
      status: 500,
      message,
      count: 2,
    })
    expect((await ask(engine.address, 'GET', `/containers/${busy}/json`)).status).toBe(200)
    expect((await remove(other)).status).toBe(204)
    const first = await remove('busy')
    expect([first.status, messageOf(first)]).toEqual([500, message])
    expect((await remove(busy.slice(0, 12))).status).toBe(500)
    expect(fault.struck).toBe(2)
    expect(
      engine.requests.matching({ containerId: busy, method: 'DELETE' }).map(({ faults }) => faults),
    ).toEqual([['error'], ['error']])
    expect((await remove(busy)).status).toBe(204)
  })

  test('after a number of calls have passed, and no more once cleared', async () => {
    const fault = engine.faults.add({
      kind: 'error',
      path: /^\/containers/,
      status: 503,
      message: 'starting',
      after: 1,
    })
    expect((await list()).status).toBe(200)
    expect((await list()).status).toBe(503)
    expect((await ask(engine.address, 'GET', '/_ping')).status).toBe(200)
    fault.clear()
    expect((await list()).status).toBe(200)
  })

  test('a container that a question picks', async () => {
    const hard = engine.containers.create({ labels: { hard: '' } })
    engine.faults.add({
      kind: 'error',
      container: ({ labels }) => 'hard' in labels,
      status: 500,
      message: 'no',
    })
    expect((await remove(hard)).status).toBe(500)
    expect((await remove(engine.containers.create())).status).toBe(204)
    expect((await list()).status).toBe(200)
  })
})

describe('what a fault can do to a call', () => {
  test('latency: answered after the delay, by the clock', async () => {
    engine.faults.add({ kind: 'latency', delayMs: 3_000 })
    const { received } = begin(engine.address, 'GET', '/_ping')
    await until(() => clock.pendingTimers === 1)
    expect(await isPending(received)).toBe(true)
    await clock.advance(3_000)
    expect((await received).status).toBe(200)
  })

  test('hang: never answered, not carried out, and other calls continue', async () => {
    const id = engine.containers.create()
    engine.faults.add({ kind: 'hang', method: 'DELETE' })
    const call = begin(engine.address, 'DELETE', `/containers/${id}?force=1`)
    await arrived(1)
    expect((await list()).status).toBe(200)
    expect(await isPending(call.received)).toBe(true)
    expect(engine.containers.get(id)?.status).toBe('running')
    call.giveUp()
    await expect(call.received).rejects.toThrow()
    const [entry] = engine.requests.matching({ method: 'DELETE' })
    await until(() => entry?.endedAtMs !== undefined)
    expect(entry).toMatchObject({ status: undefined, closedEarly: true, faults: ['hang'] })
  })

  test('no-answer: a create and a removal are carried out, and the answer is lost', async () => {
    const id = engine.containers.create()
    engine.faults.add({ kind: 'no-answer', path: '/containers/create' })
    engine.faults.add({ kind: 'no-answer', method: 'DELETE' })
    const calls = [
      begin(engine.address, 'POST', '/containers/create?name=lost', { Image: 'busybox', Cmd: ['serve'] }),
      begin(engine.address, 'DELETE', `/containers/${id}?force=1`),
    ]
    await until(() => engine.containers.get(id) === undefined && engine.containers.get('lost') !== undefined)
    for (const call of calls) {
      expect(await isPending(call.received)).toBe(true)
      call.giveUp()
      await expect(call.received).rejects.toThrow()
    }
    expect([...engine.requests].map(({ status, bytes }) => [status, bytes])).toEqual([
      [undefined, 0],
      [undefined, 0],
    ])
  })

  test('close: in the middle of a body, after a byte count, or before anything was done', async () => {
    const id = engine.containers.create()
    const whole = (await list()).body
    const fault = engine.faults.add({ kind: 'close', path: '/containers/json' })
    const half = await list()
    expect([half.status, half.isWhole]).toEqual([200, false])
    expect(half.body.length).toBeGreaterThan(0)
    expect(whole.startsWith(half.body)).toBe(true)
    fault.clear()
    engine.faults.add({ kind: 'close', path: '/containers/json', afterBytes: 10 })
    expect((await list()).body).toBe(whole.slice(0, 10))
    engine.faults.add({ kind: 'close', path: `/containers/${id}/json`, afterBytes: 5 })
    const inspection = await ask(engine.address, 'GET', `/containers/${id}/json`)
    expect([inspection.body, inspection.isWhole]).toEqual(['{"Id"', false])
    const early = engine.faults.add({ kind: 'close', method: 'DELETE', early: true })
    await expect(remove(id)).rejects.toThrow('socket hang up')
    expect(engine.containers.size).toBe(1)
    early.clear()
    engine.faults.add({ kind: 'close', method: 'DELETE' })
    await expect(remove(id)).rejects.toThrow('socket hang up')
    expect(engine.containers.size).toBe(0)
  })

  test('html, null and truncated JSON are sent as complete answers with status 200', async () => {
    engine.containers.create()
    const whole = (await list()).body
    for (const [fault, expected] of [
      [{ kind: 'html' }, /^<!DOCTYPE html>/],
      [{ kind: 'body' }, /^null$/],
      [{ kind: 'body', body: '{}' }, /^\{\}$/],
      [{ kind: 'cut-json' }, /^\[\{"Id".*[^\]\n]$/],
    ] as const) {
      const handle = engine.faults.add(fault)
      const received = await list()
      expect([received.status, received.isWhole]).toEqual([200, true])
      expect(received.body).toMatch(expected)
      handle.clear()
    }
    engine.faults.add({ kind: 'cut-json' })
    const { body } = await list()
    expect(whole.startsWith(body)).toBe(true)
    expect(() => JSON.parse(body) as unknown).toThrow(SyntaxError)
    engine.faults.clear()
    engine.faults.add({ kind: 'html', status: 403 })
    const denied = await list()
    expect([denied.status, denied.headers['content-type']]).toEqual([403, 'text/html; charset=utf-8'])
  })

  test('error that leaves the container dead', async () => {
    const id = engine.containers.create()
    const message = 'driver failed to remove root filesystem: device or resource busy'
    engine.faults.add({ kind: 'error', method: 'DELETE', status: 500, message, leaves: 'dead', count: 1 })
    expect((await remove(id)).status).toBe(500)
    const { body } = await ask(engine.address, 'GET', `/containers/json?${filters({ status: ['dead'] })}`)
    expect(JSON.parse(body)).toMatchObject([{ Id: id, State: 'dead', Status: 'Dead' }])
    expect((await ask(engine.address, 'POST', `/containers/${id}/start`)).status).toBe(409)
    expect((await remove(id)).status).toBe(204)
  })
})

describe('what a listing can get wrong', () => {
  test('deaf-label-filter: ignores the label filter and no other', async () => {
    const [owned, foreign] = [engine.containers.create({ labels: { k: 'v' } }), engine.containers.create()]
    const query = `all=1&${filters({ label: ['k=v'] })}`
    expect(await listedIds(engine, query)).toEqual([owned])
    engine.faults.add({ kind: 'ignored-label-filter' })
    expect(await listedIds(engine, query)).toEqual([foreign, owned])
    expect(await listedIds(engine, `all=1&${filters({ label: ['k=v'], id: [owned] })}`)).toEqual([owned])
  })

  test('stale-listing: answers what was there before, in the state it was in', async () => {
    const id = engine.containers.create()
    engine.faults.add({ kind: 'stale-listing' })
    engine.containers.create()
    engine.containers.kill(id)
    const { body } = await list()
    expect(JSON.parse(body)).toMatchObject([{ Id: id, State: 'running' }])
    expect((await ask(engine.address, 'GET', `/containers/${id}/json`)).body).toContain('"Status":"exited"')
  })

  test('omit, ghosts and duplicate', async () => {
    const [a, b] = [engine.containers.create({ name: 'one' }), engine.containers.create({ name: 'two' })]
    const omit = engine.faults.add({ kind: 'omit', container: 'one', count: 1 })
    expect(await listedIds(engine)).toEqual([b])
    expect(omit.struck).toBe(1)
    expect(await listedIds(engine)).toEqual([b, a])
    const duplicate = engine.faults.add({ kind: 'duplicate', container: b })
    expect(await listedIds(engine)).toEqual([b, b, a])
    duplicate.clear()
    const ghosts = engine.faults.add({ kind: 'ghosts' })
    expect((await remove(b)).status).toBe(204)
    expect(await listedIds(engine)).toEqual([b, a])
    expect((await remove(b)).status).toBe(404)
    ghosts.clear()
    expect(await listedIds(engine)).toEqual([a])
  })
})

describe('a slow removal', () => {
  test('shows the container as removing, refuses others with 409, and continues when the caller has disconnected', async () => {
    const id = engine.containers.create({ name: 'slow' })
    engine.faults.add({ kind: 'slow-removal', delayMs: 8_000 })
    const call = begin(engine.address, 'DELETE', '/containers/slow?force=1')
    await until(() => engine.containers.get(id)?.status === 'removing')
    const second = await remove('slow')
    expect([second.status, messageOf(second)]).toEqual([
      409,
      'removal of container slow is already in progress',
    ])
    expect((await list()).body).toContain('"State":"dead","Status":"Dead"')
    expect((await ask(engine.address, 'GET', '/containers/slow/json')).body).toContain('"Status":"removing"')
    call.giveUp()
    await expect(call.received).rejects.toThrow()
    await clock.advance(7_999)
    expect(engine.containers.size).toBe(1)
    await clock.advance(1)
    expect(engine.containers.size).toBe(0)
  })

  test('can last until it is released, and its answer is then sent', async () => {
    const id = engine.containers.create()
    engine.faults.add({ kind: 'slow-removal', delayMs: Infinity, container: id })
    const answered = remove(id)
    await until(() => engine.containers.get(id)?.status === 'removing')
    expect(await isPending(answered)).toBe(true)
    engine.containers.finishRemoval(id)
    expect((await answered).status).toBe(204)
    expect(engine.containers.size).toBe(0)
  })
})

describe('a frozen engine', () => {
  test('accepts, answers nothing, and serves all in order when thawed, even disconnected clients', async () => {
    const [a, b] = [engine.containers.create(), engine.containers.create()]
    engine.freeze()
    const left = begin(engine.address, 'DELETE', `/containers/${a}?force=1`)
    await arrived(1)
    left.giveUp()
    await expect(left.received).rejects.toThrow()
    const patient = list()
    await arrived(2)
    expect(await isPending(patient)).toBe(true)
    expect(engine.containers.size).toBe(2)
    engine.thaw()
    expect((await patient).body).toContain(b)
    expect((await patient).body).not.toContain(a)
    expect(engine.requests.matching({ method: 'DELETE' })[0]?.closedEarly).toBe(true)
  })

  test('stops in the middle of a listing too', async () => {
    for (let index = 0; index < 600; index += 1) engine.containers.create({ name: `c${index}` })
    const { received } = begin(engine.address, 'GET', '/containers/json')
    await until(() => (engine.requests.matching({ path: '/containers/json' })[0]?.bytes ?? 0) > 0)
    engine.freeze()
    expect(await isPending(received)).toBe(true)
    engine.thaw()
    expect(JSON.parse((await received).body)).toHaveLength(600)
  })
})

describe('an engine that goes down', () => {
  test('cuts connections, refuses, and comes up at the same address with its containers', async () => {
    for (const options of [{}, { port: 0 }]) {
      const other = createEmbeddedEngine({ clock })
      const address = await other.listen(options)
      const id = other.containers.create()
      other.faults.add({ kind: 'hang', count: 1 })
      const hung = begin(address, 'GET', '/_ping').received
      await until(() => other.requests.total === 1)
      const cut = expect(hung).rejects.toThrow('socket hang up')
      await other.goDown()
      await cut
      await expect(ask(address, 'GET', '/_ping')).rejects.toMatchObject({
        code: expect.stringMatching(/^(ENOENT|ECONNREFUSED)$/) as string,
      })
      await other.comeUp()
      expect(other.address).toBe(address)
      expect(await listedIds(other)).toEqual([id])
      await other.close()
    }
  })

  test('loses the requests that waited: in a frozen engine, or behind a latency', async () => {
    const id = engine.containers.create()
    const latency = engine.faults.add({ kind: 'latency', delayMs: 1_000 })
    const late = expect(remove(id)).rejects.toThrow('socket hang up')
    await until(() => clock.pendingTimers === 1)
    latency.clear()
    engine.freeze()
    const frozen = expect(remove(id)).rejects.toThrow('socket hang up')
    await arrived(2)
    await engine.restart()
    await Promise.all([late, frozen])
    await clock.advance(1_000)
    expect((await list()).body).toContain(id)
    expect(engine.containers.get(id)?.status).toBe('running')
  })

  test('may end its containers, and restarts those whose policy says so', async () => {
    const plain = engine.containers.create()
    const kept = engine.containers.create({ restartPolicy: 'unless-stopped' })
    const stopped = engine.containers.create({ restartPolicy: 'unless-stopped' })
    const always = engine.containers.create({ restartPolicy: 'always' })
    engine.containers.kill(stopped)
    engine.containers.kill(always)
    const back = engine.restart({ containers: 'die', downMs: 5_000 })
    await until(() => clock.pendingTimers === 1)
    expect(engine.containers.get(kept)?.status).toBe('exited')
    await clock.advance(5_000)
    await back
    expect(engine.containers.get(plain)).toMatchObject({ status: 'exited', exitCode: 137 })
    expect([kept, stopped, always].map((id) => engine.containers.get(id)?.status)).toEqual([
      'running',
      'exited',
      'running',
    ])
    expect((await list()).status).toBe(200)
  })

  test('leaves a container that it was removing behind, dead', async () => {
    const id = engine.containers.create()
    engine.faults.add({ kind: 'slow-removal', delayMs: 1_000 })
    const cut = expect(remove(id)).rejects.toThrow('socket hang up')
    await until(() => engine.containers.get(id)?.status === 'removing')
    await engine.restart()
    await cut
    await clock.advance(60_000)
    expect(engine.containers.get(id)?.status).toBe('dead')
  })
})

test('a wrong clock shows in dates and in the ages of containers created meanwhile', async () => {
  const before = engine.containers.create()
  const fault = engine.faults.add({ kind: 'clock-offset', offsetMs: -3_600_000 })
  const during = engine.containers.create()
  const { headers } = await list()
  expect(Date.parse(headers.date ?? '') - Math.floor(clock.wallNow() / 1000) * 1000).toBe(-3_600_000)
  fault.clear()
  const [a, b] = [engine.containers.get(before), engine.containers.get(during)]
  expect((a?.createdAtMs ?? 0) - (b?.createdAtMs ?? 0)).toBe(3_600_000)
})

test('closing leaves nothing behind: no socket, no timer', async () => {
  engine.containers.create({ command: ['sleep', '60'] })
  engine.containers.exit(engine.containers.create({ restartPolicy: 'always' }))
  const path = new URL(engine.address).pathname
  expect([existsSync(path), clock.pendingTimers]).toEqual([true, 2])
  await engine.close()
  expect([existsSync(path), clock.pendingTimers]).toEqual([false, 0])
  expect(() => engine.address).toThrow('call listen() first')
})
