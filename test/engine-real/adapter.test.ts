import { expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { createDockerodeEngine } from '../../src/engine/dockerode-engine.ts'
import type { Engine } from '../../src/engine/port.ts'
import { type ContainerId, parseContainerId } from '../../src/ids.ts'
import { type Bench, describeOnBench, owned } from '../support/real-harness.ts'

const call = { deadlineMs: 20_000 }
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
  readonly stopOfPaused: 'resolves' | 'refused'
  readonly unpauseOfRunning: 'refused'
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

  it('list: a label filter finds the owner alone', async () => {
    const ours = await bench().engine.run({ labels: owned })
    await bench().engine.run()
    const [[label, value] = ['', '']] = Object.entries(owned)
    const { containers } = await adapter().list({ ...call, label: `${label}=${value}` })
    expect(containers.map(({ id }) => id)).toEqual([ours])
  })

  it('networkMode: tells whose network a guest uses; an unknown container is gone', async () => {
    const holder = await bench().engine.run({ name: 'holder' })
    const guest = await bench().engine.run({ networkMode: 'container:holder' })
    expect(await adapter().networkMode(idOf(guest), call)).toBe(`container:${holder}`)
    await expect(adapter().networkMode(unknown, call)).rejects.toMatchObject({ kind: 'gone', status: 404 })
  })

  it('info: names the engine, and its clock is ours', async () => {
    const info = await adapter().info(call)
    expect(info.name).toMatch(differences.name)
    expect(info.version).toMatch(/^\d+\./)
    expect(info.apiVersion).toMatch(/^1\.\d+$/)
    expect(Math.abs(info.clockOffsetMs ?? Number.NaN)).toBeLessThan(2000)
  })

  it('imageLabels: those of the image alone; an unknown image is gone', async () => {
    const image = await bench().engine.labelledImage({ 'com.example.agent': 'from-image' })
    const id = await bench().engine.run({ image, labels: { 'com.example.other': 'own' } })
    const { containers } = await adapter().list(call)
    const imageId = containers.find((container) => container.id === id)?.imageId ?? ''
    expect(await adapter().imageLabels(imageId, call)).toEqual({ 'com.example.agent': 'from-image' })
    const absent = adapter().imageLabels(`sha256:${unknown}`, call)
    await expect(absent).rejects.toMatchObject({ kind: 'gone', status: 404 })
  })

  it('remove: removes once, and then the container is gone', async () => {
    const id = idOf(await bench().engine.run({ volumes: ['/anonymous'] }))
    await adapter().remove(id, { ...call, volumes: true })
    expect(await bench().engine.exists(id)).toBe(false)
    expect(await bench().volumes()).toEqual([])
    const again = adapter().remove(id, { ...call, volumes: true })
    await expect(again).rejects.toMatchObject({ name: 'EngineError', kind: 'gone', status: 404 })
  })

  it('stop: ends a running container; one that has ended is no error, an unknown one is gone', async () => {
    const id = idOf(await bench().engine.run())
    await adapter().stop(id, { ...call, graceSeconds: 0 })
    expect(await bench().engine.state(id)).toBe('exited')
    await adapter().stop(id, { ...call, graceSeconds: 0 })
    await expect(adapter().stop(unknown, { ...call, graceSeconds: 0 })).rejects.toMatchObject({
      kind: 'gone',
    })
  })

  it('stop and unpause: a paused container, as this engine does, and then again', async () => {
    const id = idOf(await bench().engine.run())
    await bench().engine.docker.getContainer(id).pause()
    const stopping = adapter().stop(id, { ...call, graceSeconds: 0 })
    if (differences.stopOfPaused === 'resolves') {
      await stopping
      expect(await bench().engine.state(id)).toBe('exited')
      return
    }
    await expect(stopping).rejects.toMatchObject({ kind: differences.stopOfPaused })
    expect(await bench().engine.state(id)).toBe('paused')
  })

  it('unpause: lets a paused container run on, and is refused for one that runs', async () => {
    const id = idOf(await bench().engine.run())
    await bench().engine.docker.getContainer(id).pause()
    await adapter().unpause(id, call)
    expect(await bench().engine.state(id)).toBe('running')
    const again = adapter().unpause(id, call)
    await expect(again).rejects.toMatchObject({ kind: differences.unpauseOfRunning })
  })

  it('an engine that stands still: every call ends by its deadline', async () => {
    const id = idOf(await bench().engine.run())
    await bench().engine.freeze()
    const short = { deadlineMs: 500 }
    const beganAt = performance.now()
    const calls = [
      adapter().list(short),
      adapter().info(short),
      adapter().networkMode(id, short),
      adapter().stop(id, { ...short, graceSeconds: 0 }),
    ]
    for (const ending of calls) await expect(ending).rejects.toMatchObject({ kind: 'timed-out' })
    expect(performance.now() - beganAt).toBeLessThan(3000)
  })

  it('an engine that is not there is unavailable, and is back after a restart', async () => {
    const id = await bench().engine.create()
    const same = adapter()
    await same.list(call)
    await bench().engine.kill()
    await expect(same.list(call)).rejects.toMatchObject({ kind: 'unavailable' })
    await bench().engine.restart()
    expect((await same.list(call)).containers.map((container) => container.id)).toEqual([id])
  })
}

describeOnBench('dockerd', 'the engine adapter', (bench) =>
  defineAdapter(bench, {
    name: /docker/i,
    listsNetworkMode: true,
    stopOfPaused: 'resolves',
    unpauseOfRunning: 'refused',
  }),
)

describeOnBench('podman', 'the engine adapter', (bench) =>
  defineAdapter(bench, {
    name: /podman/i,
    listsNetworkMode: false,
    stopOfPaused: 'refused',
    unpauseOfRunning: 'refused',
  }),
)
