import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connectTo, within } from '../../../src/cli/demo/connection.ts'
import { Relay } from '../../../src/cli/demo/relay.ts'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../../src/testing/index.ts'

const extendedDeadlineMs = 200
const limitMs = 5000

describe('the relay in front of an engine', () => {
  let engine: EmbeddedEngine
  let relay: Relay
  beforeEach(async () => {
    engine = createEmbeddedEngine()
    const address = await engine.listen()
    relay = await Relay.open(() => connect(address.slice('unix://'.length)))
  })
  afterEach(async () => {
    await relay.close()
    await engine.close()
  })

  const create = (name: string, waitMs = limitMs) =>
    within(waitMs, (abortSignal) =>
      connectTo(relay.socketPath).createContainer({
        name,
        Image: 'busybox',
        Cmd: ['sleep', '60'],
        abortSignal,
      }),
    )
  const list = (waitMs = limitMs) =>
    within(waitMs, (abortSignal) => connectTo(relay.socketPath).listContainers({ all: true, abortSignal }))
  const names = () => engine.containers.list().map(({ name }) => name)

  it('forwards the request and the answer', async () => {
    const { id } = await create('web-1')
    expect((await list()).map(({ Id }) => Id)).toEqual([id])
  })

  it('loses the answer of the next such call and of no other', async () => {
    relay.loseAnswer('create')
    expect(await list()).toEqual([])
    await expect(create('job-1', extendedDeadlineMs)).rejects.toThrow(
      `no answer within ${extendedDeadlineMs} ms`,
    )
    await create('job-2')
    expect(names()).toEqual(['job-1', 'job-2'])
  })

  it('frozen, it accepts connections, never answers, and forwards nothing', async () => {
    relay.freeze()
    await expect(create('job-1', extendedDeadlineMs)).rejects.toThrow('no answer')
    await expect(list(extendedDeadlineMs)).rejects.toThrow('no answer')
    expect(engine.requests.total).toBe(0)
  })

  it('going down, it carries out the abandoned creations, and nothing else', async () => {
    relay.freeze()
    await expect(create('job-1', extendedDeadlineMs)).rejects.toThrow('no answer')
    await expect(list(extendedDeadlineMs)).rejects.toThrow('no answer')
    await relay.goDown()
    expect(names()).toEqual(['job-1'])
    expect([...engine.requests].map(({ method }) => method)).toEqual(['POST'])
  })

  it('down, it refuses connections; up again, it has the same address', async () => {
    await relay.goDown()
    await expect(list()).rejects.toThrow(/ENOENT|ECONNREFUSED/)
    await relay.comeUp()
    expect(await list()).toEqual([])
  })

  it('cuts off a hanging listing as it goes down', async () => {
    relay.freeze()
    const hanging = expect(list()).rejects.toThrow(/hang up|ECONNRESET/)
    await expect(create('job-1', extendedDeadlineMs)).rejects.toThrow('no answer')
    await relay.goDown()
    await hanging
  })

  it('closing, it waits for creations in progress', async () => {
    engine.faults.add({ kind: 'latency', method: 'POST', path: '/containers/create', delayMs: 300 })
    await expect(create('job-1', 50)).rejects.toThrow('no answer')
    await relay.close()
    expect(names()).toEqual(['job-1'])
  })
})
