import { execFileSync } from 'node:child_process'
import { mkdirSync, readlinkSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { RealEngine } from '../support/real-engine.ts'
import { describeOnBench, elapse, owned } from '../support/real-harness.ts'

async function networkOf(engine: RealEngine, id: string): Promise<string> {
  const { State } = await engine.docker.getContainer(id).inspect()
  return readlinkSync(`/proc/${State.Pid}/ns/net`)
}

/** Listings tell ages in whole seconds. */
const oneSecondApart = () => elapse(2100)

// dockerd keeps a network's `container:NAME` where no container has the name yet, and resolves it at each start.
describeOnBench(
  ['dockerd-20.10', 'dockerd-28'],
  'protected: a guest that refers to its holder by name',
  (bench) => {
    it.each(['web', '4f9fe6a11204'])(
      'keeps a holder younger than it, which was called %s when it started',
      async (called) => {
        const { engine } = bench()
        const guest = await engine.create({ networkMode: `container:${called}` })
        await oneSecondApart()
        const holder = await engine.run({ name: called, labels: owned })
        await engine.docker.getContainer(guest).start()
        expect(await networkOf(engine, guest)).toBe(await networkOf(engine, holder))
        await engine.docker.getContainer(holder).rename({ name: 'renamed' })
        const leak = await bench().leak('leak')
        const watch = bench().watch()
        await watch.removal(leak)
        expect(await watch.verdicts()).toEqual({ [holder]: 'spared: namespace-shared' })
        expect(watch.complaints()).toEqual([])
      },
    )

    it('keeps the holder that it joined when it was restarted, and no longer its first one', async () => {
      const { engine } = bench()
      const guest = await engine.create({ networkMode: 'container:web' })
      const first = await engine.run({ name: 'web', labels: owned })
      await engine.docker.getContainer(guest).start()
      const watch = bench().watch({ period: '5s' })
      await watch.once('classified', ({ id, reason }) => id === first && reason === 'namespace-shared')
      await engine.docker.getContainer(first).rename({ name: 'web-1' })
      const second = await engine.run({ name: 'web', labels: owned })
      await engine.docker.getContainer(guest).restart({ t: 0 })
      expect(await networkOf(engine, guest)).toBe(await networkOf(engine, second))
      await engine.docker.getContainer(second).rename({ name: 'web-2' })
      await watch.removal(first)
      expect(await watch.verdicts()).toEqual({
        [second]: expect.stringMatching(/namespace-shared|creation-grace/),
      })
      const leak = await bench().leak('leak')
      await watch.removal(leak)
      expect(await watch.verdicts()).toEqual({ [second]: 'spared: namespace-shared' })
    })

    it('eventually-removed: what never ran, for want of a container with that name, keeps nothing', async () => {
      const { engine } = bench()
      const leak = await bench().leak()
      await oneSecondApart()
      const failed = await engine.create({ networkMode: 'container:typo' })
      await expect(engine.docker.getContainer(failed).start()).rejects.toThrow(/No such container/)
      const watch = bench().watch()
      await watch.removal(leak)
      expect([await engine.state(failed), watch.complaints()]).toEqual(['created', []])
    })
  },
)

describeOnBench(['dockerd-20.10', 'dockerd-28'], 'eventually-removed: guests that never ran', (bench) => {
  it('and refer to each other both go', async () => {
    const { engine } = bench()
    const one = await engine.create({ name: 'one', labels: owned, networkMode: 'container:other' })
    const hostConfig = { PidMode: `container:${one}` }
    const other = await engine.create({ name: 'other', labels: owned, hostConfig })
    // In their creation graces they protect each other until the next scan.
    const watch = bench().watch({ period: '5s' })
    await Promise.all([watch.removal(one), watch.removal(other)])
    expect(watch.complaints()).toEqual([])
  })
})

describeOnBench(['podman-4', 'podman-5.8'], 'protected: a guest that joined a network by path', (bench) => {
  it.each(['attach', 'symlink'] as const)(
    'keeps what may be its holder, which has a name by %s',
    async (how) => {
      const { engine } = bench()
      const holder = await engine.run({ labels: owned })
      const { State } = await engine.docker.getContainer(holder).inspect()
      const name = `flotsam-test-${State.Pid}`
      mkdirSync('/run/netns', { recursive: true })
      if (how === 'attach') execFileSync('ip', ['netns', 'attach', name, String(State.Pid)])
      else execFileSync('ln', ['-s', `/proc/${State.Pid}/ns/net`, `/run/netns/${name}`])
      bench().afterwards(() => {
        execFileSync('sh', ['-c', `umount /run/netns/${name} 2>/dev/null; rm -f /run/netns/${name}`])
      })
      const guest = await engine.run({ networkMode: `ns:/run/netns/${name}`, labels: owned })
      expect(await networkOf(engine, guest)).toBe(await networkOf(engine, holder))
      await oneSecondApart()
      const younger = await bench().leak()
      const watch = bench().make()
      watch.tracked.add(guest)
      watch.reconciler.start()
      await watch.removal(younger)
      expect(await watch.verdicts()).toEqual({
        [guest]: 'tracked: tracked',
        [holder]: 'spared: namespace-unknown',
      })
      expect(watch.complaints().map(({ about: subject, kind }) => [subject, kind])).toEqual([
        ['namespaces', 'unknown-holder'],
      ])
    },
  )

  it('eventually-removed: a foreign one that has exited keeps nothing', async () => {
    const { engine } = bench()
    const leak = await bench().leak()
    await oneSecondApart()
    const foreign = await engine.run({ networkMode: 'ns:/proc/self/ns/net' })
    await engine.docker.getContainer(foreign).kill()
    await engine.docker.getContainer(foreign).wait()
    const watch = bench().watch()
    await watch.removal(leak)
    expect(await engine.exists(foreign)).toBe(true)
  })
})
