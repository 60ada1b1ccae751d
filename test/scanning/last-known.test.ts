import { describe, expect, test } from 'vitest'
import type { Fleet } from '../../src/containers/fleet.ts'
import type { ContainerSummary } from '../../src/domain/container.ts'
import type { ContainerId } from '../../src/domain/ids.ts'
import type { Listing } from '../../src/engine/port.ts'
import { unreadableSummary } from '../../src/engine/summary.ts'
import { MissingContainers, withLastKnown } from '../../src/scanning/last-known.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { createFakeEngine, fakeId } from '../support/fake-engine.ts'
import { summary } from '../support/summary.ts'

const why = 'it is too large'
const mayBeIt = 'an entry of the listing without an id may be this container'
const unidentified = { count: 1, first: 'entry 1: it lacks a full container id' }

const web = summary({ id: fakeId(1), name: 'web' })
const other = summary({ id: fakeId(2), name: 'other' })

function knowing(...listed: readonly ContainerSummary[]) {
  const records = listed.map((one) => ({ id: one.id, listed: one }))
  return {
    get: (id: ContainerId) => records.find((record) => record.id === id),
    all: () => records,
  } as unknown as Pick<Fleet, 'get' | 'all'>
}

const listing = (containers: readonly ContainerSummary[], more: Partial<Listing> = {}): Listing => ({
  containers,
  engineNowMs: 7,
  bytes: 8,
  ...more,
})

describe('unknown-is-spared: an entry that cannot be read', () => {
  test('is what was known of its container, marked as unreadable; the others are as listed', () => {
    const read = listing([unreadableSummary(web.id, why), other])
    expect(withLastKnown(read, knowing(web))).toEqual({
      containers: [{ ...web, unreadable: why }, other],
      engineNowMs: 7,
      bytes: 8,
    })
  })

  test('of an unknown container stays as it is', () => {
    const read = listing([unreadableSummary(web.id, why), other])
    expect(withLastKnown(read, knowing(other)).containers).toBe(read.containers)
  })

  test('is the same object for as long as nothing changes', () => {
    const entry = unreadableSummary(web.id, why)
    const [first] = withLastKnown(listing([entry]), knowing(web)).containers
    const known = knowing(first as ContainerSummary)
    expect(withLastKnown(listing([entry]), known).containers[0]).toBe(first)
    const changed = unreadableSummary(web.id, 'it nests too deeply')
    expect(withLastKnown(listing([changed]), known).containers).toEqual([
      { ...web, unreadable: 'it nests too deeply' },
    ])
  })

  test('makes no difference where there is none', () => {
    const read = listing([web])
    const shown = withLastKnown(read, knowing(summary({ ...web, state: 'exited' }), other))
    expect(shown).toEqual(read)
    expect(shown.containers).toBe(read.containers)
  })
})

describe('unknown-is-spared: beside an entry without an id', () => {
  test('each known container that is not listed is spared, and no other', () => {
    const read = listing([other], { unidentified })
    expect(withLastKnown(read, knowing(web, other))).toEqual({
      ...read,
      containers: [other, { ...web, unreadable: mayBeIt }],
    })
  })

  test('one that is known to be gone is not', () => {
    const read = listing([other], { unidentified })
    expect(withLastKnown(read, knowing(web, other), new Set([web.id])).containers).toEqual([other])
  })

  test('an entry that cannot be read is what was known of its container', () => {
    const read = listing([unreadableSummary(web.id, why)], { unidentified })
    expect(withLastKnown(read, knowing(web, other)).containers).toEqual([
      { ...web, unreadable: why },
      { ...other, unreadable: mayBeIt },
    ])
  })
})

describe('truthful: which of the containers that a listing does not show are gone', () => {
  const { signal } = new AbortController()
  const fakeOnes = (count: number) =>
    Array.from({ length: count }, (_, at) => summary({ id: fakeId(100 + at) }))

  /** A fleet of so many containers; the engine has those that `has` is true for. */
  function made(count: number, has: (at: number) => boolean) {
    const engine = createFakeEngine(createFakeClock())
    const known = fakeOnes(count)
    for (const [at, { id }] of known.entries()) if (has(at)) engine.add({ id })
    const missing = new MissingContainers(engine, knowing(...known), 500)
    const asked = () => engine.requests.filter(({ verb }) => verb === 'inspect').map(({ id }) => id)
    return { engine, known, missing, asked, ids: known.map(({ id }) => id) }
  }

  test('none is inspected if every entry has its id', async () => {
    const { missing, asked } = made(2, () => false)
    expect(await missing.goneFrom(listing([]), signal)).toEqual(new Set())
    expect(asked()).toEqual([])
  })

  test('those that the engine has none with their id of; those that are listed are not inspected', async () => {
    const { missing, asked, ids, known } = made(4, (at) => at !== 2)
    const read = listing(known.slice(0, 1), { unidentified })
    expect(await missing.goneFrom(read, signal)).toEqual(new Set([ids[2]]))
    expect(asked()).toEqual(ids.slice(1))
  })

  test('64 are inspected in a scan, in turn; then the turns begin again', async () => {
    const { missing, asked, ids } = made(100, (at) => at < 80)
    const read = listing([], { unidentified })
    expect([...(await missing.goneFrom(read, signal))]).toEqual([])
    expect(asked()).toEqual(ids.slice(0, 64))
    expect([...(await missing.goneFrom(read, signal))]).toEqual(ids.slice(80))
    expect(asked().slice(64)).toEqual(ids.slice(64))
    await missing.goneFrom(read, signal)
    expect(asked().slice(100)).toEqual(ids.slice(0, 64))
  })

  test('every-call-ends: each inspection has a deadline; after a failure no other one begins in that scan', async () => {
    const { engine, missing, asked, ids } = made(20, () => false)
    const deadlines: number[] = []
    const { shares } = engine
    engine.shares = async (id, call) => {
      deadlines.push(call.deadlineMs)
      return shares(id, call)
    }
    engine.fault = (_, id) => (id === ids[0] ? 'timed-out' : undefined)
    const read = listing([], { unidentified })
    const gone = await missing.goneFrom(read, signal)
    expect(gone.has(ids[0] as ContainerId)).toBe(false)
    expect(asked().length).toBeLessThan(20)
    expect(new Set(deadlines)).toEqual(new Set([500]))
    // The failed one had its turn, and the rest come first.
    const before = asked().length
    await missing.goneFrom(read, signal)
    expect(asked().slice(before)).toEqual(ids.slice(before))
  })

  test('an error of our own is not taken for an answer', async () => {
    const { engine, missing } = made(1, () => true)
    engine.shares = async () => Promise.reject(new TypeError('boom'))
    await expect(missing.goneFrom(listing([], { unidentified }), signal)).rejects.toThrow('boom')
  })
})
