import { expect, it } from 'vitest'
import { LifecycleError } from '../../src/index.ts'
import { describeOnBench, elapse, owned } from '../support/real-harness.ts'

describeOnBench('dockerd', 'the life of a reconciler', (bench) => {
  it('a second start is an error and changes nothing; so is one after the stop', async () => {
    const leak = await bench().leak()
    const watch = bench().watch()
    expect(() => watch.reconciler.start()).toThrow(LifecycleError)
    await watch.removal(leak)
    await watch.reconciler.stop()
    expect(() => watch.reconciler.start()).toThrow(LifecycleError)
    await expect(watch.reconciler.look()).rejects.toThrow(LifecycleError)
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
    // What was removed is gone, and what was not is there now and stays.
    const living = leaks.filter((id) => !removed.includes(id))
    for (const id of removed) expect(await bench().engine.exists(id)).toBe(false)
    await elapse(1500)
    for (const id of living) expect([id, await bench().engine.state(id)]).toEqual([id, 'running'])
    expect(watch.of('stopped').map(({ underWay }) => underWay)).toEqual([0])
  })

  it('before the start a look judges by the creation grace and changes nothing', async () => {
    const leak = await bench().leak()
    const watch = bench().make()
    await expect.poll(() => watch.verdicts(), { timeout: 10_000 }).toEqual({ [leak]: 'dangling: untracked' })
    expect(await bench().engine.state(leak)).toBe('running')
    expect(watch.of('looked')).toEqual([])
  })
})

describeOnBench('dockerd', 'lost', (bench) => {
  it('a tracked container that exits unnoticed is told once, and lives', async () => {
    const watch = bench().watch()
    const task = await bench().engine.run({ labels: owned })
    watch.tracked.add(task)
    await watch.verdicts()
    expect(watch.of('lost')).toEqual([])
    await bench().engine.docker.getContainer(task).kill()
    await bench().moment(task, 'die')
    await expect.poll(() => bench().engine.state(task)).toBe('exited')
    for (let looks = 0; looks < 3; looks++) await watch.verdicts()
    expect(watch.of('lost')).toMatchObject([{ id: task, how: 'exited' }])
    expect(watch.complaints().map(({ event }) => event)).toEqual(['lost'])
    expect(await bench().engine.exists(task)).toBe(true)
  })

  it('a tracked container that somebody removes is told once, as vanished', async () => {
    const watch = bench().watch()
    const task = await bench().engine.run({ labels: owned })
    watch.tracked.add(task)
    await watch.verdicts()
    await bench().engine.docker.getContainer(task).remove({ force: true })
    for (let looks = 0; looks < 3; looks++) await watch.verdicts()
    expect(watch.of('lost')).toMatchObject([{ id: task, how: 'vanished' }])
    expect(watch.of('vanished').map(({ id }) => id)).toEqual([task])
    expect(watch.complaints().map(({ event }) => event)).toEqual(['lost'])
  })
})
