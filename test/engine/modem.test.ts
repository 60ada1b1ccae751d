import { Agent } from 'node:http'
import { inspect } from 'node:util'
import Dockerode from 'dockerode'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import { EngineError } from '../../src/domain/errors.ts'
import { createDockerodeEngine } from '../../src/engine/dockerode-engine.ts'
import { guardModem } from '../../src/engine/modem.ts'
import type { Engine } from '../../src/engine/port.ts'
import { fakeId } from '../support/fake-engine.ts'
import { answers, type MisbehavingServer, startMisbehavingServer } from '../support/misbehaving-server.ts'

let elsewhere: MisbehavingServer
let server: MisbehavingServer
let uncaught: unknown[]
const note = (error: unknown) => void uncaught.push(error)
beforeEach(async () => {
  uncaught = []
  process.on('uncaughtException', note)
  elsewhere = await startMisbehavingServer(answers(200, []), { on: 'tcp' })
})
afterEach(async () => {
  process.off('uncaughtException', note)
  await Promise.all([server.close(), elsewhere.close()])
})

const call = { deadlineMs: 5000 }
const id = fakeId(1)

async function redirectTo(location: string, status = 301, on: 'unix' | 'tcp' = 'unix'): Promise<void> {
  server = await startMisbehavingServer(answers(status, '', { location }), { on })
}

async function expectRefusal(engine: Engine): Promise<void> {
  for (const asked of [
    engine.list(call),
    engine.remove(id, { ...call, maySend: () => true, volumes: true, force: true }),
  ]) {
    const error: unknown = await asked.then(() => 'an answer').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(EngineError)
    expect(error).toMatchObject({ kind: 'misconfigured', status: 301 })
  }
  // A request that goes astray fails, or arrives, in a later turn.
  await new Promise<void>((resolve) => setTimeout(resolve, 50))
  expect(uncaught).toEqual([])
  expect(elsewhere.requests).toEqual([])
  expect(server.requests.map(({ method }) => method)).toEqual(['GET', 'DELETE'])
}

describe('a redirect by the engine is not followed and does no harm', () => {
  test('to another machine', async () => {
    await redirectTo(`http://127.0.0.1:${elsewhere.port}/containers/json`)
    await expectRefusal(createDockerodeEngine({ engine: server.address, clock: systemClock }))
  })

  test.each(['/containers/json', 'http://127.0.0.1:1/', 'no-scheme:x', 'ftp://127.0.0.1/', '//', ''])(
    'to %j',
    async (location) => {
      await redirectTo(location)
      await expectRefusal(createDockerodeEngine({ engine: server.address, clock: systemClock }))
    },
  )

  test('over TCP', async () => {
    await redirectTo(`http://127.0.0.1:${elsewhere.port}/`, 301, 'tcp')
    await expectRefusal(createDockerodeEngine({ engine: server.address, clock: systemClock }))
  })

  test.each([
    ['with an agent of its own', () => ({ agent: new Agent({ keepAlive: true }) })],
    ['without an agent', () => ({})],
  ])('behind an instance of dockerode %s', async (_what, more) => {
    await redirectTo(`http://127.0.0.1:${elsewhere.port}/`)
    const options = { socketPath: server.socketPath, ...more() } as Dockerode.DockerOptions
    await expectRefusal(createDockerodeEngine({ engine: new Dockerode(options), clock: systemClock }))
  })
})

describe('a request is not formatted with everything reachable from it, which would block the program', () => {
  /** An agent that records when it is formatted. */
  function agentThatRecords() {
    let spelledOut = 0
    const agent = new Agent()
    Object.defineProperty(agent, inspect.custom, { value: () => `${++spelledOut}` })
    return { agent, spelledOut: () => spelledOut }
  }

  test('nor with the agent of a dockerode instance', async () => {
    server = await startMisbehavingServer(answers(200, []))
    const { agent, spelledOut } = agentThatRecords()
    inspect({ agent }, { showHidden: true, depth: null })
    expect(spelledOut()).toBe(1)
    const options = { socketPath: server.socketPath, agent } as Dockerode.DockerOptions
    await createDockerodeEngine({ engine: new Dockerode(options), clock: systemClock }).list(call)
    expect(spelledOut()).toBe(1)
  })

  test('a debug log still names the request', () => {
    const asked: unknown[] = []
    const modem = {
      dial: () => {},
      buildRequest: (options: object) => asked.push(options),
    } as unknown as Dockerode['modem']
    const guarded = guardModem(modem) as unknown as { buildRequest: (options: object) => void }
    guarded.buildRequest({ method: 'GET', path: '/containers/json', headers: {} })
    expect(inspect(asked[0], { showHidden: true, depth: null })).toBe('GET /containers/json')
  })
})
