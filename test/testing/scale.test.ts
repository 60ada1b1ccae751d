import { request, type IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import type { Clock } from '../../src/domain/clock.ts'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../src/testing/index.ts'
import { containersPerSlice } from '../../src/testing/routes/containers.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { ask, filters } from './support.ts'

/** Reads a whole answer without keeping it: its length, and how often each text occurs across pieces. */
function measure(address: string, path: string): Promise<{ bytes: number; containers: number; end: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: new URL(address).pathname, path, agent: false }, (response) => {
      let [bytes, containers, tail] = [0, 0, '']
      response.on('data', (piece: Buffer) => {
        bytes += piece.length
        const text = tail + piece.toString('latin1')
        containers += text.split('{"Id":"').length - 1
        // an opening that is cut by the piece's end is counted with the next piece
        tail = text.slice(-6)
      })
      response.on('end', () => resolve({ bytes, containers, end: tail }))
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end()
  })
}

test('100,000 containers: a listing is whole, made in slices, and everything else has its turn between them', async () => {
  const base = createFakeClock()
  let slices = 0
  let pings = 0
  const clock: Clock = {
    ...base,
    async breathe() {
      slices += 1
      await base.breathe()
    },
  }
  const engine = createEmbeddedEngine({ clock })
  await engine.listen()
  const total = 100_000
  for (let index = 0; index < total; index += 1)
    engine.containers.create({ name: `c${index}`, labels: { index: String(index) } })
  const listed = { isWhole: false }
  const listing = measure(engine.address, '/containers/json?all=1').finally(() => (listed.isWhole = true))
  while (!listed.isWhole) {
    await ask(engine.address, 'GET', '/_ping')
    pings += listed.isWhole ? 0 : 1
  }
  const { containers, bytes, end } = await listing
  expect(containers).toBe(total)
  expect(end.endsWith('}]\n')).toBe(true)
  const [logged] = engine.requests.matching({ path: '/containers/json' })
  expect(logged).toMatchObject({ bytes, status: 200 })
  expect(slices).toBe(Math.ceil(total / containersPerSlice) - 1)
  // were the listing made in one go, no ping could be answered while it is
  expect(pings).toBeGreaterThan(10)

  const last = engine.containers.list().at(-1)?.id ?? ''
  const asked = ['c99999', last.slice(0, 12), last].map((reference) =>
    ask(engine.address, 'GET', `/containers/${reference}/json`),
  )
  for (const received of asked) expect((JSON.parse((await received).body) as { Id: string }).Id).toBe(last)
  const filtered = await ask(engine.address, 'GET', `/containers/json?${filters({ label: ['index=500'] })}`)
  expect(JSON.parse(filtered.body)).toMatchObject([{ Names: ['/c500'] }])
  await engine.close()
}, 60_000)

test('a listing is made only as fast as it is read', async () => {
  const engine = createEmbeddedEngine()
  await engine.listen()
  for (let index = 0; index < 20_000; index += 1) engine.containers.create({ name: `c${index}` })
  const socketPath = new URL(engine.address).pathname
  const sent = request({ socketPath, path: '/containers/json', agent: false }).end()
  const response = await new Promise<IncomingMessage>((resolve) => sent.on('response', resolve))
  // far more turns than the listing has slices
  for (let turn = 0; turn < 2_000; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  const [unread] = engine.requests.matching()
  const bytesUnread = unread?.bytes ?? 0
  response.resume()
  await new Promise((resolve) => response.on('end', resolve))
  const [read] = engine.requests.matching()
  expect(bytesUnread).toBeGreaterThan(0)
  expect(bytesUnread).toBeLessThan((read?.bytes ?? 0) / 4)
  await engine.close()
})

test('the same seed and the same script give the same listing, byte for byte; another seed another one', async () => {
  const run = async (seed: number): Promise<string> => {
    const clock = createFakeClock()
    const engine: EmbeddedEngine = createEmbeddedEngine({ clock, seed })
    await engine.listen()
    for (let index = 0; index < 50; index += 1) {
      const id = engine.containers.create({ labels: { index: String(index) }, volumes: ['/data'] })
      await clock.advance(700)
      if (index % 3 === 0) engine.containers.exit(id, index)
      if (index % 5 === 0) engine.containers.remove(id)
    }
    const create = { Image: 'busybox', Cmd: ['serve'], Labels: { z: '1', a: '2' } }
    await ask(engine.address, 'POST', '/containers/create', create)
    const { body } = await ask(engine.address, 'GET', '/containers/json?all=1')
    await engine.close()
    return body
  }
  const [first, again, other] = [await run(7), await run(7), await run(8)]
  expect(JSON.parse(first)).toHaveLength(41)
  expect(again).toBe(first)
  expect(other).not.toBe(first)
})

test('ids are unique over many seeds', () => {
  const seen = new Set<string>()
  for (let seed = 0; seed < 200; seed += 1) {
    const engine = createEmbeddedEngine({ clock: createFakeClock(), seed })
    for (let index = 0; index < 50; index += 1) seen.add(engine.containers.create())
  }
  expect(seen.size).toBe(10_000)
})
