import { spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { plainRequest } from '../support/engine-http.ts'
import { everyDockerd, oldestAndNewest } from '../support/engine-matrix.ts'
import { until } from '../support/engine-process.ts'
import { type Bench, describeOnBench, graces, owned } from '../support/real-harness.ts'

const settleDeadlineMs = 60_000

describeOnBench(everyDockerd, 'eventually-removed', (bench) => {
  it('a leak is gone within 5 s of the end of its grace, by the clock of the engine, and not before', async () => {
    const graceMs = 4000
    const watch = bench().watch({ creationGrace: graceMs, period: '5m' })
    await watch.once('scanned')
    // The scan that finds it is requested; the one that judges it dangling must come by itself, minutes before the next period.
    const leak = await bench().leak()
    await watch.reconciler.scan()
    await watch.removal(leak)
    const askedMs = await bench().moment(leak, 'kill')
    expect(askedMs - (await bench().moment(leak, 'create'))).toBeGreaterThanOrEqual(graceMs)
    // The time that the engine takes to answer and to act does not count.
    const scanMs = Math.max(...watch.of('scanned').map(({ durationMs }) => durationMs))
    const livedMs = askedMs - (await bench().moment(leak, 'start'))
    expect(livedMs).toBeLessThan(graceMs + 5000 + scanMs + watch.stalledMs())
    expect(watch.of('scanned').length).toBeLessThan(10)
  })

  it.each<[string, (bench: Bench) => Promise<string>]>([
    [
      'paused',
      async ({ engine }) => {
        const id = await engine.run({ labels: owned })
        await engine.docker.getContainer(id).pause()
        return id
      },
    ],
    [
      'restarting over and over',
      async ({ engine }) => {
        const id = await engine.run({
          labels: owned,
          cmd: ['false'],
          hostConfig: { RestartPolicy: { Name: 'always' } },
        })
        const isRestarting = async (): Promise<boolean> => (await engine.state(id)) === 'restarting'
        await until(isRestarting, settleDeadlineMs, 'a restarting container')
        return id
      },
    ],
    [
      'running with a policy that would restart it',
      ({ engine }) => engine.run({ labels: owned, hostConfig: { RestartPolicy: { Name: 'always' } } }),
    ],
  ])('a container that is %s goes', async (what, make) => {
    const leak = await make(bench())
    const watch = bench().watch()
    expect(await watch.removal(leak)).toMatchObject({ confirmedBy: 'answer' })
    expect(await bench().engine.exists(leak)).toBe(false)
    // dockerd does not answer about a container while restarting it, which on a slow machine takes longer than we wait.
    const isSilence = ({ kind }: { readonly kind?: string }): boolean =>
      what === 'restarting over and over' && kind === 'timed-out'
    expect(watch.of('removeFailed').filter((failure) => !isSilence(failure))).toEqual([])
    expect(watch.complaints().filter((line) => !isSilence(line))).toEqual([])
  })

  it('stopped and never started containers go if the policy covers them', async () => {
    const leaks = [await bench().engine.create({ labels: owned }), await bench().ended({ labels: owned })]
    const watch = bench().watch({ states: ['created', 'exited'] })
    for (const leak of leaks) await watch.removal(leak)
    for (const leak of leaks) expect(await bench().engine.exists(leak)).toBe(false)
  })
})

describeOnBench('dockerd', 'eventually-removed, whatever the engine', (bench) => {
  it('a Dockerode instance works like an address', async () => {
    const leak = await bench().leak()
    const watch = bench().watch({ engine: bench().engine.docker })
    await watch.removal(leak)
    expect(await bench().engine.exists(leak)).toBe(false)
    expect(watch.reconciler.status().engine).toMatchObject({ address: bench().engine.address, health: 'up' })
  })

  it('bounded-removal: thirty leaks go, two at a time and ten a scan', async () => {
    const leaks = await Promise.all(
      Array.from({ length: 30 }, () => bench().engine.create({ labels: owned })),
    )
    let mostUnderWay = 0
    /** Those admitted after each scan, until the next one has been judged. */
    const admitted = new Map<number, number>()
    const watch = bench().make({
      states: ['created'],
      maxRemovalsPerScan: 10,
      beforeRemove: () => {
        const scan = watch.of('scanned').length
        admitted.set(scan, (admitted.get(scan) ?? 0) + 1)
        mostUnderWay = Math.max(mostUnderWay, watch.reconciler.status().removals.underWay.length)
        return true
      },
    })
    watch.reconciler.start()
    for (const leak of leaks) await watch.removal(leak)
    expect(mostUnderWay).toBe(2)
    expect(watch.of('scanned')[0]?.owned).toBe(30)
    expect(admitted.size).toBeGreaterThanOrEqual(3)
    expect(Math.max(...admitted.values())).toBeLessThanOrEqual(10)
  })
})

describeOnBench(oldestAndNewest('dockerd'), 'volumes', (bench) => {
  const volumes = ['/anonymous', 'kept:/named']

  it.each([true, false])(
    'with removeVolumes %s the anonymous volume goes, or stays, and the named one stays',
    async (removeVolumes) => {
      const leak = await bench().engine.run({ labels: owned, volumes })
      const before = await bench().volumes()
      expect(before).toHaveLength(2)
      await bench().watch({ removeVolumes }).removal(leak)
      expect(await bench().volumes()).toEqual(removeVolumes ? ['kept'] : before)
    },
  )
})

describeOnBench(oldestAndNewest('dockerd'), 'the time to end', (bench) => {
  /** Needs a second after SIGTERM for its last output, which it writes to a volume. */
  const lastWords = [
    'sh',
    '-c',
    'trap "sleep 1; echo bye >/words/last; exit 0" TERM; while :; do sleep 0.1; done',
  ]

  it.each([
    ['10s', 'bye\n'],
    ['0s', undefined],
  ] as const)('with stopTimeout %s a container that traps SIGTERM leaves %j', async (stopTimeout, words) => {
    const leak = await bench().engine.run({ labels: owned, cmd: lastWords, volumes: ['words:/words'] })
    const volume = bench().engine.docker.getVolume('words')
    const watch = bench().watch({ stopTimeout })
    await watch.removal(leak)
    const { Mountpoint } = await volume.inspect()
    const found = readdirSync(Mountpoint).map((name) => readFileSync(join(Mountpoint, name), 'utf8'))
    expect(found).toEqual(words === undefined ? [] : [words])
    expect(watch.complaints()).toEqual([])
  })

  it('a container that ignores SIGTERM is killed after its stop timeout', async () => {
    const ignoresTerm = ['sh', '-c', 'trap "" TERM; while :; do sleep 0.1; done']
    const leak = await bench().engine.run({ labels: owned, cmd: ignoresTerm })
    const watch = bench().watch({ stopTimeout: '2s' })
    const reported = await watch.once('classified', ({ verdict }) => verdict === 'dangling')
    const removed = await watch.removal(leak)
    expect(removed.at - reported.at).toBeGreaterThanOrEqual(2000)
    expect(await bench().engine.exists(leak)).toBe(false)
  })
})

describeOnBench(everyDockerd, 'truthful', (bench) => {
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

  it('409: a removal in progress by another client is theirs, without an error line', async () => {
    const leak = await bench().leak()
    const { State } = await bench().engine.docker.getContainer(leak).inspect()
    const letExit = await hinderExit(State.Pid)
    bench().afterwards(letExit)
    const theirs = plainRequest(bench().engine.docker, 'DELETE', `/containers/${leak}?force=1`)
    await bench().moment(leak, 'kill')
    const watch = bench().watch()
    const dangled = (): number => watch.of('scanned').filter(({ dangling }) => dangling > 0).length
    await until(() => dangled() >= 2, settleDeadlineMs, 'a scan after the refused attempt')
    letExit()
    expect((await theirs).status).toBe(204)
    await watch.once('vanished', ({ id }) => id === leak)
    expect(watch.of('removed')).toEqual([])
    expect(watch.of('removeFailed')).toEqual([])
    expect(watch.complaints()).toEqual([])
  })

  it('an agent that removes its containers itself at the same time causes no warning', async () => {
    const leaks = await Promise.all(Array.from({ length: 10 }, () => bench().leak()))
    // A failed attempt asks the hook again.
    const theirs = new Map<string, Promise<{ readonly status: number }>>()
    const watch = bench().watch({
      maxConcurrentRemovals: 4,
      beforeRemove: ({ id }) => {
        if (!theirs.has(id))
          theirs.set(id, plainRequest(bench().engine.docker, 'DELETE', `/containers/${id}?force=1`))
        return true
      },
    })
    const isGone = (id: string): boolean =>
      [...watch.of('removed'), ...watch.of('vanished')].some((event) => event.id === id)
    await until(() => leaks.every(isGone), settleDeadlineMs, 'the end of each')
    const statuses = (await Promise.all(theirs.values())).map(({ status }) => status)
    expect(statuses).toHaveLength(10)
    expect([204, 404, 409]).toEqual(expect.arrayContaining(statuses))
    // Each was removed by one of the two, and only we may claim ours.
    const ours = watch.of('removed').filter(({ confirmedBy }) => confirmedBy === 'answer').length
    expect(ours + statuses.filter((status) => status === 204).length).toBeGreaterThanOrEqual(10)
    expect(watch.complaints()).toEqual([])
  })
})

describeOnBench(oldestAndNewest('dockerd'), 'no-head-of-line', (bench) => {
  it('two containers whose removals hang pass their slots to the others', async () => {
    const hung = [await bench().leak('hung-1'), await bench().leak('hung-2')]
    const shims = hung.map(shimOf)
    bench().afterwards(() => shims.forEach(resume))
    for (const shim of shims) process.kill(shim, 'SIGSTOP')
    const watch = bench().watch({ creationGrace: graces.creationGrace, maxConcurrentRemovals: 2 })
    const underWay = (): number => watch.reconciler.status().removals.underWay.length
    await until(() => underWay() === 2, settleDeadlineMs, 'two removals under way')
    const others = [await bench().leak(), await bench().leak(), await bench().leak()]
    await watch.reconciler.scan()
    for (const id of others) await watch.removal(id)
    expect(
      watch.reconciler
        .status()
        .removals.underWay.map(({ id }) => id)
        .toSorted(),
    ).toEqual(hung.toSorted())
    shims.forEach(resume)
    for (const id of hung) await watch.removal(id)
    expect(watch.complaints()).toEqual([])
  })
})

/**
 * Puts a process into the container whose parent is outside and stands still: no process reaps it, so that the container,
 * once killed, cannot end. The answer lets it end.
 */
async function hinderExit(containerPid: number): Promise<() => void> {
  const parent = spawn('nsenter', ['--target', `${containerPid}`, '--pid', 'sleep', '600'], {
    stdio: 'ignore',
  })
  const { pid } = parent
  if (pid === undefined) throw new Error('nsenter did not start')
  const childrenFile = `/proc/${pid}/task/${pid}/children`
  await until(() => readFileSync(childrenFile, 'utf8').trim() !== '', settleDeadlineMs, 'the process inside')
  parent.kill('SIGSTOP')
  return () => void parent.kill('SIGKILL')
}

/** The process that keeps one container for containerd; while it stands still so does every removal of that container. */
function shimOf(id: string): number {
  const found = readdirSync('/proc').find((pid) => /^\d+$/.test(pid) && isShim(pid, id))
  if (found === undefined) throw new Error(`no shim of ${id}`)
  return Number(found)
}

function isShim(pid: string, id: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return (words[0] ?? '').includes('containerd-shim') && words.includes(id)
  } catch {
    return false
  }
}

function resume(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT')
  } catch {
    // it ended with its container
  }
}
