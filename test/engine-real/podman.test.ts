import { expect, it } from 'vitest'
import { plainRequest } from '../support/engine-http.ts'
import { everyPodman } from '../support/engine-matrix.ts'
import { until } from '../support/engine-process.ts'
import { type Bench, describeOnBench, elapse, owned } from '../support/real-harness.ts'

const settleDeadlineMs = 20_000

/** A pod with one container of ours, made with Podman's own API; ends with the test. */
async function runPod(bench: Bench): Promise<{ readonly infra: string; readonly guest: string }> {
  const { docker, image, hostConfig } = bench.engine
  const libpod = (method: string, path: string, body?: unknown) =>
    plainRequest(docker, method, `/v4.0.0/libpod${path}`, body)
  const sleep = ['sleep', '86400']
  const made = await libpod('POST', '/pods/create', {
    name: 'pod',
    labels: owned,
    infra_image: image,
    infra_command: sleep,
    netns: { nsmode: 'none' },
    cgroup_parent: hostConfig.CgroupParent,
  })
  expect(made.status).toBe(201)
  bench.afterwards(async () => {
    await libpod('POST', '/pods/pod/kill')
    await libpod('DELETE', '/pods/pod?force=true')
  })
  const guest = { name: 'in-pod', pod: 'pod', image, command: sleep, labels: owned, stop_timeout: 0 }
  await libpod('POST', '/containers/create', guest)
  await docker.getContainer('in-pod').start()
  const rows = await docker.listContainers({ all: true })
  const idOf = (fits: (name: string) => boolean): string => rows.find((row) => row.Names.some(fits))?.Id ?? ''
  return { infra: idOf((name) => name.endsWith('-infra')), guest: idOf((name) => name === '/in-pod') }
}

describeOnBench(everyPodman, 'removal', (bench) => {
  it('a leak is gone within 5 s of the end of its grace, by the clock of the engine, and not before', async () => {
    const graceMs = 4000
    const watch = bench().watch({ creationGrace: graceMs })
    await watch.once('scanned')
    const leak = await bench().leak()
    await watch.reconciler.scan()
    await watch.removal(leak)
    const livedMs = (await bench().moment(leak, 'remove')) - (await bench().moment(leak, 'create'))
    expect(livedMs).toBeGreaterThanOrEqual(graceMs)
    expect(livedMs).toBeLessThan(graceMs + 5000 + watch.stalledMs())
    expect(watch.complaints()).toEqual([])
  })

  it("without a stopTimeout it is killed at once, however long the container's own is", async () => {
    const ignoresTerm = ['sh', '-c', 'trap "" TERM; while :; do sleep 0.1; done']
    const leak = await bench().engine.run({ labels: owned, cmd: ignoresTerm, stopTimeoutSeconds: 100 })
    const watch = bench().watch()
    expect(await watch.removal(leak, 30_000)).toMatchObject({ failures: 0 })
    expect(watch.complaints()).toEqual([])
  })

  it('a paused container goes', async () => {
    const leak = await bench().leak()
    await bench().engine.docker.getContainer(leak).pause()
    await bench().watch().removal(leak)
    expect(await bench().engine.exists(leak)).toBe(false)
  })

  it.each([true, false])('with removeVolumes %s the named volume stays', async (removeVolumes) => {
    const leak = await bench().engine.run({ labels: owned, volumes: ['/anonymous', 'kept:/named'] })
    const before = await bench().volumes()
    expect(before).toHaveLength(2)
    await bench().watch({ removeVolumes }).removal(leak)
    expect(await bench().volumes()).toEqual(removeVolumes ? ['kept'] : before)
  })

  it('a dangling guest goes first and its holder next, although the listing does not show shared namespaces', async () => {
    const holder = await bench().leak('holder')
    const guest = await bench().engine.run({ labels: owned, networkMode: 'container:holder' })
    const watch = bench().watch()
    await watch.removal(holder)
    expect(watch.of('removed').map(({ id }) => id)).toEqual([guest, holder])
    expect(watch.complaints()).toEqual([])
  })

  it('404: a container that another client removes at the same moment has vanished, without an error line', async () => {
    const leak = await bench().leak()
    const watch = bench().watch({
      beforeRemove: async ({ id }) => {
        await bench().engine.docker.getContainer(id).remove({ force: true })
        return true
      },
    })
    await watch.once('vanished', ({ id }) => id === leak)
    expect(watch.of('removed')).toEqual([])
    expect(watch.complaints()).toEqual([])
  })

  it('an agent that removes its containers itself at the same time causes no warning', async () => {
    const leaks = await Promise.all(Array.from({ length: 6 }, () => bench().leak()))
    const theirs: Promise<{ readonly status: number }>[] = []
    const watch = bench().watch({
      maxConcurrentRemovals: 4,
      beforeRemove: ({ id }) => {
        theirs.push(plainRequest(bench().engine.docker, 'DELETE', `/containers/${id}?force=1`))
        return true
      },
    })
    const isGone = (id: string): boolean =>
      [...watch.of('removed'), ...watch.of('vanished')].some((event) => event.id === id)
    await until(() => leaks.every(isGone), settleDeadlineMs, 'the end of each')
    expect(await Promise.all(theirs)).toHaveLength(6)
    expect(watch.complaints()).toEqual([])
  })
})

describeOnBench(everyPodman, 'what is never removed', (bench) => {
  it('each reason to spare is reported and holds, while a leak beside them goes', async () => {
    const { engine } = bench()
    const tracked = await engine.run({ labels: owned })
    const foreign = [await engine.run(), await engine.run({ labels: { 'com.example.agent': 'agent-70' } })]
    const kept = await engine.run({ labels: { ...owned, 'flotsam.keep': 'true' } })
    const created = await engine.create({ labels: owned })
    const exited = await bench().ended({ labels: owned })
    const pause = await engine.run({ labels: owned })
    const guest = await engine.run({ labels: owned, networkMode: `container:${pause}` })
    const labelled = await engine.run({ image: await engine.labelledImage(owned) })
    const self = await engine.run({ labels: owned, name: 'myself' })
    const leak = await bench().leak()
    const watch = bench().make({ self: 'myself' })
    watch.tracked.add(tracked).add(guest)
    watch.reconciler.start()
    await watch.removal(leak)
    await watch.removal(created)
    expect(await watch.verdicts()).toEqual({
      [tracked]: 'tracked: tracked',
      [kept]: 'spared: keep-label',
      [exited]: 'spared: state-not-covered',
      [pause]: 'spared: namespace-shared',
      [guest]: 'tracked: tracked',
      [labelled]: 'spared: label-from-image',
      [self]: 'spared: self',
    })
    for (const id of foreign) expect(await engine.state(id)).toBe('running')
    expect(
      watch
        .of('removed')
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual([leak, created].toSorted())
  })

  it('protected: the infra container of a pod is never removed, its dangling container is', async () => {
    const { infra, guest } = await runPod(bench())
    const watch = bench().watch()
    await watch.removal(guest)
    expect(await watch.verdicts()).toEqual({ [infra]: 'spared: infra-container' })
    expect(watch.of('removed').map(({ id }) => id)).toEqual([guest])
    expect(watch.of('removeFailed')).toEqual([])
    expect(await bench().engine.state(infra)).toBe('running')
  })

  it('eventually-removed: what is left of a pod goes by the command that its explanation gives', async () => {
    const { docker } = bench().engine
    const { infra, guest } = await runPod(bench())
    const watch = bench().watch()
    await watch.removal(guest)
    const { outlook } = await watch.reconciler.explain(infra)
    const [, named = ''] = /podman pod rm ([0-9a-f]{12})$/.exec(outlook) ?? []
    expect((await plainRequest(docker, 'DELETE', `/v4.0.0/libpod/pods/${named}`)).status).toBe(200)
    expect(await bench().engine.exists(infra)).toBe(false)
  })

  it('a removal of the pod would take members along that have ended, but refuses one with a running member', async () => {
    const { docker } = bench().engine
    const { infra, guest } = await runPod(bench())
    const removal = () => plainRequest(docker, 'DELETE', '/v4.0.0/libpod/pods/pod')
    expect((await removal()).status).toBe(500)
    await docker.getContainer(guest).kill()
    await bench().engine.settled(guest, 'exited')
    expect((await removal()).status).toBe(200)
    expect([await bench().engine.exists(guest), await bench().engine.exists(infra)]).toEqual([false, false])
  })
})

describeOnBench(everyPodman, 'survives-outage', (bench) => {
  const health = /^engine(Down|Up)$/

  it('a frozen engine: one line each way, then the leak goes and the tracked one is kept', async () => {
    const kept = await bench().leak('kept')
    const watch = bench().make()
    watch.tracked.add(kept)
    watch.reconciler.start()
    await watch.once('scanned')
    const leak = await bench().leak()
    await bench().engine.freeze()
    const failed = watch.reconciler.scan().catch((error: unknown) => error)
    await watch.once('engineDown')
    expect(await failed).toMatchObject({ kind: 'timed-out' })
    await elapse(2000)
    bench().engine.thaw()
    await watch.removal(leak)
    expect(watch.lines.map(({ event }) => event).filter((event) => health.test(event))).toEqual([
      'engineDown',
      'engineUp',
    ])
    expect(await watch.verdicts()).toEqual({ [kept]: 'tracked: tracked' })
  })

  it('eventually-removed: a container that a killed engine left in the middle of a stop is removed', async () => {
    const { engine } = bench()
    const ignoresTerm = ['sh', '-c', 'trap "" TERM; while true; do sleep 1; done']
    const id = await engine.run({ labels: owned, cmd: ignoresTerm, name: 'ignores-term' })
    const stop = engine.docker
      .getContainer(id)
      .stop({ t: 30 })
      .catch((error: unknown) => error)
    await until(async () => (await engine.listedState(id)) === 'stopping', settleDeadlineMs, 'stopping')
    await engine.kill()
    await stop
    await engine.restart()
    expect(await engine.listedState(id)).toBe('stopping')
    const watch = bench().watch()
    await watch.removal(id)
    expect(await engine.exists(id)).toBe(false)
  })

  it('an engine that is killed and restarts: its containers kept running, so nothing is lost', async () => {
    const kept = await bench().leak('kept')
    const leak = await bench().leak('leak')
    const watch = bench().make({ creationGrace: '4s' })
    watch.tracked.add(kept)
    watch.reconciler.start()
    await watch.once('scanned')
    await bench().engine.kill()
    await expect(watch.reconciler.scan()).rejects.toMatchObject({ kind: 'unavailable' })
    await bench().engine.restart()
    await watch.removal(leak)
    expect(watch.of('lost')).toEqual([])
    expect(watch.lines.map(({ event }) => event).filter((event) => health.test(event))).toEqual([
      'engineDown',
      'engineUp',
    ])
    expect(await bench().engine.state(kept)).toBe('running')
  })
})
