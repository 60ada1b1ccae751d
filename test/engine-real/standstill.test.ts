import { expect, it } from 'vitest'
import { describeOnBench, elapse, owned } from '../support/real-harness.ts'
describeOnBench('dockerd', 'awake-time: an engine that stands still between two looks', (bench) => {
  it('answers late, and what it made meanwhile is given its time', async () => {
    const { engine } = bench()
    // With events a look would be under way when the engine stands still, and would notice.
    const watch = bench().watch({ states: ['created', 'running'], creationGrace: '4s', events: false })
    await watch.once('looked')
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
    const looking = watch.reconciler.look()
    await elapse(6500)
    engine.thaw()
    await looking
    await registered
    expect(watch.of('engineDown')).toEqual([])
    expect(await watch.verdicts()).toEqual({ [created]: 'tracked: tracked' })
  })
})
