import { expect, it } from 'vitest'
import { oldestAndNewest } from '../support/engine-matrix.ts'
import { describeOnBench, elapse, gate, owned, type Watch } from '../support/real-harness.ts'

/** The log lines about the engine's health, without the repeated ones. */
function healthLines({ lines }: Watch): readonly string[] {
  return lines.map(({ event }) => event).filter((event) => event === 'engineDown' || event === 'engineUp')
}

const outageDeadlineMs = 30_000

describeOnBench('dockerd', 'survives-outage, at length', (bench) => {
  it('an engine frozen for a minute: one line each way, then everything resumes by itself', async () => {
    const kept = await bench().leak('kept')
    const watch = bench().make()
    watch.tracked.add(kept)
    watch.reconciler.start()
    await watch.once('scanned')
    const leak = await bench().leak()
    await watch.reconciler.scan()
    await bench().engine.freeze()
    await elapse(60_000)
    expect(healthLines(watch)).toEqual(['engineDown'])
    expect(watch.reconciler.status().engine.health).toBe('down')
    expect(watch.of('engineDown').map(({ kind }) => kind)).toEqual(['timed-out'])
    bench().engine.thaw()
    await watch.once('engineUp')
    await watch.removal(leak)
    expect(healthLines(watch)).toEqual(['engineDown', 'engineUp'])
    expect(await watch.verdicts()).toEqual({ [kept]: 'tracked: tracked' })
    expect(await bench().engine.state(kept)).toBe('running')
    expect(watch.of('lost')).toEqual([])
  }, 120_000)
})

describeOnBench(oldestAndNewest('dockerd'), 'survives-outage', (bench) => {
  it('an engine that is killed and comes back: tracked ones that died are lost, restarted leaks go', async () => {
    const kept = await bench().leak('kept')
    const always = { RestartPolicy: { Name: 'always' } }
    const [returning, leak] = [
      await bench().engine.run({ labels: owned, hostConfig: always, name: 'returning' }),
      await bench().engine.run({ labels: owned, hostConfig: always, name: 'leak' }),
    ]
    const dead = await bench().leak('dead')
    const watch = bench().make({ creationGrace: '4s' })
    watch.tracked.add(kept).add(returning)
    watch.reconciler.start()
    await watch.once('scanned')
    await bench().engine.kill()
    await watch.once('engineDown')
    expect(watch.of('removed')).toEqual([])
    await bench().engine.restart()
    await watch.once('engineUp')
    await watch.once('lost', ({ id, how }) => id === kept && how === 'exited')
    await watch.removal(leak)
    expect(await watch.verdicts()).toEqual({
      [kept]: 'tracked: tracked',
      [returning]: 'tracked: tracked',
      [dead]: 'spared: state-not-covered',
    })
    expect(watch.of('lost').map(({ id }) => id)).toEqual([kept])
    expect(healthLines(watch)).toEqual(['engineDown', 'engineUp'])
    expect(await bench().engine.state(returning)).toBe('running')
    expect(await bench().engine.exists(kept)).toBe(true)
  })

  it('an engine absent at the start is waited for, and its leaks are removed', async () => {
    const leak = await bench().engine.run({
      labels: owned,
      hostConfig: { RestartPolicy: { Name: 'always' } },
    })
    await bench().engine.kill()
    const watch = bench().watch()
    expect((await watch.once('engineDown')).kind).toBe('unavailable')
    await expect(watch.reconciler.scan()).rejects.toMatchObject({ kind: 'unavailable' })
    await bench().engine.restart()
    await watch.removal(leak)
    expect(healthLines(watch)).toEqual(['engineDown', 'engineUp'])
  })

  it('recovery grace: a container whose start the engine answers only after an outage is registered in time', async () => {
    const { engine } = bench()
    const watch = bench().watch({ states: ['created', 'running'], creationGrace: '3s' })
    await watch.once('scanned')
    const leak = await bench().leak()
    await watch.reconciler.scan()

    let created = ''
    const agent = async (): Promise<void> => {
      created = await engine.create({ labels: owned, name: 'task' })
      await engine.docker.getContainer(created).start()
      // What the agent does between the engine's answer and the moment that it knows the container.
      await elapse(1000)
      watch.tracked.add(created)
    }
    const registered = agent()
    await bench().moment('task', 'create')
    await engine.freeze()
    expect(watch.tracked.size).toBe(0)
    const failed = watch.reconciler.scan().catch((error: unknown) => error)
    await watch.once('engineDown', undefined, outageDeadlineMs)
    expect(await failed).toMatchObject({ kind: 'timed-out' })
    engine.thaw()
    await registered
    await watch.removal(leak)
    expect(await watch.verdicts()).toEqual({ [created]: 'tracked: tracked' })
    expect(await engine.state(created)).toBe('running')
    expect(watch.of('removed').map(({ id }) => id)).toEqual([leak])
  })

  it('quiet-stop: a frozen engine delays stop() by less than 6 s', async () => {
    await bench().leak()
    const lastAsked = gate()
    let isApproved = false
    const watch = bench().watch({
      // The last question is asked on an established connection, in the same turn in which the request leaves.
      tracked: {
        has: () => {
          if (!isApproved) return false
          isApproved = false
          void bench().engine.freeze()
          lastAsked.open()
          return false
        },
      },
      beforeRemove: () => (isApproved = true),
    })
    await lastAsked.opened
    const beganAt = performance.now()
    await watch.reconciler.stop()
    expect(performance.now() - beganAt).toBeLessThan(6000)
    expect(watch.of('stopped').map(({ underWay }) => underWay)).toEqual([1])
    expect(watch.of('removed')).toEqual([])
  })

  it('quiet-stop: an engine frozen from the first scan on does not delay stop()', async () => {
    await bench().engine.freeze()
    const watch = bench().watch()
    const scanning = watch.reconciler.scan().catch((error: unknown) => error)
    const beganAt = performance.now()
    await watch.reconciler.stop()
    expect(performance.now() - beganAt).toBeLessThan(6000)
    expect(await scanning).toMatchObject({ code: 'ERR_FLOTSAM_LIFECYCLE' })
  })
})
