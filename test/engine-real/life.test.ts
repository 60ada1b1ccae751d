import { expect, it } from 'vitest'
import { LifecycleError } from '../../src/index.ts'
import { everyDockerd } from '../support/engine-matrix.ts'
import { type Bench, describeOnBench, elapse, type Watch } from '../support/real-harness.ts'

/** It runs before it is inspected: dockerd does not answer about a container while starting it, which may cost a log line. */
async function watchedTask(bench: Bench): Promise<{ readonly task: string; readonly watch: Watch }> {
  const task = await bench.leak()
  const watch = bench.make()
  watch.tracked.add(task)
  watch.reconciler.start()
  await watch.verdicts()
  return { task, watch }
}

describeOnBench('dockerd', 'the life of a reconciler', (bench) => {
  it('a second start is an error and changes nothing; so is one after the stop', async () => {
    const leak = await bench().leak()
    const watch = bench().watch()
    expect(() => watch.reconciler.start()).toThrow(LifecycleError)
    await watch.removal(leak)
    await watch.reconciler.stop()
    expect(() => watch.reconciler.start()).toThrow(LifecycleError)
    await expect(watch.reconciler.scan()).rejects.toThrow(LifecycleError)
    expect(watch.reconciler.status().state).toBe('stopped')
  })

  it('quiet-stop: a stop in the middle of the removals starts no further one', async () => {
    const leaks = await Promise.all(Array.from({ length: 8 }, () => bench().leak()))
    const asked: string[] = []
    const watch = bench().make({
      restoreGrace: '4s',
      maxConcurrentRemovals: 1,
      beforeRemove: ({ id }) => {
        asked.push(id)
        return true
      },
    })
    watch.reconciler.start()
    await watch.once('removed')
    const askedBefore = asked.length
    await watch.reconciler.stop()
    const removed = watch.of('removed').map(({ id }) => id)
    expect(asked).toHaveLength(askedBefore)
    expect(removed.length).toBeLessThanOrEqual(2)
    // Removed containers are gone, and the others stay.
    const living = leaks.filter((id) => !removed.includes(id))
    for (const id of removed) expect(await bench().engine.exists(id)).toBe(false)
    await elapse(1500)
    for (const id of living) expect([id, await bench().engine.state(id)]).toEqual([id, 'running'])
    expect(watch.of('stopped').map(({ underWay }) => underWay)).toEqual([0])
  })

  it('before the start a scan judges by the creation grace and changes nothing', async () => {
    const leak = await bench().leak()
    const watch = bench().make()
    await expect.poll(() => watch.verdicts(), { timeout: 10_000 }).toEqual({ [leak]: 'dangling: untracked' })
    expect(await bench().engine.state(leak)).toBe('running')
    expect(watch.of('scanned')).toEqual([])
  })
})

describeOnBench(everyDockerd, 'lost', (bench) => {
  it('a tracked container that exits unnoticed is reported once, and kept', async () => {
    const { task, watch } = await watchedTask(bench())
    expect(watch.of('lost')).toEqual([])
    await bench().engine.docker.getContainer(task).kill()
    await bench().moment(task, 'die')
    await bench().engine.settled(task, 'exited')
    for (let scans = 0; scans < 3; scans++) await watch.verdicts()
    expect(watch.of('lost')).toMatchObject([{ id: task, how: 'exited' }])
    expect(watch.complaints().map(({ event }) => event)).toEqual(['lost'])
    expect(await bench().engine.exists(task)).toBe(true)
  })

  it('a tracked container removed by another client is reported once, as vanished', async () => {
    const { task, watch } = await watchedTask(bench())
    await bench().engine.docker.getContainer(task).remove({ force: true })
    for (let scans = 0; scans < 3; scans++) await watch.verdicts()
    expect(watch.of('lost')).toMatchObject([{ id: task, how: 'vanished' }])
    expect(watch.of('vanished').map(({ id }) => id)).toEqual([task])
    expect(watch.complaints().map(({ event }) => event)).toEqual(['lost'])
  })
})
