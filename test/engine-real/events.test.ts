import { expect, it } from 'vitest'
import { everyEngine } from '../support/engine-matrix.ts'
import { until } from '../support/engine-process.ts'
import { describeOnBench, owned, type Bench, type Watch } from '../support/real-harness.ts'

/**
 * The period is an hour: every earlier scan was requested. A hint may have to wait for twenty times as long as
 * a scan takes, and 30 s at most; on a machine that is not busy it is a second.
 */
const hintDeadlineMs = 60_000

describeOnBench(everyEngine, 'events request early scans', (bench) => {
  it('a leak is discovered soon after its start, and removed when its grace is over', async () => {
    const watch = await listening(bench(), { creationGrace: '3s' })
    const leak = await bench().leak()
    await watch.once('discovered', ({ id }) => id === leak, hintDeadlineMs)
    await watch.removal(leak)
    expect(watch.complaints()).toEqual([])
  })

  it('a tracked container that exits is reported lost, and one removed by another client is forgotten', async () => {
    const [lost, gone] = [await bench().leak('lost'), await bench().leak('gone')]
    const watch = await listening(bench(), {}, [lost, gone])
    await bench().engine.docker.getContainer(lost).stop({ t: 0 })
    await watch.once('lost', ({ id, how }) => id === lost && how === 'exited', hintDeadlineMs)
    watch.tracked.delete(gone)
    await bench().engine.docker.getContainer(gone).remove({ force: true })
    await watch.once('vanished', ({ id }) => id === gone, hintDeadlineMs)
    expect(watch.of('removed')).toEqual([])
  })

  it('a container that the agent lets go of, without an event, begins its release grace soon', async () => {
    const task = await bench().leak('task')
    const other = await bench().leak('other')
    const watch = await listening(bench(), { releaseGrace: '1s', creationGrace: '3s' }, [task, other])
    watch.tracked.delete(task)
    await watch.removal(task)
    expect(watch.of('removed')).toMatchObject([{ id: task, wasTracked: true }])
  })

  it('namespace-shared: a holder is removed soon after its last guest, which is foreign', async () => {
    const holder = await bench().leak('holder')
    const guest = await bench().engine.run({ networkMode: `container:${holder}` })
    const watch = await listening(bench(), { creationGrace: '3s' })
    await watch.once(
      'spared',
      ({ id, reason }) => id === holder && reason === 'namespace-shared',
      hintDeadlineMs,
    )
    await bench().engine.docker.getContainer(guest).remove({ force: true })
    await watch.removal(holder)
    expect(await bench().engine.exists(holder)).toBe(false)
  })

  it('survives-outage: the end of an engine is detected at once, and its events are followed again', async () => {
    const watch = await listening(bench())
    await bench().engine.kill()
    await watch.once('engineDown', undefined, hintDeadlineMs)
    await bench().engine.restart()
    await watch.once('engineUp')
    await isFollowed(watch)
    const leak = await bench().leak()
    await watch.once('discovered', ({ id }) => id === leak, hintDeadlineMs)
    expect(watch.complaints().map(({ event }) => event)).toEqual(['engineDown'])
  })

  it('a host busy with foreign containers is not scanned more often', async () => {
    const watch = await listening(bench())
    const before = watch.of('scanned').length
    const foreign = await Promise.all(
      Array.from({ length: 10 }, () => bench().engine.run({ labels: { 'com.example.agent': 'agent-8' } })),
    )
    for (const id of foreign) await bench().engine.docker.getContainer(id).remove({ force: true })
    const leak = await bench().engine.run({ labels: owned })
    await watch.once('discovered', ({ id }) => id === leak, hintDeadlineMs)
    expect(watch.of('scanned').length - before).toBeLessThanOrEqual(2)
  })
})

/** A watch that scans by itself only once an hour, whose first scans are over. */
async function listening(
  bench: Bench,
  options: Parameters<Bench['make']>[0] = {},
  tracked: readonly string[] = [],
): Promise<Watch> {
  const watch = bench.make({ period: '1h', creationGrace: '30s', ...options })
  for (const id of tracked) watch.tracked.add(id)
  watch.reconciler.start()
  await isFollowed(watch)
  // The opening of the stream asks for a scan; this is it, and none is due any more.
  await watch.reconciler.scan()
  return watch
}

function isFollowed({ reconciler }: Watch): Promise<void> {
  return until(() => reconciler.status().engine.followsEvents, hintDeadlineMs, 'a stream of events')
}
