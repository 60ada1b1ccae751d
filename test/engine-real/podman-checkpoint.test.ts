import { expect, it } from 'vitest'
import { oldestAndNewest } from '../support/engine-matrix.ts'
import { checkpointingPodman } from '../support/podman-checkpoint.ts'
import { describeOnBench, elapse } from '../support/real-harness.ts'

const graceMs = 6000

describeOnBench(oldestAndNewest('podman'), 'a restore from a checkpoint', (bench, about) => {
  it('new-again: without a history, one restored just now is graced', async () => {
    const podman = checkpointingPodman(bench(), about)
    const id = podman.run()
    await elapse(graceMs + 1000)
    podman.checkpoint(id)
    podman.restore(id)
    const watch = bench().make({ creationGrace: graceMs })
    expect([await bench().engine.state(id), (await watch.verdicts())[id]]).toEqual([
      'running',
      'graced: creation-grace',
    ])
  })

  it('new-again: it is removed a creation grace after it was restored, and not before', async () => {
    const podman = checkpointingPodman(bench(), about)
    const id = podman.run()
    const watch = bench().make({ creationGrace: graceMs, period: '1s', states: ['running'] })
    watch.tracked.add(id)
    watch.reconciler.start()
    await elapse(graceMs + 1000)
    podman.checkpoint(id)
    watch.tracked.delete(id)
    await watch.once(
      'classified',
      ({ verdict, reason }) => verdict === 'spared' && reason === 'state-not-covered',
    )
    podman.restore(id)
    const restoredAtMs = Date.now()
    await watch.removal(id)
    expect(Date.now() - restoredAtMs).toBeGreaterThanOrEqual(graceMs - 1000)
    expect(watch.complaints()).toEqual([])
  })
})
