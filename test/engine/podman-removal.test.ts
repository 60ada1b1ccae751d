import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import { createDockerodeEngine } from '../../src/engine/dockerode-engine.ts'
import type { Engine } from '../../src/engine/port.ts'
import { fakeId } from '../support/fake-engine.ts'
import {
  answers,
  type Behaviour,
  type MisbehavingServer,
  neverAnswers,
  startMisbehavingServer,
} from '../support/misbehaving-server.ts'

const id = fakeId(1)
const podman = { server: 'Libpod/5.8.6 (linux)', 'libpod-api-version': '5.8.6' }
const done = [{ Id: id, Err: null, RawInput: id }]

let server: MisbehavingServer
let engine: Engine
beforeEach(async () => {
  server = await startMisbehavingServer(neverAnswers)
  engine = createDockerodeEngine({ engine: server.address, clock: systemClock })
})
afterEach(async () => {
  await server.quiet()
  await server.close()
})

/** A Podman whose own removal answers so. */
function removesBy(own: Behaviour): Behaviour {
  return (response, request) => {
    const { method, url = '' } = request
    if (method !== 'DELETE') return answers(200, [], podman)(response, request)
    return (url.includes('/libpod/') ? own : answers(204, '', podman))(response, request)
  }
}

async function remove(own: Behaviour): Promise<unknown> {
  server.behave(removesBy(own))
  await engine.list({ deadlineMs: 10_000 })
  return again()
}

const again = () =>
  engine
    .remove(id, { volumes: false, force: true, deadlineMs: 10_000, maySend: () => true })
    .catch((error: unknown) => error)

const removals = () => server.requests.filter(({ method }) => method === 'DELETE')

describe('Podman removes by its own API, which kills a container at once', () => {
  test('one request, with a stop timeout of zero', async () => {
    expect(await remove(answers(200, done, podman))).toBe('done')
    const [{ path, query } = server.requests[0]!, ...others] = removals()
    expect([path, query.get('force'), query.get('timeout'), others]).toEqual([
      `/v5.8.6/libpod/containers/${id}`,
      'true',
      '0',
      [],
    ])
  })

  test.each<[string, unknown]>([
    ['nothing', []],
    ['another container', [{ ...done[0], Id: fakeId(2) }]],
    ['more than one', [...done, ...done]],
    ['an error', [{ ...done[0], Err: 'device or resource busy' }]],
    ['an error without words', [{ ...done[0], Err: {} }]],
    ['something else', { Id: id }],
    ['null', null],
  ])('truthful: a report of %s confirms nothing', async (_, report) => {
    expect(await remove(answers(200, report, podman))).toMatchObject({ kind: 'invalid-answer' })
  })

  test('truthful: an empty confirmation is not that of its own API', async () => {
    expect(await remove(answers(204, '', podman))).toMatchObject({ kind: 'invalid-answer' })
  })

  test.each([400, 401, 403, 404, 405, 501])(
    'a proxy that denies it with %i: the next attempt uses the one of Docker',
    async (status) => {
      expect(await remove(answers(status, 'no', podman))).toMatchObject({ status })
      expect(await again()).toBe('done')
      expect(removals().map(({ path }) => path)).toEqual([
        `/v5.8.6/libpod/containers/${id}`,
        `/containers/${id}`,
      ])
    },
  )

  test.each<[string, number, unknown]>([
    ['gone', 404, { message: 'no such container', response: 404 }],
    ['a failure', 500, { message: 'device or resource busy', response: 500 }],
    ['a conflict', 409, { message: 'it is paused', response: 409 }],
  ])('%s is the answer of the engine, and changes nothing of how it is asked', async (_, status, body) => {
    expect(await remove(answers(status, body, podman))).toMatchObject({ status })
    await again()
    expect(removals().every(({ path }) => path.includes('/libpod/'))).toBe(true)
  })
})
