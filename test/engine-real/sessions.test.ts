import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { buildCli, type BuiltCli } from '../cli/support/built-cli.ts'
import { Random } from '../simulation/random.ts'
import { oldestAndNewest } from '../support/engine-matrix.ts'
import { type Bench, describeOnBench } from '../support/real-harness.ts'

const key = 'com.example.agent'
const sessionGraceMs = 3000
/** What is left is for a scan that sees the end, one that removes, and the removal. */
const longestRemovalMs = sessionGraceMs + 5000
/** A scan waits 2 s for a session whose process is stopped: the one under way at the end, and both of those above. */
const longestBesideStoppedMs = longestRemovalMs + 3 * 2000
const rounds = Number(process.env['FLOTSAM_SESSION_ROUNDS'] ?? 3)

let cli: BuiltCli
beforeAll(() => {
  cli = buildCli()
})
afterAll(() => cli.close())

interface Held {
  readonly id: string
  readonly signal: (signal: NodeJS.Signals) => Promise<void>
  /** Ends its command, and resolves with the exit code. */
  end(): Promise<number | null>
}

function sessionsIn(bench: Bench) {
  const leases = mkdtempSync(join(tmpdir(), 'flotsam-leases-'))
  onTestFinished(() => rmSync(leases, { recursive: true, force: true }))
  const graces = [
    ['--creation-grace', '1s'],
    ['--recovery-grace', '1s'],
    ['--session-grace', `${sessionGraceMs}ms`],
    ['--period', '200ms'],
  ].flat()
  const place = [
    '--host',
    bench.engine.address,
    '--owner',
    key,
    '--sessions',
    leases,
    '--allow-short-grace',
    ...graces,
  ]
  const command = ['sh', '-c', 'echo "$FLOTSAM_SESSION"; cat']
  return {
    async hold(): Promise<Held> {
      const run = cli.start(['session', ...place, '--sweep', '--', ...command], ['pipe', 'pipe', 'pipe'])
      const { stdin } = run.child as unknown as { stdin: NodeJS.WritableStream }
      await run.reported('\n')
      return {
        id: run.out().trim(),
        signal: async (signal) => {
          const exited = once(run.child, 'exit')
          run.child.kill(signal)
          if (signal === 'SIGKILL') {
            await exited
            stdin.end()
          }
        },
        end: () => {
          stdin.end()
          return run.ended
        },
      }
    },
    start: (session: Held) => bench.engine.run({ labels: { [key]: session.id } }),
  }
}

const isGone = (bench: Bench, id: string, timeout = longestRemovalMs) =>
  expect.poll(() => bench.engine.exists(id), { timeout, interval: 100 }).toBe(false)

describeOnBench(oldestAndNewest('dockerd'), 'sessions', (bench) => {
  it('live-session: of two, the killed one loses its containers in time, and the stopped one keeps its own', async () => {
    const { hold, start } = sessionsIn(bench())
    const [killed, stopped, other, sweeping] = [await hold(), await hold(), await hold(), await hold()]
    const [left, lives] = [await start(killed), await start(stopped)]
    // a session that knows no other living one with containers doubles the grace
    await Promise.all([start(other), start(sweeping)])
    await Promise.all([killed.signal('SIGKILL'), stopped.signal('SIGSTOP')])
    await isGone(bench(), left, longestBesideStoppedMs)
    expect(await bench().engine.state(lives)).toBe('running')
    await stopped.signal('SIGCONT')
    expect(await stopped.end()).toBe(0)
    expect(await bench().engine.exists(lives)).toBe(false)
    expect([await other.end(), await sweeping.end()]).toEqual([0, 0])
  })

  it(`eventually-removed: ${rounds} rounds of kills, without a wrong removal or a leak`, async () => {
    const seed = Number(process.env['FLOTSAM_SESSION_SEED'] ?? 1)
    const random = new Random(seed)
    const { hold, start } = sessionsIn(bench())
    const living = new Map<Held, string[]>()
    const add = async () => {
      const session = await hold()
      living.set(session, [await start(session)])
    }
    for (let count = 0; count < 3; count += 1) await add()
    for (let round = 0; round < rounds; round += 1) {
      for (const [session, containers] of living)
        if (random.chance(0.5)) containers.push(await start(session))
      const [victim, left] = random.pick([...living])
      living.delete(victim)
      await victim.signal('SIGKILL')
      await add()
      for (const id of left) await isGone(bench(), id)
      for (const id of [...living.values()].flat()) expect(await bench().engine.state(id)).toBe('running')
    }
    const all = [...living.values()].flat()
    expect(await Promise.all([...living.keys()].map((session) => session.end()))).toEqual([0, 0, 0])
    for (const id of all) expect(await bench().engine.exists(id)).toBe(false)
  }, 600_000)
})
