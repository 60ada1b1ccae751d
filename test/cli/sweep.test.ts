import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createReconcilerIn } from '../../src/reconciler.ts'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../src/testing/index.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { createFakeEngine, type FakeEngine, ownerLabel, ownerValue } from '../support/fake-engine.ts'
import { createTestWorld, type Ran, ranCli, type TestWorld } from './support/cli-world.ts'

const line = `sweep --owner ${ownerLabel}=${ownerValue} --nothing-tracked`
const nothing = { removed: [], vanished: [], failed: [], unknown: [], spared: [], wouldRemove: [] }

let clock: FakeClock
let engine: FakeEngine
let world: TestWorld
beforeEach(() => {
  clock = createFakeClock()
  engine = createFakeEngine(clock)
  world = createWorld(false)
})

/** A command line on a clock and an engine that only the test moves. */
function createWorld(isTerminal: boolean): TestWorld {
  return createTestWorld({
    clock,
    isTerminal,
    createReconciler: (options) =>
      createReconcilerIn({ clock, engine, random: () => 0.5, isSelf: async () => () => false }, options),
  })
}

const old = (fields: Parameters<FakeEngine['add']>[0] = {}) => engine.add({ ageMs: 3_600_000, ...fields })

/** Lets time pass until the command ends; how long it took goes along. */
async function swept(more = '', mostMs = 1_200_000) {
  const beganMs = clock.now()
  const ended: Ran[] = []
  void ranCli(`${line} ${more}`, world).then((result) => ended.push(result))
  while (clock.now() - beganMs < mostMs) {
    await clock.advance(250)
    const [result] = ended
    if (!result) continue
    return { ...result, tookMs: clock.now() - beganMs, json: () => JSON.parse(result.out) as unknown }
  }
  throw new Error('the sweep does not end')
}

describe('sweep', () => {
  it('removes just what dangles in its look, and nothing that begins to dangle meanwhile', async () => {
    const forgotten = [old(), old(), old()]
    const kept = old({ labels: { [ownerLabel]: ownerValue, 'flotsam.keep': '' } })
    const foreign = old({ labels: { [ownerLabel]: 'agent-8' } })
    const fresh = engine.add({ ageMs: 0 })
    const nearly = engine.add({ ageMs: 299_000 })
    engine.fault = (verb, id) =>
      verb === 'remove' && id === forgotten[0]?.id && engine.count('remove', id) < 3 ? 'refused' : undefined
    const { code, err, json } = await swept('--json')
    expect([code, err]).toEqual([0, ''])
    expect(json()).toEqual({
      ...nothing,
      removed: forgotten.map(({ id }) => id),
      spared: [{ id: kept.id, reason: 'keep-label' }],
    })
    expect([...engine.containers.keys()].sort()).toEqual(
      [kept, foreign, fresh, nearly].map(({ id }) => id).sort(),
    )
    expect(engine.count('remove', nearly.id)).toBe(0)
  })

  it('tells people one line a container, and a summary', async () => {
    const { id } = old({ name: 'forgotten' })
    old({ labels: { [ownerLabel]: ownerValue, 'flotsam.keep': '' } })
    const { code, out, err } = await swept()
    expect([code, err]).toEqual([0, ''])
    expect(out).toBe(
      `removed ${id.slice(0, 12)} forgotten busybox:test\n1 removed, 0 vanished, 0 failed, 0 unknown, 1 spared\n`,
    )
  })

  it('has nothing to do where nothing dangles', async () => {
    engine.add()
    const { code, json } = await swept('--json')
    expect([code, json()]).toEqual([0, nothing])
    expect(engine.count('list')).toBe(1)
  })

  it('dry-run: tells what it would remove, and makes nothing that could', async () => {
    const { id } = old({ name: 'forgotten' })
    expect((await swept('--dry-run --json')).json()).toEqual({ ...nothing, wouldRemove: [id] })
    expect(world.made.map(({ dryRun }) => dryRun)).toEqual([true])
    world = createWorld(false)
    expect((await swept('--dry-run')).out).toBe(
      `would remove ${id.slice(0, 12)} forgotten busybox:test\nwould remove 1, 0 removed, 0 vanished, 0 failed, 0 unknown, 0 spared\n`,
    )
    expect(engine.count('remove')).toBe(0)
  })

  it('looks without the means to remove, and leaves no timer and no listener', async () => {
    old()
    await swept()
    expect(world.made.map(({ dryRun, restoreGrace }) => [dryRun, restoreGrace])).toEqual([
      [true, undefined],
      [undefined, 0],
    ])
    expect([clock.pendingTimers, world.listenerCount]).toEqual([0, 0])
  })
})

describe('truthful: what became of each', () => {
  it('failed after three tries; the others go on', async () => {
    const stubborn = old({ name: 'stubborn' })
    const others = [old(), old()]
    engine.fault = (verb, id) => (verb === 'remove' && id === stubborn.id ? 'refused' : undefined)
    const { code, json, tookMs } = await swept('--json')
    expect(code).toBe(1)
    expect(json()).toEqual({
      ...nothing,
      removed: others.map(({ id }) => id),
      failed: [{ id: stubborn.id, error: 'remove: refused' }],
    })
    expect(engine.count('remove', stubborn.id)).toBe(3)
    expect(tookMs).toBeLessThan(10_000)
  })

  it('a failure is told to people with its reason', async () => {
    const { id } = old({ name: 'stubborn' })
    engine.fault = (verb) => (verb === 'remove' ? 'refused' : undefined)
    expect((await swept()).out).toBe(
      `failed ${id.slice(0, 12)} stubborn busybox:test: remove: refused\n0 removed, 0 vanished, 1 failed, 0 unknown, 0 spared\n`,
    )
  })

  it('vanished before anything was done', async () => {
    const { id } = old()
    engine.shapeListing = (listing) => {
      engine.containers.delete(id)
      return listing
    }
    const { code, json } = await swept('--json')
    expect([code, json()]).toEqual([0, { ...nothing, vanished: [id] }])
  })

  it('vanished: somebody else was quicker, as the next look confirms', async () => {
    const { id } = old()
    engine.fault = (verb) => {
      if (verb !== 'remove') return undefined
      engine.containers.delete(id)
      return 'gone'
    }
    expect((await swept('--json')).json()).toEqual({ ...nothing, vanished: [id] })
  })

  it('removed by a request without an answer, as the next look confirms', async () => {
    const { id } = old()
    engine.fault = (verb) => {
      if (verb !== 'remove') return undefined
      engine.containers.delete(id)
      return 'timed-out'
    }
    const { code, json } = await swept('--json')
    expect([code, json()]).toEqual([0, { ...nothing, removed: [id] }])
  })

  it('no longer dangling: spared with its reason, and no failure', async () => {
    const { id } = old()
    let listings = 0
    engine.shapeListing = (listing) => {
      listings += 1
      const containers = listing.containers.map((one) => ({
        ...one,
        state: listings > 1 ? 'exited' : 'running',
      }))
      return { ...listing, containers }
    }
    const { code, json } = await swept('--json')
    expect([code, json()]).toEqual([0, { ...nothing, spared: [{ id, reason: 'state-not-covered' }] }])
    expect(engine.count('remove')).toBe(0)
  })

  it('unknown: the engine goes away for good in the middle of it', async () => {
    const { id } = old()
    engine.fault = (verb) => {
      if (verb === 'list' && engine.count('list') <= 2) return undefined
      return verb === 'list' || verb === 'remove' ? 'unavailable' : undefined
    }
    const { code, err, json, tookMs } = await swept('--json')
    expect([code, json()]).toEqual([1, { ...nothing, unknown: [id] }])
    expect(err).toBe('error: the sweep ended early: the engine does not answer any more\n')
    expect(tookMs).toBeGreaterThan(30_000)
    expect(tookMs).toBeLessThan(40_000)
  })

  it('waits out an engine that comes back soon', async () => {
    const { id } = old()
    engine.fault = (verb) => {
      const count = engine.count('list')
      if (verb === 'remove' && count <= 2) return 'unavailable'
      return verb === 'list' && count > 2 && count < 5 ? 'unavailable' : undefined
    }
    const { code, json } = await swept('--json')
    expect([code, json()]).toEqual([0, { ...nothing, removed: [id] }])
  })

  it('ends although neither removals nor listings are ever answered', async () => {
    const ids = [old(), old(), old()].map(({ id }) => id)
    engine.fault = (verb) =>
      verb === 'remove' || (verb === 'list' && engine.count('list') > 2) ? 'hang' : undefined
    const { code, json, tookMs } = await swept('--json')
    expect([code, json()]).toEqual([1, { ...nothing, unknown: ids }])
    expect(tookMs).toBeLessThan(120_000)
  })

  it('ends although removals are never answered', async () => {
    const ids = [old(), old()].map(({ id }) => id)
    engine.fault = (verb) => (verb === 'remove' ? 'hang' : undefined)
    const { code, json, tookMs } = await swept('--json')
    expect(code).toBe(1)
    expect(json()).toEqual({ ...nothing, failed: ids.map((id) => ({ id, error: 'remove: no answer' })) })
    expect(tookMs).toBeLessThan(300_000)
  })

  it('unknown: somebody else removes it and never comes to an end', async () => {
    const { id } = old()
    engine.fault = (verb) => (verb === 'remove' ? 'in-progress' : undefined)
    const { code, err, json, tookMs } = await swept('--json')
    expect([code, json()]).toEqual([1, { ...nothing, unknown: [id] }])
    expect(err).toBe('error: the sweep ended early: nothing has come of the last requests for too long\n')
    expect(tookMs).toBeLessThan(200_000)
  })

  it('quiet-stop: a signal begins no new removal, and what is open is told as unknown', async () => {
    const containers = [old(), old(), old()]
    engine.fault = (verb) => (verb === 'remove' ? 'hang' : undefined)
    const running = ranCli(`${line} --json`, world)
    await clock.advance(1000)
    expect(engine.count('remove')).toBe(2)
    world.signal()
    await clock.advance(10_000)
    const { code, out, err } = await running
    expect([code, JSON.parse(out)]).toEqual([1, { ...nothing, unknown: containers.map(({ id }) => id) }])
    expect(err).toBe('error: the sweep ended early: it was interrupted\n')
    expect(engine.count('remove')).toBe(2)
  })

  it('an engine that is not there ends with 1 at once', async () => {
    engine.fault = () => 'unavailable'
    const { code, out, err } = await swept('--json')
    expect([code, out, err]).toEqual([1, '', 'error: list: unavailable\n'])
    expect(engine.count('list')).toBe(1)
  })
})

describe('progress', () => {
  it('shows on a terminal what takes longer than a second, and is cleared away', async () => {
    for (let count = 0; count < 3; count += 1) old()
    const slow = old()
    engine.fault = (verb, id) =>
      verb === 'remove' && id === slow.id && engine.count('remove', id) < 3 ? 'refused' : undefined
    world = createWorld(true)
    const { err } = await swept()
    expect(err).toContain(`\r\u001b[2Ksweeping [${'#'.repeat(23)}${'.'.repeat(7)}] 3/4`)
    expect(err.endsWith('\r\u001b[2K')).toBe(true)
  })

  it('stays silent where it is quick, and where nobody watches', async () => {
    old()
    world = createWorld(true)
    expect((await swept()).err).toBe('')
    const { id } = old()
    engine.fault = (verb) => (verb === 'remove' && engine.count('remove', id) < 3 ? 'refused' : undefined)
    world = createWorld(false)
    expect((await swept()).err).toBe('')
  })
})

describe('over HTTP', () => {
  let server: EmbeddedEngine
  beforeEach(async () => {
    server = createEmbeddedEngine()
    await server.listen()
  })
  afterEach(() => server.close())

  it('what scan calls dangling is what a sweep at that moment removes', async () => {
    const labels = { [ownerLabel]: ownerValue }
    const createdAtMs = Date.now() - 3_600_000
    for (let count = 0; count < 60; count += 1) server.containers.create({ labels, createdAtMs })
    server.containers.create({ labels, createdAtMs, status: 'exited' })
    const target = `--host ${server.address} --owner ${ownerLabel}=${ownerValue} --nothing-tracked --json`
    const scanned = JSON.parse((await ranCli(`scan ${target}`)).out) as {
      containers: { id: string; verdict: string }[]
    }
    const dangling = scanned.containers.filter(({ verdict }) => verdict === 'dangling').map(({ id }) => id)
    const { code, out } = await ranCli(`sweep ${target}`)
    expect(code).toBe(0)
    expect((JSON.parse(out) as { removed: string[] }).removed).toEqual(dangling)
    expect(dangling).toHaveLength(60)
    expect(server.containers.size).toBe(1)
    expect(server.requests.matching({ method: 'DELETE' })).toHaveLength(60)
  })
})
