import { execFileSync } from 'node:child_process'
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { ranCli } from '../cli/support/cli-world.ts'
import { plainRequest } from '../support/engine-http.ts'
import { everyPodman, oldestAndNewest } from '../support/engine-matrix.ts'
import { until } from '../support/engine-process.ts'
import { type Bench, describeOnBench, elapse, owner } from '../support/real-harness.ts'

/** Makes a file that cannot be deleted, until the returned function is called or the test ends. */
function hold(bench: Bench, folder: string): () => void {
  const file = join(folder, 'held')
  writeFileSync(file, '')
  execFileSync('chattr', ['+i', file])
  const inode = statSync(file).ino
  const root = dirname(bench.engine.socketPath)
  let isHeld = true
  const release = (): void => {
    if (!isHeld) return
    isHeld = false
    // an engine may have moved it
    const found = execFileSync('find', [root, '-xdev', '-inum', String(inode)], { encoding: 'utf8' })
    execFileSync('chattr', ['-i', ...found.trim().split('\n')])
  }
  bench.afterwards(release)
  return release
}

const folderOf = ({ engine }: Bench, id: string) => join(dirname(engine.socketPath), 'data/containers', id)

const byHand = ({ engine }: Bench, id: string, query = '') =>
  plainRequest(engine.docker, 'DELETE', `/containers/${id}${query}`)

describeOnBench(oldestAndNewest('dockerd'), 'a removal of another client’s that failed', (bench, about) => {
  it('eventually-removed: is listed for ever as under way or failed, inspected as failed, and removed by us', async () => {
    const leak = await bench().leak()
    const release = hold(bench(), folderOf(bench(), leak))
    expect((await byHand(bench(), leak, '?force=1')).status).toBe(500)
    release()
    const listed = about.name === 'dockerd-20.10' ? 'removing' : 'dead'
    expect([await bench().engine.listedState(leak), await bench().engine.state(leak)]).toEqual([
      listed,
      'dead',
    ])
    const watch = bench().watch()
    expect(await watch.removal(leak)).toMatchObject({ failures: 0, confirmedBy: 'answer' })
    expect(await bench().engine.exists(leak)).toBe(false)
    expect(watch.complaints()).toEqual([])
  })

  it('truthful: a second sweep after a failed one says that it has failed again, and a third removes it', async () => {
    const leak = await bench().leak('held')
    const release = hold(bench(), folderOf(bench(), leak))
    const { label, value } = owner
    // a sweep has no history, so that only the age by the engine's clock counts
    await elapse(3000)
    const line = `sweep --host ${bench().engine.address} --owner ${label}=${value} --nothing-tracked --creation-grace 1s --allow-short-grace --json`
    for (const sweep of ['first', 'second']) {
      const { code, out } = await ranCli(line)
      const { failed, spared } = JSON.parse(out) as Record<string, readonly { readonly id: string }[]>
      expect([sweep, code, failed?.map(({ id }) => id), spared]).toEqual([sweep, 1, [leak], []])
    }
    release()
    const { code, out } = await ranCli(line)
    expect([code, (JSON.parse(out) as { removed: unknown }).removed]).toEqual([0, [leak]])
  })
})

describeOnBench(['dockerd-20.10', 'dockerd-26', 'dockerd-28'], 'a removal under way', (bench) => {
  it('is inspected as that, and not as failed', async () => {
    const { docker } = bench().engine
    const leak = await bench().leak()
    const { GraphDriver } = await docker.getContainer(leak).inspect()
    const many = join((GraphDriver.Data as unknown as { UpperDir: string }).UpperDir, 'many')
    mkdirSync(many)
    for (let made = 0; made < 5000; made++) writeFileSync(join(many, String(made)), '')
    const end = new AbortController()
    const removing = byHand(bench(), leak, '?force=1').finally(() => end.abort())
    const states = new Set<string | undefined>()
    while (!end.signal.aborted) states.add(await bench().engine.state(leak))
    expect((await removing).status).toBe(204)
    // dockerd 28 shows that it is dead for a moment after its removal has ended
    expect([...states].filter((state) => state !== 'running').slice(0, 1)).toEqual(['removing'])
  })
})

describeOnBench(everyPodman, 'a removal that fails', (bench) => {
  it('survives-outage: takes the container off every list, and leaves nothing that breaks ours', async () => {
    const leak = await bench().leak('held')
    const { GraphDriver } = await bench().engine.docker.getContainer(leak).inspect()
    const release = hold(bench(), (GraphDriver.Data as unknown as { UpperDir: string }).UpperDir)
    // Podman 4 starts nothing more until it is released
    const other = await bench().leak('other')
    const watch = bench().watch()
    await watch.once('vanished', ({ id }) => id === leak)
    // Podman 5.4 fails to remove anything until it is released, and drops it nevertheless
    const isGone = () => [...watch.of('removed'), ...watch.of('vanished')].some(({ id }) => id === other)
    await until(isGone, 60_000, 'the end of the other one')
    expect(watch.of('engineDown')).toEqual([])
    expect(await watch.verdicts()).toEqual({})
    release()
    expect(await watch.verdicts()).toEqual({})
    expect(await bench().engine.exists(leak)).toBe(false)
  })
})

describeOnBench(oldestAndNewest('dockerd'), 'a removal that keeps failing', (bench) => {
  it('is retried after 1, 5 and 30 s and then reported stuck once; when its cause is gone, so is the container', async () => {
    const { engine } = bench()
    const leak = await bench().leak('held')
    // A file that cannot be deleted makes the engine fail with a 500 after it has killed the container.
    const file = join(dirname(engine.socketPath), 'data/containers', leak, 'held')
    writeFileSync(file, '')
    let isHeld = true
    const chattr = (change: '+i' | '-i'): void => {
      execFileSync('chattr', [change, file])
      isHeld = change === '+i'
    }
    chattr('+i')
    bench().afterwards(() => (isHeld ? chattr('-i') : undefined))

    const watch = bench().watch()
    const stuck = await watch.once('stuck', undefined, 90_000)
    const failures = watch.of('removeFailed')
    expect(failures.map((event) => event.retryInMs)).toEqual([1000, 5000, 30_000, 120_000])
    expect(failures.every(({ kind }) => kind === 'refused')).toBe(true)
    failures.slice(1).forEach(({ at }, index) => {
      const { at: earlierAt, retryInMs } = failures[index] ?? failures[0]!
      expect(at - earlierAt).toBeGreaterThanOrEqual(retryInMs)
      expect(at - earlierAt).toBeLessThan(retryInMs + 5000 + watch.stalledMs())
    })
    expect(stuck).toMatchObject({ id: leak, failures: 4 })
    expect(watch.reconciler.status().stuck).toEqual([{ id: leak, name: 'held' }])

    // A later leak is not delayed.
    const other = await bench().leak()
    await watch.reconciler.scan()
    await watch.removal(other)

    chattr('-i')
    expect(await watch.removal(leak, 150_000)).toMatchObject({ failures: 4 })
    expect(await engine.exists(leak)).toBe(false)
    expect(watch.of('stuck')).toHaveLength(1)
    expect(watch.reconciler.status().stuck).toEqual([])
    const reported = watch.complaints().map(({ event }) => event)
    expect(reported.filter((event) => event === 'stuck')).toHaveLength(1)
    expect(reported.filter((event) => event === 'degraded')).toHaveLength(1)
    expect(reported.length).toBeLessThanOrEqual(4)
    expect(watch.of('recovered').filter(({ about }) => about === 'removal')).toHaveLength(1)
  }, 300_000)
})
