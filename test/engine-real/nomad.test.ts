import { expect, it } from 'vitest'
import { describeOnBench } from '../support/real-harness.ts'

const allocation = '3e2e8e2c-9a0b-4f5e-8f0a-5a1d3c1b7e42'
const otherAllocation = '0b9d3a5e-1c55-4f0e-9b63-8f8c0a7d2e11'
const mounts = ['alloc:/alloc', 'local:/local', 'secrets:/secrets']

describeOnBench('dockerd', 'the preset nomad', (bench) => {
  it('finds containers by label and by their older name and mounts; others and tracked ones are kept', async () => {
    const { engine } = bench()
    const labels = { 'com.hashicorp.nomad.alloc_id': allocation }
    const labelled = await engine.run({ labels, name: `web-${allocation}` })
    const older = await engine.run({ name: `redis-${allocation}`, volumes: mounts })
    const tracked = await engine.run({ name: `redis-${otherAllocation}`, volumes: mounts })
    const foreign = [
      await engine.run({ name: `cache-${otherAllocation}`, volumes: mounts.slice(0, 2) }),
      await engine.run({ name: 'redis-3e2e8e2c', volumes: mounts }),
      await engine.run({ labels: { 'com.example.agent': 'agent-7' } }),
    ]
    const watch = bench().make({ owner: undefined as never, preset: 'nomad' })
    watch.tracked.add(tracked)
    watch.reconciler.start()
    await Promise.all([watch.removal(labelled), watch.removal(older)])
    expect(await watch.verdicts()).toEqual({ [tracked]: 'tracked: tracked' })
    expect(
      watch
        .of('removed')
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual([labelled, older].toSorted())
    for (const id of [tracked, ...foreign]) expect(await engine.state(id)).toBe('running')
  })

  it('with an owner beside the preset only the containers of this client are found', async () => {
    const { engine } = bench()
    const labelsOf = (client: string) => ({
      'com.hashicorp.nomad.alloc_id': allocation,
      'com.example.client': client,
    })
    const ours = await engine.run({ labels: labelsOf('one') })
    const theirs = await engine.run({ labels: labelsOf('two') })
    const watch = bench().watch({
      owner: { label: 'com.example.client', value: 'one' },
      preset: 'nomad',
    })
    await watch.removal(ours)
    expect(await watch.verdicts()).toEqual({})
    expect(await engine.state(theirs)).toBe('running')
  })
})
