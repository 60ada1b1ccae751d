import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { until } from '../support/engine-process.ts'
import { type Bench, describeOnBench, elapse, owned, type Watch } from '../support/real-harness.ts'

/** A container that notes each SIGTERM in a volume, and does something else once it is started again. */
interface Restartable {
  readonly id: string
  terminated(times: number): Promise<void>
}

async function runRestartable(bench: Bench, onTerm: string, again: string): Promise<Restartable> {
  const note = (n: number): string => `touch /notes/${n}`
  const script = [
    `if [ -e /again ]; then trap "${note(2)}; exit 0" TERM; ${again}; fi`,
    `touch /again; trap "${note(1)}; ${onTerm}" TERM; while :; do sleep 0.2; done`,
  ].join('; ')
  const id = await bench.engine.run({
    labels: owned,
    cmd: ['sh', '-c', script],
    stopTimeoutSeconds: 60,
    volumes: ['notes:/notes'],
  })
  const { Mountpoint } = await bench.engine.docker.getVolume('notes').inspect()
  const terminated = (times: number) =>
    until(() => existsSync(join(Mountpoint, String(times))), 60_000, `SIGTERM number ${times}`)
  return { id, terminated }
}

async function ends({ engine }: Bench, id: string): Promise<void> {
  await engine.docker.getContainer(id).wait()
  await engine.settled(id, 'exited')
}

const fails = 'sleep 1; exit 3'
const runs = 'while :; do sleep 0.2; done'
const options = { stopTimeout: '60s', releaseGrace: '1s', creationGrace: '4s', recoveryGrace: '4s' } as const

/** What became of it after several scans, and time for the attempts of a removal. */
async function fateOf({ engine }: Bench, id: string, watch: Watch): Promise<unknown> {
  const { State } = await engine.docker.getContainer(id).inspect()
  await elapse(10_000)
  return [State.ExitCode, await engine.exists(id), (await watch.verdicts())[id]]
}

const leftAlone = [3, true, 'spared: state-not-covered']

describeOnBench(['dockerd-28', 'podman-5.8'], 'started again after our stop', (bench) => {
  /** Our stop ends it when the tracker no longer knows of it, so that no removal follows. */
  async function startedAgain(again: string) {
    const { docker } = bench().engine
    let says: boolean | undefined = false
    const { id, terminated } = await runRestartable(bench(), 'sleep 1; exit 0', again)
    const watch = bench().watch({ ...options, tracked: { has: () => says } })
    await terminated(1)
    says = undefined
    await ends(bench(), id)
    await watch.once('classified', ({ reason }) => reason === 'tracker-unknown')
    await docker.getContainer(id).start()
    says = false
    return { id, terminated, watch }
  }

  it('not-ours-to-stop: when it ends by itself in a state that is not covered, it is spared', async () => {
    const { id, watch } = await startedAgain(fails)
    await ends(bench(), id)
    expect(await fateOf(bench(), id, watch)).toEqual(leftAlone)
  })

  it('new-again: it gets SIGTERM again before it is removed', async () => {
    const { id, terminated, watch } = await startedAgain(runs)
    await terminated(2)
    expect(await watch.removal(id)).toMatchObject({ failures: 0 })
  })

  it('not-ours-to-stop: the same after a restart of the engine during our stop', async () => {
    const { engine } = bench()
    const { id, terminated } = await runRestartable(bench(), 'true', fails)
    const watch = bench().watch(options)
    await terminated(1)
    await engine.kill()
    await engine.restart()
    const container = engine.docker.getContainer(id)
    // dockerd has ended it by then, and Podman finds it running
    await container.stop({ t: 0 }).catch(() => undefined)
    await engine.settled(id, 'exited')
    await container.start()
    await ends(bench(), id)
    expect(await fateOf(bench(), id, watch)).toEqual(leftAlone)
  })
})
