import { expect, it } from 'vitest'
import { createReconciler } from '../../src/index.ts'
import { everyDockerd, oldestAndNewest } from '../support/engine-matrix.ts'
import { type Bench, describeOnBench, elapse, gate, graces, owned, owner } from '../support/real-harness.ts'

/** One container for each reason to spare, with its verdict; undefined for a foreign one. */
async function spareOneOfEach(
  { engine, ended }: Pick<Bench, 'engine' | 'ended'>,
  track: (id: string) => void,
): Promise<Record<string, string | undefined>> {
  const verdicts: Record<string, string | undefined> = {}
  const add = async (creating: Promise<string>, verdict: string | undefined): Promise<string> => {
    const id = await creating
    verdicts[id] = verdict
    return id
  }
  track(await add(engine.run({ labels: owned }), 'tracked: tracked'))
  await add(engine.run(), undefined)
  await add(engine.run({ labels: { [owner.label]: 'agent-70' } }), undefined)
  await add(engine.run({ labels: { ...owned, 'flotsam.keep': '' } }), 'spared: keep-label')
  await add(ended({ labels: owned }), 'spared: state-not-covered')
  const pause = await add(engine.run({ labels: owned }), 'spared: namespace-shared')
  const guest = { labels: owned, networkMode: `container:${pause}` }
  track(await add(engine.run(guest), 'tracked: tracked'))
  const foreignPause = await add(engine.run({ labels: owned }), 'spared: namespace-shared')
  await add(engine.run({ networkMode: `container:${foreignPause}` }), undefined)
  const image = await engine.labelledImage(owned)
  await add(engine.run({ image }), 'spared: label-from-image')
  return verdicts
}

describeOnBench(everyDockerd, 'what is never removed', (bench) => {
  it('each reason to spare is reported and holds, while a leak beside them goes', async () => {
    const { engine } = bench()
    let young: string | undefined
    const watch = bench().make({
      beforeRemove: async () => {
        young ??= await bench().leak('young')
        return true
      },
    })
    const leak = await bench().leak()
    const ended: Bench['ended'] = (request) => bench().ended(request)
    const expected = await spareOneOfEach({ engine, ended }, (id) => watch.tracked.add(id))
    watch.reconciler.start()
    await watch.removal(leak)
    expect((await watch.verdicts())[young ?? '']).toBe('graced: creation-grace')

    // By the end of the young one's grace all others are long over.
    await watch.removal(young ?? '')
    const verdicts = await watch.verdicts()
    for (const [id, verdict] of Object.entries(expected)) {
      expect([id, verdicts[id]]).toEqual([id, verdict])
      expect([id, await engine.exists(id)]).toEqual([id, true])
    }
    expect(watch.of('removed').map(({ id }) => id)).toEqual([leak, young])
  })

  it.each(['id', 'name'] as const)(
    'not-self: the container that the option names by %s is kept',
    async (by) => {
      const self = await bench().leak('myself')
      const leak = await bench().leak()
      const watch = bench().watch({ self: by === 'id' ? self : 'myself' })
      await watch.removal(leak)
      expect(await watch.verdicts()).toEqual({ [self]: 'spared: self' })
      expect(await bench().engine.state(self)).toBe('running')
    },
  )
})

describeOnBench('dockerd', 'what is never removed, whatever the engine', (bench) => {
  it('owned-only: two agents on one engine leave each other alone', async () => {
    const values = ['agent-1', 'agent-2'] as const
    const watches = values.map((value) => bench().watch({ owner: { label: owner.label, value } }))
    const run = (value: string): Promise<string> => bench().engine.run({ labels: { [owner.label]: value } })
    const kept = await Promise.all(values.map(run))
    // At once: a slow machine takes longer than the creation grace to start the others.
    watches.forEach(({ tracked }, index) => tracked.add(kept[index] ?? ''))
    const leaks = await Promise.all(values.map(run))
    await Promise.all(watches.map(({ reconciler }) => reconciler.scan()))
    await Promise.all(watches.map((watch, index) => watch.removal(leaks[index] ?? '')))
    for (const [index, watch] of watches.entries()) {
      expect(await watch.verdicts()).toEqual({ [kept[index] ?? '']: 'tracked: tracked' })
      expect(watch.of('discovered').map(({ id }) => id)).toHaveLength(2)
      expect(watch.of('removed').map(({ id }) => id)).toEqual([leaks[index]])
      expect(await bench().engine.state(kept[index] ?? '')).toBe('running')
    }
  })

  it('dry-run: reports what would be removed, and keeps it', async () => {
    const leak = await bench().leak()
    const watch = bench().watch({ dryRun: true })
    const reported = await watch.once('classified', ({ verdict }) => verdict === 'dangling')
    expect(reported).toMatchObject({ id: leak, dryRun: true })
    expect(await bench().engine.state(leak)).toBe('running')
    expect(watch.of('removed')).toEqual([])
  })

  it('restore grace: an agent that restarts and restores late loses nothing', async () => {
    const before = bench().watch()
    const runTask = async (): Promise<string> => {
      const id = await bench().leak()
      before.tracked.add(id)
      return id
    }
    const tasks = [await runTask(), await runTask()]
    await before.reconciler.stop()
    // Only now: a slow machine takes longer than the creation grace to stop what would remove it.
    const leak = await bench().leak()
    const startedAt = performance.now()
    const after = bench().watch({ restoreGrace: '5s' })
    // Its own grace is over by then, so that only the restore grace holds the others.
    await elapse(3500)
    expect(Object.values(await after.verdicts())).toEqual(Array(3).fill('graced: restore-grace'))
    for (const id of tasks) after.tracked.add(id)
    await after.removal(leak)
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(5000)
    expect(Object.values(await after.verdicts())).toEqual(['tracked: tracked', 'tracked: tracked'])
    for (const id of tasks) expect(await bench().engine.state(id)).toBe('running')
  })

  it('release grace: a container that the agent releases and removes itself is gone without a log line', async () => {
    const task = await bench().leak()
    const watch = bench().make({ releaseGrace: '3s' })
    watch.tracked.add(task)
    watch.reconciler.start()
    await watch.once('classified', ({ verdict }) => verdict === 'tracked')
    watch.tracked.delete(task)
    expect(await watch.verdicts()).toEqual({ [task]: 'graced: release-grace' })
    await bench().engine.docker.getContainer(task).remove({ force: true })
    await watch.reconciler.scan()
    expect(watch.of('vanished').map(({ id }) => id)).toEqual([task])
    expect(watch.of('lost')).toEqual([])
    expect(watch.complaints()).toEqual([])
  })

  it('owned-only: labels() is what makes a container owned', async () => {
    const { address } = bench().engine
    const labels = createReconciler({ owner, tracked: new Set(), engine: address, ...graces }).labels()
    const leak = await bench().engine.run({ labels })
    await bench().watch().removal(leak)
    expect(await bench().engine.exists(leak)).toBe(false)
  })
})

describeOnBench(oldestAndNewest('dockerd'), 'fresh-scan', (bench) => {
  it('a container that the hook adopts is kept, the one beside it goes', async () => {
    const [adopted, leak] = [await bench().leak(), await bench().leak()]
    const watch = bench().make({
      beforeRemove: ({ id }) => {
        if (id === adopted) watch.tracked.add(id)
        return true
      },
    })
    watch.reconciler.start()
    await watch.removal(leak)
    await watch.once('classified', ({ id, verdict }) => id === adopted && verdict === 'tracked')
    expect(await bench().engine.state(adopted)).toBe('running')
  })

  it('a container that is adopted while an asynchronous tracker is asked for the last time is kept', async () => {
    const [adopted, leak] = [await bench().leak(), await bench().leak()]
    const known = new Set<string>()
    let isLastQuestion = false
    const watch = bench().make({
      tracked: {
        has: async (id) => {
          if (id === adopted && isLastQuestion) {
            await elapse(50)
            known.add(id)
          }
          return known.has(id)
        },
      },
    })
    watch.reconciler.on('classified', ({ id, verdict }) => {
      if (id === adopted && verdict === 'dangling') isLastQuestion = true
    })
    watch.reconciler.start()
    await watch.removal(leak)
    await watch.once('classified', ({ id, verdict }) => id === adopted && verdict === 'tracked')
    expect(watch.of('classified').map(({ verdict }) => verdict)).toContain('dangling')
    expect(await bench().engine.state(adopted)).toBe('running')
  })

  it('an ended guest that is adopted while its holder is queued keeps the holder', async () => {
    const holder = await bench().leak('holder')
    const guest = await bench().ended({ labels: owned, networkMode: `container:${holder}` })
    // The newest is listed, and so queued, first.
    const first = await bench().leak('first')
    const [asked, held] = [gate(), gate()]
    const watch = bench().watch({
      restoreGrace: '4s',
      maxConcurrentRemovals: 1,
      beforeRemove: async ({ id }) => {
        if (id === first) {
          asked.open()
          await held.opened
        }
        return true
      },
    })
    await asked.opened
    const { queued, underWay } = watch.reconciler.status().removals
    expect([queued, underWay.map(({ id }) => id)]).toEqual([1, [first]])
    watch.tracked.add(guest)
    held.open()
    await watch.removal(first)
    await watch.once('spared', ({ id, reason }) => id === holder && reason === 'namespace-shared')
    expect((await watch.verdicts())[holder]).toBe('spared: namespace-shared')
    expect(await bench().engine.state(holder)).toBe('running')
  })

  it('protected: a dangling guest goes first and its holder next, both soon', async () => {
    const holder = await bench().leak('holder')
    const guest = await bench().engine.run({ labels: owned, networkMode: 'container:holder' })
    const watch = bench().watch()
    const beganAt = performance.now()
    await watch.removal(holder)
    expect(watch.of('removed').map(({ id }) => id)).toEqual([guest, holder])
    expect(performance.now() - beganAt).toBeLessThan(10_000 + watch.stalledMs())
  })
})
