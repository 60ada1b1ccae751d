import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { inDockersForm } from '../../src/engine/podman-listing.ts'
import { toSummary } from '../../src/engine/summary.ts'
import { plainRequest } from '../support/engine-http.ts'
import { everyPodman } from '../support/engine-matrix.ts'
import { until } from '../support/engine-process.ts'
import { type Bench, describeOnBench, elapse, owned } from '../support/real-harness.ts'

const limitMs = 120_000
const manyFiles = 20_000

/** Its writable layer takes long to be removed. Returns whether it is whole still. */
async function fill(bench: Bench, id: string): Promise<() => boolean> {
  const { GraphDriver } = await bench.engine.docker.getContainer(id).inspect()
  const many = join((GraphDriver.Data as unknown as { UpperDir: string }).UpperDir, 'many')
  mkdirSync(many)
  for (let made = 0; made < manyFiles; made++) writeFileSync(join(many, String(made)), '')
  const { mtimeMs } = statSync(many)
  return () => statSync(many, { throwIfNoEntry: false })?.mtimeMs === mtimeMs
}

/** Waits in the turns of the event loop: a timer would come too late. */
async function whileTrue(check: () => boolean): Promise<void> {
  while (check()) await new Promise((go) => setImmediate(go))
}

const list = async ({ engine }: Bench) => {
  const { status } = await plainRequest(engine.docker, 'GET', '/containers/json?all=1')
  return status
}

/** Kills the engine in the middle of that removal, and starts it again. */
async function interrupt(bench: Bench, id: string, remove: () => Promise<unknown>): Promise<void> {
  const isWhole = await fill(bench, id)
  const removing = remove().catch(() => undefined)
  await whileTrue(isWhole)
  await bench.engine.kill()
  await removing
  await bench.engine.restart({ listing: 'running' })
  expect(await list(bench)).toBe(500)
}

const byHand = (bench: Bench, id: string) =>
  plainRequest(bench.engine.docker, 'DELETE', `/containers/${id}?force=1`)

describeOnBench(everyPodman, 'a removal that a kill of Podman has interrupted', (bench) => {
  it('eventually-removed: ours is finished, and everything resumes', async () => {
    const kept = await bench().leak('kept')
    const half = await bench().leak('half')
    const watch = bench().make()
    watch.tracked.add(kept)
    await interrupt(bench(), half, async () => watch.reconciler.start())
    const younger = await bench().leak('younger')
    await watch.removal(half, limitMs)
    expect(await list(bench())).toBe(200)
    await watch.removal(younger, limitMs)
    expect(await watch.verdicts()).toEqual({ [kept]: 'tracked: tracked' })
    expect(watch.of('vanished')).toEqual([])
    const named = watch.of('degraded').filter(({ about }) => about === 'half-removed')
    expect(named).toMatchObject([{ message: expect.stringContaining(`half (${half.slice(0, 12)})`) }])
    expect(watch.of('recovered').map(({ about }) => about)).toContain('half-removed')
  })

  it('protected: another client’s is named and not finished; what it may need is spared, and the rest goes', async () => {
    const older = await bench().leak('older')
    const foreign = await bench().engine.run({ name: 'foreign' })
    await elapse(1500)
    await interrupt(bench(), foreign, () => byHand(bench(), foreign))
    const younger = await bench().leak('younger')
    const watch = bench().watch()
    await watch.removal(younger, limitMs)
    expect(await watch.verdicts()).toEqual({ [older]: 'spared: namespace-unknown' })
    expect(watch.of('engineDown')).toEqual([])
    const command = `"podman rm -f ${foreign.slice(0, 12)}" finishes it`
    expect(watch.of('degraded').find(({ about }) => about === 'half-removed')?.message).toContain(command)
    expect(await list(bench())).toBe(500)
    expect((await byHand(bench(), foreign)).status).toBe(204)
    await watch.reconciler.scan()
    await watch.removal(older, limitMs)
    await until(() => watch.of('recovered').length === 2, limitMs, 'the end of both')
  })

  it('positive-evidence: the two listings of the engine say the same of every container', async () => {
    const { docker } = bench().engine
    await bench().leak('running')
    await bench().engine.create({ labels: owned, volumes: ['/anonymous', 'named:/named'] })
    await bench().ended({ labels: owned, name: 'ended' })
    const paused = await bench().leak('paused')
    await docker.getContainer(paused).pause()
    const answer = await plainRequest(docker, 'GET', '/containers/json?all=1')
    const chunks: string[] = []
    for await (const chunk of inDockersForm(ownListing(docker))) chunks.push(String(chunk))
    const ofPodman = summariesIn(chunks.join(''))
    expect(ofPodman).toEqual(summariesIn(answer.body))
    expect(ofPodman).toHaveLength(4)
  })
})

/** Podman's own order is another one. */
function summariesIn(body: string): readonly object[] {
  const summaries = (JSON.parse(body) as unknown[]).map(toSummary)
  return summaries
    .map((one) => ({ ...one, mountTargets: one.mountTargets.toSorted() }))
    .toSorted((one, other) => one.id.localeCompare(other.id))
}

async function* ownListing(docker: Bench['engine']['docker']): AsyncGenerator<Uint8Array> {
  const { body } = await plainRequest(docker, 'GET', '/v4.0.0/libpod/containers/json?all=true')
  yield Buffer.from(body)
}
