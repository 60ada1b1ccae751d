import { describe, expect, test } from 'vitest'
import { EngineError } from '../../src/domain/errors.ts'
import { createNamespaceFacts } from '../../src/scanning/namespace-facts.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { createFakeEngine, type Fault, fakeId } from '../support/fake-engine.ts'
import { summary } from '../support/summary.ts'

const { signal } = new AbortController()

test('protected: a guest stays known while another listing is evaluated concurrently', async () => {
  const clock = createFakeClock()
  const engine = createFakeEngine(clock)
  const silent = (number: number) => summary({ id: fakeId(number), networkMode: '' })
  const holder = engine.add({ id: fakeId(1) })
  engine.add({ id: fakeId(2), namespaces: { pid: `container:${holder.id}` } })
  for (let number = 3; number <= 20; number++) engine.add({ id: fakeId(number) })
  let goOn = () => {}
  const gate = new Promise<void>((resolve) => (goOn = resolve))
  const { inspect } = engine
  engine.inspect = async (id, call) => {
    if (id === fakeId(20)) await gate
    return inspect(id, call)
  }
  const facts = createNamespaceFacts(engine, clock, 1000)

  const all = Array.from({ length: 20 }, (_, at) => silent(at + 1))
  const asking = facts.of(all, signal)
  await new Promise((resolve) => setImmediate(resolve))
  await facts.of([silent(1)], signal)
  goOn()
  const namespaces = await asking
  await facts.of([silent(1)], signal)

  expect(namespaces.failure).toBeUndefined()
  expect(namespaces.sharing.guestsOf(silent(1)).map(({ id }) => id)).toEqual([fakeId(2)])
})

describe('positive-evidence: an engine that reports a guest as gone', () => {
  const [holderId, guestId] = [fakeId(31), fakeId(32)]
  const listed = (id: typeof holderId) => summary({ id, networkMode: '', createdAtMs: 5000 })
  const [holder, guest] = [listed(holderId), listed(guestId)]

  function createWorld() {
    const clock = createFakeClock()
    const engine = createFakeEngine(clock)
    engine.add({ id: holderId })
    engine.add({ id: guestId, namespaces: { pid: `container:${holderId}` } })
    const facts = createNamespaceFacts(engine, clock, 1000)
    const scan = () => facts.of([holder, guest], signal)
    return { clock, engine, facts, scan }
  }
  const hides = (verb: string, id: string | undefined) =>
    verb === 'inspect' && id === guestId ? 'gone' : undefined

  test('but goes on listing it, says nothing about what it shares', async () => {
    const { engine, scan } = createWorld()
    engine.fault = hides
    const namespaces = await scan()
    expect(namespaces.mayBeNeeded(holder)).toBe(true)
    expect(namespaces.failure).toMatchObject({
      about: 'namespaces',
      kind: 'invalid-answer',
      message: expect.stringContaining('the engine lists it, but reports that there is no such container'),
    })
    expect(engine.count('list')).toBe(1)
  })

  test('and lists it again later, is asked again as soon as it does', async () => {
    const { engine, scan } = createWorld()
    engine.fault = hides
    engine.shapeListing = (listing) => ({
      ...listing,
      containers: listing.containers.filter(({ id }) => id !== guestId),
    })
    expect((await scan()).mayBeNeeded(holder)).toBe(false)
    engine.fault = () => undefined
    const namespaces = await scan()
    expect(engine.count('inspect', guestId)).toBe(2)
    expect(namespaces.sharing.guestsOf(holder)).toEqual([guest])
  })

  test('spares a container that the later listing omits without reporting it gone', async () => {
    const { engine, scan } = createWorld()
    engine.fault = hides
    engine.shapeListing = (listing) => ({ ...listing, containers: [] })
    expect((await scan()).mayBeNeeded(holder)).toBe(true)
  })

  test('spares all where an entry of the later listing has no id, which may be the guest', async () => {
    const { engine, scan } = createWorld()
    engine.fault = hides
    engine.shapeListing = (listing) => ({
      ...listing,
      containers: listing.containers.filter(({ id }) => id !== guestId),
      unidentified: { count: 1, first: 'entry 2: it lacks a full container id' },
    })
    const namespaces = await scan()
    expect(namespaces.mayBeNeeded(holder)).toBe(true)
    expect(namespaces.mayBeNeeded({ ...holder, createdAtMs: 1e9 })).toBe(true)
    expect(namespaces.listedAgain?.has(guestId)).toBe(true)
    expect(namespaces.failure?.message).toContain('entry 2: it lacks a full container id')
  })

  test('exact-id: what the later of the two listings shows as the name of another container is spared', async () => {
    const { engine, scan } = createWorld()
    engine.fault = hides
    engine.shapeListing = (listing) => ({
      ...listing,
      containers: [
        ...listing.containers.filter(({ id }) => id !== guestId),
        summary({ id: fakeId(33), names: [holderId] }),
      ],
    })
    expect((await scan()).mayBeNeeded(holder)).toBe(true)
  })

  test('exact-id: what the later of the two listings shows twice is spared', async () => {
    const { engine, scan } = createWorld()
    engine.fault = hides
    engine.shapeListing = (listing) => {
      const others = listing.containers.filter(({ id }) => id !== guestId)
      return { ...listing, containers: [...others, ...others] }
    }
    expect((await scan()).mayBeNeeded(holder)).toBe(true)
  })

  test.each<[string, object, Fault | undefined, { mayBeNeeded: boolean; guests: number }]>([
    ['is a guest', { network: `container:${holderId}` }, undefined, { mayBeNeeded: false, guests: 1 }],
    ['shares nothing', {}, undefined, { mayBeNeeded: false, guests: 0 }],
    ['is a guest by name', { network: 'container:old' }, undefined, { mayBeNeeded: true, guests: 0 }],
    ['cannot be inspected', {}, 'timed-out', { mayBeNeeded: true, guests: 0 }],
    ['is gone, too', {}, 'gone', { mayBeNeeded: true, guests: 0 }],
  ])('protected: what only the later listing shows counts: it %s', async (_, namespaces, fault, expected) => {
    const { engine, scan } = createWorld()
    const added = engine.add({ namespaces })
    engine.fault = (verb, id) => hides(verb, id) ?? (id === added.id ? fault : undefined)
    engine.shapeListing = (listing) => ({
      ...listing,
      containers: listing.containers.filter(({ id }) => id !== guestId),
    })
    const { mayBeNeeded, sharing } = await scan()
    expect({ mayBeNeeded: mayBeNeeded(holder), guests: sharing.guestsOf(holder).length }).toEqual(expected)
  })

  test('is asked again a minute later, and that answer is accepted', async () => {
    const { clock, engine, scan } = createWorld()
    engine.fault = hides
    await scan()
    engine.fault = () => undefined
    expect((await scan()).mayBeNeeded(holder)).toBe(true)
    await clock.advance(60_000)
    const namespaces = await scan()
    expect(namespaces.failure).toBeUndefined()
    expect(namespaces.sharing.guestsOf(holder)).toEqual([guest])
  })

  test('and no longer lists it, is accepted for exactly one more listing', async () => {
    const { engine, scan } = createWorld()
    engine.containers.delete(guestId)
    const namespaces = await scan()
    expect(namespaces.failure).toBeUndefined()
    expect(namespaces.mayBeNeeded(holder)).toBe(false)
    expect(engine.count('list')).toBe(1)
  })

  test('and then lists nothing at all, leaves it unknown', async () => {
    const { engine, scan } = createWorld()
    engine.fault = (verb, id) => hides(verb, id) ?? (verb === 'list' ? 'timed-out' : undefined)
    const namespaces = await scan()
    expect(namespaces.mayBeNeeded(holder)).toBe(true)
    expect(namespaces.failure?.kind).toBe('timed-out')
  })

  test('is not asked for another listing when nothing is gone', async () => {
    const { engine, scan } = createWorld()
    engine.fault = (verb, id) =>
      verb === 'inspect' && id === guestId
        ? async () => {
            throw new EngineError('refused', 'no')
          }
        : undefined
    await scan()
    expect(engine.count('list')).toBe(0)
  })
})

test('protected: a guest that a listing leaves out still protects its holder, although that was renamed meanwhile', async () => {
  const clock = createFakeClock()
  const engine = createFakeEngine(clock)
  const silent = (id: typeof holder.id, name: string, state = 'running') =>
    summary({ id, name, names: [name], state, networkMode: '' })
  const holder = engine.add({ id: fakeId(41), name: 'old' })
  const guest = engine.add({
    id: fakeId(42),
    name: 'guest',
    state: 'exited',
    namespaces: { network: 'container:old' },
  })
  const facts = createNamespaceFacts(engine, clock, 1000)
  await facts.of([silent(holder.id, 'old'), silent(guest.id, 'guest', 'exited')], signal)
  await facts.of([silent(holder.id, 'new')], signal)
  const listed = silent(holder.id, 'new')
  const { sharing } = await facts.of([listed, silent(guest.id, 'guest', 'exited')], signal)
  expect(sharing.guestsOf(listed).map(({ id }) => id)).toEqual([guest.id])
})
