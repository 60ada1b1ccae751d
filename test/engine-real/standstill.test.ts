import { expect, it } from 'vitest'
import { describeOnBench, elapse, owned } from '../support/real-harness.ts'
describeOnBench('dockerd', 'awake-time: an engine frozen between two scans', (bench) => {
  it('answers late, and containers created meanwhile get their full grace', async () => {
    const { engine } = bench()
    // With events a scan would be under way when the engine stands still, and would notice.
    const watch = bench().watch({ states: ['created', 'running'], creationGrace: '4s', events: false })
    await watch.once('scanned')
    let created = ''
    const agent = async (): Promise<void> => {
      created = await engine.create({ labels: owned, name: 'task' })
      await engine.docker.getContainer(created).start()
      await elapse(1000)
      watch.tracked.add(created)
    }
    const registered = agent()
    await bench().moment('task', 'create')
    await engine.freeze()
    expect(watch.tracked.size).toBe(0)
    await elapse(6500)
    const scanning = watch.reconciler.scan()
    await elapse(6500)
    engine.thaw()
    await scanning
    await registered
    expect(watch.of('engineDown')).toEqual([])
    expect(await watch.verdicts()).toEqual({ [created]: 'tracked: tracked' })
  })
})
