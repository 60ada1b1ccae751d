import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SweepReport } from '../../src/cli/sweep-report.ts'
import { unreadableSummary } from '../../src/engine/summary.ts'
import { createReconcilerIn } from '../../src/reconciler.ts'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../src/testing/index.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { createFakeEngine, type FakeEngine, ownerLabel, ownerValue } from '../support/fake-engine.ts'
import { memoryLeases, sessionId } from '../support/memory-leases.ts'
import { noSelf } from '../support/self-tests.ts'
import { createTestWorld, type Ran, ranCli, type TestWorld } from './support/cli-world.ts'

const line = `sweep --owner ${ownerLabel}=${ownerValue} --nothing-tracked`
const nothing = {
  removed: [],
  vanished: [],
  failed: [],
  unknown: [],
  spared: [],
  graced: [],
  wouldRemove: [],
}

const isoTime = (atMs: number) => new Date(atMs).toISOString().replace('.000Z', 'Z')

let clock: FakeClock
let engine: FakeEngine
let world: TestWorld
beforeEach(() => {
  clock = createFakeClock()
  engine = createFakeEngine(clock)
  world = createWorld(false)
})

/** A command line on a clock and an engine that only the test moves. */
function createWorld(isTerminal: boolean, self = noSelf): TestWorld {
  return createTestWorld({
    clock,
    isTerminal,
    createReconciler: (options) =>
      createReconcilerIn({ clock, engine, random: () => 0.5, self: async () => self }, options),
  })
}

const old = (fields: Parameters<FakeEngine['add']>[0] = {}) => engine.add({ ageMs: 3_600_000, ...fields })

/** Advances time until the command ends; also returns how long it took. */
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
  it('removes exactly the containers dangling in its scan, and none that begin to dangle meanwhile', async () => {
    const forgotten = [old(), old(), old()]
    const kept = old({ labels: { [ownerLabel]: ownerValue, 'flotsam.keep': '' } })
    const foreign = old({ labels: { [ownerLabel]: 'agent-8' } })
    const fresh = engine.add({ ageMs: 0 })
    const nearly = engine.add({ ageMs: 299_000 })
    engine.fault = (verb, id) =>
      verb === 'remove' && id === forgotten[0]?.id && engine.count('remove', id) < 3 ? 'refused' : undefined
    const beganAt = clock.wallNow()
    const { code, err, json } = await swept('--json')
    expect([code, err]).toEqual([0, ''])
    expect(json()).toEqual({
      ...nothing,
      removed: forgotten.map(({ id }) => id),
      spared: [{ id: kept.id, reason: 'keep-label' }],
      graced: [
        { id: fresh.id, reason: 'creation-grace', until: beganAt + 300_000 },
        { id: nearly.id, reason: 'creation-grace', until: beganAt + 2000 },
      ],
    })
    expect([...engine.containers.keys()].sort()).toEqual(
      [kept, foreign, fresh, nearly].map(({ id }) => id).sort(),
    )
    expect(engine.count('remove', nearly.id)).toBe(0)
  })

  it('prints one line per container, and a summary', async () => {
    const { id } = old({ name: 'forgotten' })
    const kept = old({ name: 'kept', labels: { [ownerLabel]: ownerValue, 'flotsam.keep': '' } })
    const { code, out, err } = await swept()
    expect([code, err]).toEqual([0, ''])
    expect(out).toBe(
      [
        `removed ${id.slice(0, 12)} forgotten busybox:test`,
        `spared ${kept.id.slice(0, 12)} kept busybox:test: keep-label`,
        '1 removed, 0 vanished, 0 failed, 0 unknown, 1 spared',
        '',
      ].join('\n'),
    )
  })

  it('names each container that it spares, with the reason, by reason and name', async () => {
    const kept = { labels: { [ownerLabel]: ownerValue, 'flotsam.keep': '' } }
    old({ name: 'b', ...kept })
    old({ name: 'c', state: 'exited' })
    old({ name: 'a', ...kept })
    const { code, out } = await swept()
    expect(code).toBe(0)
    expect(out.replaceAll(/[0-9a-f]{12} /g, '')).toBe(
      [
        'spared a busybox:test: keep-label',
        'spared b busybox:test: keep-label',
        'spared c busybox:test: state-not-covered',
        '0 removed, 0 vanished, 0 failed, 0 unknown, 3 spared',
        '',
      ].join('\n'),
    )
  })

  it('names containers still in a grace, and until when, as text and as JSON', async () => {
    const beganAt = clock.wallNow()
    engine.add({ name: 'fresh', ageMs: 0 })
    engine.add({ name: 'again', ageMs: 3_600_000, startedAtMs: clock.wallNow() - 1000 })
    const { code, out, json } = await swept('--creation-grace 90s')
    expect(code).toBe(0)
    expect(out.replaceAll(/[0-9a-f]{12} /g, '')).toBe(
      [
        `graced again busybox:test: creation-grace until ${isoTime(beganAt + 90_000)}`,
        `graced fresh busybox:test: creation-grace until ${isoTime(beganAt + 90_000)}`,
        '0 removed, 0 vanished, 0 failed, 0 unknown, 0 spared, 2 graced',
        '',
      ].join('\n'),
    )
    expect(json).toThrow()
    world = createWorld(false)
    const until = clock.wallNow() + 300_000
    const { graced } = (await swept('--json')).json() as SweepReport
    expect(graced.map(({ reason, until: endsAt }) => ({ reason, until: endsAt }))).toEqual([
      { reason: 'creation-grace', until },
      { reason: 'creation-grace', until },
    ])
  })

  it('does nothing when nothing dangles', async () => {
    const { id } = engine.add()
    const until = clock.wallNow() + 300_000
    const { code, json } = await swept('--json')
    expect([code, json()]).toEqual([0, { ...nothing, graced: [{ id, reason: 'creation-grace', until }] }])
    expect(engine.count('list')).toBe(1)
  })

  it('dry-run: reports what it would remove, and builds nothing that could', async () => {
    const { id } = old({ name: 'forgotten' })
    expect((await swept('--dry-run --json')).json()).toEqual({ ...nothing, wouldRemove: [id] })
    expect(world.made.map(({ dryRun }) => dryRun)).toEqual([true])
    world = createWorld(false)
    expect((await swept('--dry-run')).out).toBe(
      `would remove ${id.slice(0, 12)} forgotten busybox:test\nwould remove 1, 0 removed, 0 vanished, 0 failed, 0 unknown, 0 spared\n`,
    )
    expect(engine.count('remove')).toBe(0)
  })

  it('scans without the means to remove, and leaves no timer and no listener', async () => {
    old()
    await swept()
    expect(world.made.map(({ dryRun, restoreGrace }) => [dryRun, restoreGrace])).toEqual([
      [true, undefined],
      [undefined, 0],
    ])
    expect([clock.pendingTimers, world.listenerCount]).toEqual([0, 0])
  })
})

describe('truthful: the outcome of each container', () => {
  it('failed after three attempts; the others continue', async () => {
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

  it('a failure is printed with its reason', async () => {
    const { id } = old({ name: 'stubborn' })
    engine.fault = (verb) => (verb === 'remove' ? 'refused' : undefined)
    expect((await swept()).out).toBe(
      `failed ${id.slice(0, 12)} stubborn busybox:test: remove: refused\n0 removed, 0 vanished, 1 failed, 0 unknown, 0 spared\n`,
    )
  })

  it('a container unpaused within the creation grace stays, one unpaused before it goes', async () => {
    const [before, within] = [old(), old()]
    engine.emit('unpause', before)
    await clock.advance(301_000)
    engine.emit('unpause', within)
    const unpausedAt = clock.wallNow()
    const { code, json } = await swept('--json')
    const graced = [{ id: within.id, reason: 'creation-grace', until: unpausedAt + 300_000 }]
    expect([code, json()]).toEqual([0, { ...nothing, removed: [before.id], graced }])
    expect(engine.count('unpausedWithin')).toBe(1)
  })

  describe('positive-evidence: events that the engine has forgotten are not taken as absent', () => {
    const hint = (who: string) =>
      `hint: the engine no longer remembers what was unpaused within the creation grace, so ${who} graced; a shorter --creation-grace needs less of its memory, and flotsam run none of it\n`

    it('an unpause that other events have pushed out of its memory', async () => {
      const [unpaused, ended] = [old(), old({ state: 'created' })]
      engine.emit('unpause', unpaused)
      await clock.advance(60_000)
      engine.rememberedSinceMs = clock.wallNow()
      const until = clock.wallNow() + 300_000
      const { code, err, json } = await swept('--json')
      expect([code, err, json()]).toEqual([
        0,
        hint('a running container is'),
        { ...nothing, removed: [ended.id], graced: [{ id: unpaused.id, reason: 'creation-grace', until }] },
      ])
    })

    it('a running container is as new as the oldest event, or as now without one', async () => {
      const ids = [old().id, old().id]
      engine.rememberedSinceMs = undefined
      expect((await swept()).err).toBe(hint('2 running containers are'))
      engine.rememberedSinceMs = clock.wallNow()
      await clock.advance(295_000)
      world = createWorld(false)
      expect((await swept()).err).toBe(hint('2 running containers are'))
      await clock.advance(20_000)
      world = createWorld(false)
      const { err, json } = await swept('--json')
      expect([err, json()]).toEqual(['', { ...nothing, removed: ids }])
    })
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

  it('vanished: another client was faster, as the next scan confirms', async () => {
    const { id } = old()
    engine.fault = (verb) => {
      if (verb !== 'remove') return undefined
      engine.containers.delete(id)
      return 'gone'
    }
    expect((await swept('--json')).json()).toEqual({ ...nothing, vanished: [id] })
  })

  it('removed by a request without an answer, as the next scan confirms', async () => {
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

  it('unknown: the engine goes down for good during the sweep', async () => {
    const { id } = old()
    engine.fault = (verb) => {
      if (verb === 'list' && engine.count('list') <= 2) return undefined
      return verb === 'list' || verb === 'remove' ? 'unavailable' : undefined
    }
    const { code, err, json, tookMs } = await swept('--json')
    expect([code, json()]).toEqual([1, { ...nothing, unknown: [id] }])
    expect(err).toBe('error: the sweep ended early: the engine no longer answers\n')
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
    const [one = '', two = '', three = ''] = [old(), old(), old()].map(({ id }) => id)
    engine.fault = (verb) =>
      verb === 'remove' || (verb === 'list' && engine.count('list') > 2) ? 'hang' : undefined
    const { code, json, tookMs } = await swept('--json')
    const failed = [{ id: three, error: 'its removal had not begun' }]
    expect([code, json()]).toEqual([1, { ...nothing, unknown: [one, two], failed }])
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

  it('unknown: a removal by another client never finishes', async () => {
    const { id } = old()
    engine.fault = (verb) => (verb === 'remove' ? 'in-progress' : undefined)
    const { code, err, json, tookMs } = await swept('--json')
    expect([code, json()]).toEqual([1, { ...nothing, unknown: [id] }])
    expect(err).toBe('error: the sweep ended early: the last requests have had no result for too long\n')
    expect(tookMs).toBeLessThan(200_000)
  })

  it('quiet-stop: after a signal no new removal begins, and pending ones are reported as unknown', async () => {
    const [one = '', two = '', three = ''] = [old(), old(), old()].map(({ id }) => id)
    engine.fault = (verb) => (verb === 'remove' ? 'hang' : undefined)
    const running = ranCli(`${line} --json`, world)
    await clock.advance(1000)
    expect(engine.count('remove')).toBe(2)
    world.signal()
    await clock.advance(10_000)
    const { code, out, err } = await running
    const failed = [{ id: three, error: 'its removal had not begun' }]
    expect([code, JSON.parse(out)]).toEqual([1, { ...nothing, unknown: [one, two], failed }])
    expect(err).toBe('error: the sweep ended early: it was interrupted\n')
    expect(engine.count('remove')).toBe(2)
  })

  it('an absent engine ends with 1 at once', async () => {
    engine.fault = () => 'unavailable'
    const { code, out, err } = await swept('--json')
    expect([code, out, err]).toEqual([1, '', 'error: list: unavailable\n'])
    expect(engine.count('list')).toBe(1)
  })
})

describe('truthful: a container left because of an unknown is no success, and is reported with its cause', () => {
  it('a container that may need others cannot be inspected: namespace-unknown', async () => {
    const leaks = [old({ name: 'one' }), old({ name: 'two' })]
    const foreign = engine.add({ name: 'guest', labels: {}, networkMode: '' })
    engine.fault = (verb, id) => (verb === 'inspect' && id === foreign.id ? 'refused' : undefined)
    const { code, err, json } = await swept('--json')
    expect([code, json()]).toEqual([
      1,
      { ...nothing, spared: leaks.map(({ id }) => ({ id, reason: 'namespace-unknown' })) },
    ])
    const example = `${leaks[0]?.id.slice(0, 12)} one busybox:test`
    expect(err).toBe(
      `error: namespace-unknown: 2 containers are left, for example ${example}: what guest shares with other containers is unknown, so no older container is removed: inspect: refused\n`,
    )
    expect(engine.count('remove')).toBe(0)
  })

  it('an entry of the listing cannot be read', async () => {
    const [leak, foreign] = [old({ name: 'one' }), old({ labels: {} })]
    engine.shapeListing = (listing) => ({
      ...listing,
      containers: listing.containers.map((one) =>
        one.id === foreign.id ? unreadableSummary(one.id, 'it is larger than 1048576 bytes') : one,
      ),
    })
    const { code, err, json } = await swept('--json')
    expect([code, json()]).toEqual([1, { ...nothing, removed: [leak.id] }])
    expect(err).toBe(
      `error: a container may be left: the entry of container ${foreign.id.slice(0, 12)}: it is larger than 1048576 bytes\n`,
    )
  })

  it('its image cannot be inspected: image-unknown', async () => {
    const { id } = old({ name: 'one' })
    engine.fault = (verb) => (verb === 'imageLabels' ? 'timed-out' : undefined)
    const { code, err, out } = await swept()
    expect(code).toBe(1)
    expect(err).toBe(
      `error: image-unknown: 1 container is left, ${id.slice(0, 12)} one busybox:test: imageLabels: timed-out\n`,
    )
    expect(out).toContain(`spared ${id.slice(0, 12)} one busybox:test: image-unknown\n`)
  })

  it('its image is gone: what a person can do', async () => {
    const { id } = old({ name: 'one', imageId: 'sha256:gone' })
    const { code, err } = await swept()
    expect(code).toBe(1)
    expect(err).toMatch(/^error: image-unknown: 1 container is left, .* one busybox:test: .*$/m)
    expect(err).toContain(`to remove it: docker rm --force ${id.slice(0, 12)}\n`)
    expect(err.match(/docker rm/g)).toHaveLength(1)
  })

  it('it cannot be inspected itself: inspection-failed', async () => {
    const { id } = old({ name: 'one' })
    engine.fault = (verb) => (verb === 'unpausedWithin' ? 'timed-out' : undefined)
    const { code, err, json } = await swept('--json')
    expect([code, json()]).toEqual([1, { ...nothing, spared: [{ id, reason: 'inspection-failed' }] }])
    expect(err).toMatch(
      /^error: inspection-failed: 1 container is left, .* one busybox:test: unpausedWithin: timed-out$/m,
    )
  })

  it.each([
    ['state-unknown', { state: '' }, 'the engine did not report its state'],
    ['self-unknown', {}, 'name that one with --self'],
    ['inspection-disagrees', {}, 'its inspection disagrees with the listing'],
  ])('%s', async (reason, fields, why) => {
    const { id } = old({ name: 'one', ...fields })
    if (reason === 'inspection-disagrees')
      engine.shapeInspection = (inspection) => ({ ...inspection, name: 'another' })
    if (reason === 'self-unknown') world = createWorld(false, { ...noSelf, judge: () => 'unknown' })
    const { code, err, json } = await swept('--json')
    expect([code, json()]).toEqual([1, { ...nothing, spared: [{ id, reason }] }])
    expect(err).toContain(`error: ${reason}: 1 container is left, ${id.slice(0, 12)} one busybox:test: `)
    expect(err).toContain(why)
  })

  it('one that turns out to be unknown only at its removal', async () => {
    const { id } = old({ name: 'one' })
    let scans = 0
    engine.shapeListing = (listing) => {
      scans += 1
      return listing
    }
    engine.fault = (verb) => (verb === 'imageLabels' && scans > 1 ? 'refused' : undefined)
    const { code, err, json } = await swept('--json')
    expect([code, json()]).toEqual([1, { ...nothing, spared: [{ id, reason: 'image-unknown' }] }])
    expect(err).toBe(
      `error: image-unknown: 1 container is left, ${id.slice(0, 12)} one busybox:test: imageLabels: refused\n`,
    )
  })

  it('also in a dry run, and beside what was removed', async () => {
    const removed = old({ name: 'known' })
    const left = old({ name: 'unknown', imageId: 'sha256:lost' })
    const { code, json } = await swept('--json')
    expect([code, json()]).toEqual([
      1,
      { ...nothing, removed: [removed.id], spared: [{ id: left.id, reason: 'image-unknown' }] },
    ])
    world = createWorld(false)
    expect((await swept('--json --dry-run')).code).toBe(1)
  })

  it('what is left of a pod is a decision, and the command that removes it is on standard error', async () => {
    old({ name: '0123456789ab-infra', isInfra: true })
    const { code, err, out } = await swept()
    expect([code, err]).toEqual([
      0,
      'hint: infra-container: to remove it, remove its pod: podman pod rm 0123456789ab\n',
    ])
    expect(out).toMatch(/^spared .* 0123456789ab-infra busybox:test: infra-container$/m)
  })

  it('a decision is a success: protected, kept, state not covered', async () => {
    const holder = old({ name: 'holder' })
    engine.add({ name: 'guest', labels: {}, networkMode: `container:${holder.id}` })
    old({ name: 'ended', state: 'exited' })
    expect(await swept()).toMatchObject({ code: 0, err: '' })
  })
})

describe('progress', () => {
  it('is shown on a terminal after a second, and is cleared', async () => {
    for (let count = 0; count < 3; count += 1) old()
    const slow = old()
    engine.fault = (verb, id) =>
      verb === 'remove' && id === slow.id && engine.count('remove', id) < 3 ? 'refused' : undefined
    world = createWorld(true)
    const { err } = await swept()
    expect(err).toContain(`\r\u001b[2Ksweeping [${'#'.repeat(23)}${'.'.repeat(7)}] 3/4`)
    expect(err.endsWith('\r\u001b[2K')).toBe(true)
  })

  it('is not shown when it is quick, or without a terminal', async () => {
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

  it('a sweep removes what scan reports as dangling at that moment', async () => {
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

  it.each([
    ['says nothing of it', 'x'],
    ['names it', undefined],
  ])(
    'positive-evidence: a holder is kept when the engine lists its guest but answers a 404 that %s',
    async (_what, message) => {
      const createdAtMs = Date.now() - 3_600_000
      const holder = server.containers.create({ labels: { [ownerLabel]: ownerValue }, createdAtMs })
      const guest = server.containers.create({ pidMode: `container:${holder}`, createdAtMs })
      server.faults.add({
        path: new RegExp(`^/containers/${guest}/json`),
        kind: 'error',
        status: 404,
        message: message ?? `No such container: ${guest}`,
      })
      const target = `--host ${server.address} --owner ${ownerLabel}=${ownerValue} --nothing-tracked --json`
      const { code, out, err } = await ranCli(`sweep ${target}`)
      expect([code, JSON.parse(out)]).toEqual([
        1,
        { ...nothing, spared: [{ id: holder, reason: 'namespace-unknown' }] },
      ])
      expect(err).toContain('error: namespace-unknown: 1 container is left, ')
      expect(server.requests.matching({ method: 'DELETE' })).toEqual([])
    },
  )
})

describe('live-session: a sweep takes two readings', () => {
  const [living, ended] = [sessionId(1), sessionId(2)]
  const leases = memoryLeases(living)
  const of = (session: string) => old({ labels: { [ownerLabel]: session } })

  beforeEach(() => {
    leases.disturbance = undefined
    const owner = { label: ownerLabel, leases }
    world = createTestWorld({
      clock,
      isTerminal: false,
      createReconciler: (options) =>
        createReconcilerIn(
          { clock, engine, random: () => 0.5, self: async () => noSelf },
          {
            ...options,
            owner,
          },
        ),
    })
  })

  it('a session grace apart, and removes what has ended, after the reconcilers of living sessions', async () => {
    const left = of(living)
    const { id } = of(ended)
    const { code, err, json, tookMs } = await swept('--json')
    expect([code, err]).toEqual([0, ''])
    expect(json()).toEqual({
      ...nothing,
      removed: [id],
      spared: [{ id: left.id, reason: 'session-alive' }],
    })
    expect(tookMs).toBeGreaterThan(70_000)
    expect(tookMs).toBeLessThan(80_000)
  })

  it('waits as long as the grace is', async () => {
    const { id } = of(ended)
    const { code, json } = await swept('--json --session-grace 15m')
    expect([code, json()]).toEqual([0, { ...nothing, removed: [id] }])
  })

  it('a session that comes back is left', async () => {
    const { id } = of(ended)
    const beganMs = clock.now()
    leases.disturbance = async () => clock.now() - beganMs > 30_000
    const { code, json } = await swept('--json')
    expect([code, json()]).toEqual([0, { ...nothing, spared: [{ id, reason: 'session-alive' }] }])
  })

  it('a store that fails is a failure, with its message', async () => {
    of(ended)
    leases.disturbance = async () => Promise.reject(new Error('no route to the store'))
    const { code, err } = await swept('--json')
    expect(code).toBe(1)
    expect(err).toContain('no route to the store')
  })

  it('a dry run reports the grace, and waits for nothing', async () => {
    const { id } = of(ended)
    const { code, json, tookMs } = await swept('--json --dry-run')
    expect(code).toBe(0)
    expect(json()).toMatchObject({ wouldRemove: [], graced: [{ id, reason: 'session-grace' }] })
    expect(tookMs).toBeLessThan(5000)
  })
})
