import { expect, it } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import { type ContainerId, parseContainerId } from '../../src/domain/ids.ts'
import { createDockerodeEngine } from '../../src/engine/dockerode-engine.ts'
import type { Engine } from '../../src/engine/port.ts'
import { everyDockerd, everyPodman } from '../support/engine-matrix.ts'
import { type Bench, describeOnBench, owned } from '../support/real-harness.ts'

const call = { deadlineMs: 20_000 }
const change = { ...call, maySend: () => true }
const unknown = idOf('f'.repeat(64))

function idOf(text: string): ContainerId {
  const id = parseContainerId(text)
  if (id === undefined) throw new Error(`no full id: ${text}`)
  return id
}

/** Where the two engines answer the same question differently, and the adapter passes it on. */
interface Differences {
  readonly name: RegExp
  readonly listsNetworkMode: boolean
  /** Podman's own API says it. */
  readonly saysWhatIsInfra: boolean
  readonly stopOfPaused: 'resolves' | 'refused'
  readonly unpauseOfRunning: 'refused'
  /** dockerd keeps 256 events, Podman all of them. */
  readonly forgetsEvents: boolean
}

function defineAdapter(bench: () => Bench, differences: Differences): void {
  const adapter = (): Engine => createDockerodeEngine({ engine: bench().engine.address, clock: systemClock })

  it('list: what a listing says of a container in each state', async () => {
    const { engine, ended } = bench()
    const running = await engine.run({ name: 'row', labels: owned, volumes: ['/anonymous', 'kept:/named'] })
    const created = await engine.create()
    const exited = await ended.call(bench())
    const paused = await engine.run()
    await engine.docker.getContainer(paused).pause()
    const { containers, engineNowMs, bytes } = await adapter().list(call)
    const states = Object.fromEntries(containers.map(({ id, state }) => [id, state]))
    expect(states).toEqual({
      [running]: 'running',
      [created]: 'created',
      [exited]: 'exited',
      [paused]: 'paused',
    })
    const row = containers.find(({ id }) => id === running)
    expect(row).toMatchObject({ name: 'row', names: ['row'], labels: owned })
    expect(row?.image).toContain(engine.image)
    expect(row?.mountTargets.toSorted()).toEqual(['/anonymous', '/named'])
    expect(row?.networkMode).toBe(differences.listsNetworkMode ? 'none' : '')
    expect(bytes).toBeGreaterThan(1000)
    const ageMs = (engineNowMs ?? Number.NaN) - (row?.createdAtMs ?? Number.NaN)
    expect(ageMs).toBeGreaterThanOrEqual(0)
    expect(ageMs).toBeLessThan(60_000)
  })

  it('list: a label filter finds only containers of the owner', async () => {
    const ours = await bench().engine.run({ labels: owned })
    await bench().engine.run()
    const [[label, value] = ['', '']] = Object.entries(owned)
    const { containers } = await adapter().list({ ...call, label: `${label}=${value}` })
    expect(containers.map(({ id }) => id)).toEqual([ours])
  })

  it('inspect: reports whose namespaces a guest uses; an unknown container is gone', async () => {
    const holder = await bench().engine.run({ name: 'holder' })
    const guest = await bench().engine.run({ networkMode: 'container:holder', labels: owned })
    const inspected = await adapter().inspect(idOf(guest), call)
    expect(inspected).toMatchObject({ id: guest, state: 'running', restartCount: 0 })
    expect(inspected.namespaces.network).toBe(`container:${holder}`)
    expect(inspected.labels).toMatchObject(owned)
    expect(inspected.finishedAtMs).toBeUndefined()
    expect(inspected.startedAtMs).toBeGreaterThanOrEqual(inspected.createdAtMs)
    expect(inspected.isInfra).toBe(differences.saysWhatIsInfra ? false : undefined)
    expect(inspected.namespaces.dependencies).toEqual(differences.saysWhatIsInfra ? [holder] : [])
    await expect(adapter().inspect(unknown, call)).rejects.toMatchObject({ kind: 'gone', status: 404 })
  })

  it('inspect: an id that is only the name of another container is gone', async () => {
    await bench().engine.create({ name: unknown })
    await expect(adapter().inspect(unknown, call)).rejects.toMatchObject({ kind: 'gone', status: undefined })
  })

  it('fresh-scan: a request that may not leave is withheld, and the container is kept', async () => {
    const id = idOf(await bench().engine.run())
    const withheld = { ...call, maySend: () => Promise.resolve(false) }
    expect(await adapter().remove(id, { ...withheld, volumes: true, force: true })).toBe('withheld')
    expect(await bench().engine.state(id)).toBe('running')
  })

  it('info: names the engine, and its clock is ours', async () => {
    const beganMs = performance.now()
    const info = await adapter().info(call)
    const tookMs = performance.now() - beganMs
    expect(info.name).toMatch(differences.name)
    expect(info.version).toMatch(/^\d+\./)
    expect(info.apiVersion).toMatch(/^1\.\d+$/)
    // When the engine read its clock while answering is unknown: the middle is assumed.
    expect(Math.abs(info.clockOffsetMs ?? Number.NaN)).toBeLessThan(1000 + tookMs / 2)
  })

  it('imageLabels: those of the image alone; an unknown image is gone', async () => {
    const image = await bench().engine.labelledImage({ 'com.example.agent': 'from-image' })
    const id = await bench().engine.run({ image, labels: { 'com.example.other': 'own' } })
    const { containers } = await adapter().list(call)
    const imageId = containers.find((container) => container.id === id)?.imageId ?? ''
    expect(await adapter().imageLabels({ id: imageId, platform: '' }, call)).toEqual({
      'com.example.agent': 'from-image',
    })
    const absent = adapter().imageLabels({ id: `sha256:${unknown}`, platform: '' }, call)
    await expect(absent).rejects.toMatchObject({ kind: 'gone', status: 404 })
  })

  it('remove: removes once, and then the container is gone', async () => {
    const id = idOf(await bench().engine.run({ volumes: ['/anonymous'] }))
    await adapter().remove(id, { ...change, volumes: true, force: true })
    expect(await bench().engine.exists(id)).toBe(false)
    expect(await bench().volumes()).toEqual([])
    const again = adapter().remove(id, { ...change, volumes: true, force: true })
    await expect(again).rejects.toMatchObject({ name: 'EngineError', kind: 'gone', status: 404 })
  })

  it('stop: ends a running container; one that has ended is no error, an unknown one is gone', async () => {
    const id = idOf(await bench().engine.run())
    expect(await adapter().stop(id, { ...change, graceSeconds: 0 })).toBe('done')
    await bench().engine.settled(id, 'exited')
    expect(await adapter().stop(id, { ...change, graceSeconds: 0 })).toBe('unchanged')
    await expect(adapter().stop(unknown, { ...change, graceSeconds: 0 })).rejects.toMatchObject({
      kind: 'gone',
    })
  })

  it('stop and unpause: a paused container, as this engine does, and then again', async () => {
    const id = idOf(await bench().engine.run())
    await bench().engine.docker.getContainer(id).pause()
    const stopping = adapter().stop(id, { ...change, graceSeconds: 0 })
    if (differences.stopOfPaused === 'resolves') {
      await stopping
      await bench().engine.settled(id, 'exited')
      return
    }
    await expect(stopping).rejects.toMatchObject({ kind: differences.stopOfPaused })
    expect(await bench().engine.state(id)).toBe('paused')
  })

  it('unpause: resumes a paused container, and is refused for a running one', async () => {
    const id = idOf(await bench().engine.run())
    await bench().engine.docker.getContainer(id).pause()
    await adapter().unpause(id, change)
    expect(await bench().engine.state(id)).toBe('running')
    const again = adapter().unpause(id, change)
    await expect(again).rejects.toMatchObject({ kind: differences.unpauseOfRunning })
  })

  it(
    'positive-evidence: unpauses, and how far back the engine remembers them',
    { timeout: 120_000 },
    async () => {
      const { docker } = bench().engine
      const created = idOf(await bench().engine.run())
      const container = docker.getContainer(created)
      await container.pause()
      await container.unpause()
      const beganMs = Date.now() - 60_000
      const asked = () => adapter().unpausedWithin({ sinceMs: beganMs, untilMs: Date.now() + 1000 }, call)
      const unpausedMs = Date.now()
      const before = await asked()
      expect([...before.unpaused]).toContain(created)
      expect(before.sinceMs).toBeLessThanOrEqual(unpausedMs)
      for (let round = 0; round < 65; round += 1) {
        for (const name of ['one', 'two', 'three', 'four']) await container.rename({ name })
      }
      const after = await asked()
      expect(after.unpaused.has(created)).toBe(!differences.forgetsEvents)
      if (differences.forgetsEvents) expect(after.sinceMs).toBeGreaterThan(unpausedMs)
      else expect(after.sinceMs).toBe(before.sinceMs)
      await bench().engine.kill()
      await bench().engine.restart()
      const restarted = await asked()
      if (!differences.forgetsEvents) expect(restarted).toEqual(before)
      else expect(restarted.sinceMs ?? Infinity).toBeGreaterThan(unpausedMs)
    },
  )

  it('a frozen engine: every call ends by its deadline', async () => {
    const id = idOf(await bench().engine.run())
    await bench().engine.freeze()
    const short = { deadlineMs: 500 }
    const beganAt = performance.now()
    const calls = [
      adapter().list(short),
      adapter().info(short),
      adapter().inspect(id, short),
      adapter().stop(id, { ...change, ...short, graceSeconds: 0 }),
    ]
    for (const ending of calls) await expect(ending).rejects.toMatchObject({ kind: 'timed-out' })
    expect(performance.now() - beganAt).toBeLessThan(3000)
  })

  it('an absent engine is unavailable, and is back after a restart', async () => {
    const id = await bench().engine.create()
    const same = adapter()
    await same.list(call)
    await bench().engine.kill()
    await expect(same.list(call)).rejects.toMatchObject({ kind: 'unavailable' })
    await bench().engine.restart()
    expect((await same.list(call)).containers.map((container) => container.id)).toEqual([id])
  })
}

describeOnBench(everyDockerd, 'the engine adapter', (bench) =>
  defineAdapter(bench, {
    name: /docker/i,
    listsNetworkMode: true,
    saysWhatIsInfra: false,
    stopOfPaused: 'resolves',
    unpauseOfRunning: 'refused',
    forgetsEvents: true,
  }),
)

describeOnBench(everyPodman, 'the engine adapter', (bench) =>
  defineAdapter(bench, {
    name: /podman/i,
    listsNetworkMode: false,
    saysWhatIsInfra: true,
    stopOfPaused: 'refused',
    unpauseOfRunning: 'refused',
    forgetsEvents: false,
  }),
)
