import { describe, expect, onTestFinished, test } from 'vitest'
import { createReconciler, type EventName, type EventOf, type FlotsamEvent } from '../../src/index.ts'
import type { ReconcilerOptions } from '../../src/index.ts'
import { createEmbeddedEngine, createTestClock } from '../../src/testing/index.ts'

const minuteMs = 60_000
const owner = { label: 'com.example.agent', value: 'agent-7' }
const labels = { [owner.label]: owner.value }

async function made(options: Partial<ReconcilerOptions> = {}) {
  const clock = createTestClock({ patienceMs: 1500 })
  const engine = createEmbeddedEngine({ clock, dialect: 'podman' })
  const tracked = new Set<string>()
  const address = await engine.listen()
  const given = { owner, tracked, engine: address, restoreGrace: '0s', ...options } as ReconcilerOptions
  const reconciler = createReconciler(given, { clock, random: () => 0.5 })
  const events: FlotsamEvent[] = []
  reconciler.on('*', (event) => events.push(event))
  onTestFinished(async () => {
    await reconciler.stop()
    await engine.close()
  })
  const old = (name: string, minutes: number) => ({
    name,
    createdAtMs: clock.wallNow() - minutes * minuteMs,
  })
  const of = <TName extends EventName>(type: TName) =>
    events.filter((event): event is EventOf<TName> => event.type === type)
  /** The engine is killed in the middle of the next removal of that container. */
  const killInRemovalOf = async (id: string): Promise<void> => {
    const held = engine.faults.add({ kind: 'slow-removal', delayMs: Infinity, container: id })
    reconciler.start()
    while (engine.containers.get(id)?.status !== 'removing') await clock.advance(1000)
    held.clear()
    await engine.restart()
  }
  return {
    clock,
    engine,
    reconciler,
    tracked,
    of,
    old,
    killInRemovalOf,
    removed: () => of('removed').map(({ name }) => name),
    deleted: () => engine.requests.matching({ method: 'DELETE' }).length,
    reasonOf: (name: string) => of('classified').findLast((event) => event.name === name)?.reason,
    left: () =>
      engine.containers
        .list()
        .map(({ name }) => name)
        .toSorted(),
  }
}

describe('a removal of ours that a kill of Podman has interrupted', () => {
  test('eventually-removed: is finished, and costs nothing else', async () => {
    const { clock, engine, killInRemovalOf, left, of, old, removed } = await made()
    const id = engine.containers.create({ ...old('half', 60), labels })
    await killInRemovalOf(id)
    engine.containers.create({ ...old('older', 90), labels })
    engine.containers.create({ ...old('younger', 30), labels })
    await clock.advance(10 * minuteMs)
    expect(left()).toEqual([])
    expect(removed().toSorted()).toEqual(['half', 'older', 'younger'])
    expect(of('engineUp')).toHaveLength(of('engineDown').length)
    expect(of('degraded').filter(({ about }) => about === 'half-removed')).toMatchObject([
      { message: expect.stringContaining(`podman rm -f ${id.slice(0, 12)}`) },
    ])
    expect(of('recovered')).toContainEqual(expect.objectContaining({ about: 'half-removed' }))
  })

  test('fresh-scan: is not finished once the agent tracks it', async () => {
    const { clock, deleted, engine, killInRemovalOf, left, old, reasonOf, tracked } = await made()
    const id = engine.containers.create({ ...old('half', 60), labels })
    await killInRemovalOf(id)
    tracked.add(id)
    const before = deleted()
    await clock.advance(30 * minuteMs)
    expect([left(), deleted(), reasonOf('half')]).toEqual([['half'], before, 'tracked'])
  })

  test('positive-evidence: is not finished while the engine does not list it as being removed', async () => {
    const { clock, deleted, engine, killInRemovalOf, left, old } = await made()
    const id = engine.containers.create({ ...old('half', 60), labels })
    await killInRemovalOf(id)
    engine.faults.add({ kind: 'patch', of: 'listing', container: id, with: { State: 'exited' } })
    const before = deleted()
    await clock.advance(30 * minuteMs)
    expect([left(), deleted()]).toEqual([['half'], before])
  })
})

describe('a removal of another client’s that a kill of Podman has interrupted', () => {
  test('protected: what the container may need is spared, what it cannot need goes, and the log names it', async () => {
    const { clock, deleted, engine, left, of, old, reasonOf, reconciler, removed } = await made()
    engine.containers.create({ ...old('older', 90), labels })
    const id = engine.containers.create(old('foreign', 60))
    engine.containers.create({ ...old('younger', 30), labels })
    engine.containers.failRemoval(id)
    reconciler.start()
    await clock.advance(30 * minuteMs)
    expect(removed()).toEqual(['younger'])
    expect([left(), deleted(), reasonOf('older')]).toEqual([['foreign', 'older'], 1, 'namespace-unknown'])
    expect(of('engineDown')).toEqual([])
    const named = expect.stringMatching(
      new RegExp(`foreign \\(${id.slice(0, 12)}\\).*"podman rm -f ${id.slice(0, 12)}" finishes it`),
    )
    const degraded = of('degraded').filter(({ about }) => about !== 'tracking')
    expect(degraded.map(({ about, message }) => [about, message])).toEqual([
      ['half-removed', named],
      ['namespaces', expect.stringContaining(`podman rm -f ${id.slice(0, 12)}`)],
    ])
    engine.containers.remove(id)
    await clock.advance(6 * minuteMs)
    expect(left()).toEqual([])
    expect(of('recovered').map(({ about }) => about)).toEqual(['half-removed', 'namespaces'])
  })

  test('is not finished, also if the container is ours', async () => {
    const { clock, deleted, engine, left, old, reasonOf, reconciler, removed } = await made()
    const id = engine.containers.create({ ...old('half', 60), labels })
    engine.containers.create({ ...old('younger', 30), labels })
    engine.containers.failRemoval(id)
    reconciler.start()
    await clock.advance(30 * minuteMs)
    expect(removed()).toEqual(['younger'])
    expect([left(), deleted(), reasonOf('half')]).toEqual([['half'], 1, 'half-removed'])
  })

  test('dry-run: a scan before the start says the same, and sends nothing that changes anything', async () => {
    const { deleted, engine, of, old, reconciler } = await made()
    const id = engine.containers.create({ ...old('half', 60), labels })
    engine.containers.failRemoval(id)
    const { containers } = await reconciler.scan()
    expect(containers).toMatchObject([{ name: 'half', verdict: 'spared', reason: 'half-removed' }])
    expect(of('degraded').map(({ about }) => about)).toContain('half-removed')
    expect(deleted()).toBe(0)
  })
})

describe('eventually-removed: an engine that says for ever that a container is being removed', () => {
  test('is asked for its removal after five minutes, and once more where nothing came of it', async () => {
    const { clock, deleted, engine, left, old, reasonOf, reconciler, removed } = await made()
    engine.containers.create({ ...old('ever', 60), labels, status: 'removing' })
    reconciler.start()
    await clock.advance(4.9 * minuteMs)
    expect([left(), deleted(), reasonOf('ever')]).toEqual([['ever'], 0, 'being-removed'])
    engine.faults.add({ kind: 'error', method: 'DELETE', status: 500, message: 'busy', count: 1 })
    await clock.advance(3 * minuteMs)
    expect([left(), removed(), deleted()]).toEqual([[], ['ever'], 2])
  })

  test('is given as long by another process, which counts from its own first inspection', async () => {
    const first = await made()
    first.engine.containers.create({ ...first.old('ever', 60), labels, status: 'removing' })
    first.reconciler.start()
    await first.clock.advance(4 * minuteMs)
    await first.reconciler.stop()
    const second = createReconciler(
      { owner, tracked: new Set<string>(), engine: first.engine.address, restoreGrace: '0s' },
      { clock: first.clock, random: () => 0.5 },
    )
    onTestFinished(() => second.stop())
    second.start()
    await first.clock.advance(4 * minuteMs)
    expect(first.deleted()).toBe(0)
    await first.clock.advance(2.5 * minuteMs)
    expect([first.left(), first.deleted()]).toEqual([[], 1])
  })

  test('is left alone while it is so, and the count begins again', async () => {
    const { clock, deleted, engine, left, old, reconciler } = await made()
    const id = engine.containers.create({ ...old('ever', 60), labels })
    const state = { Status: 'removing', Running: false, Pid: 0 }
    const says = () =>
      engine.faults.add({ kind: 'patch', of: 'inspection', container: id, with: { State: state } })
    const listed = { kind: 'patch', of: 'listing', container: id, with: { State: 'removing' } } as const
    engine.faults.add(listed)
    const saying = says()
    reconciler.start()
    await clock.advance(4 * minuteMs)
    saying.clear()
    await clock.advance(1.5 * minuteMs)
    says()
    await clock.advance(4 * minuteMs)
    expect([left(), deleted()]).toEqual([['ever'], 0])
    await clock.advance(3 * minuteMs)
    expect([left(), deleted()]).toEqual([[], 1])
  })
})

test.each([403, 500])(
  'unknown-is-spared: where Podman’s own API answers %d, nothing is removed, and nothing is gone, until a person finishes it',
  async (status) => {
    const { clock, deleted, engine, left, of, old, reconciler } = await made({ restoreGrace: '5m' })
    engine.faults.add({ kind: 'error', path: /^\/libpod\/containers\/json/, status, message: 'no' })
    engine.containers.create({ ...old('older', 90), labels })
    const id = engine.containers.create({ ...old('half', 60), labels })
    engine.containers.create({ name: 'younger', labels })
    reconciler.start()
    await clock.advance(minuteMs)
    engine.containers.failRemoval(id)
    await clock.advance(30 * minuteMs)
    expect([left().length, deleted()]).toEqual([3, 0])
    expect([of('engineDown'), of('vanished'), of('released')]).toEqual([[], [], []])
    expect(of('degraded')).toMatchObject([
      { about: 'listing', message: expect.stringMatching(/layer not known.*podman rm -f/) },
    ])
    engine.containers.remove(id)
    await clock.advance(6 * minuteMs)
    expect(left()).toEqual([])
  },
)
