import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { oldestAndNewest } from '../support/engine-matrix.ts'
import { describeOnBench } from '../support/real-harness.ts'

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
