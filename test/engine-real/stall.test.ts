import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it } from 'vitest'
import { until } from '../support/engine-process.ts'
import { type Bench, describeOnBench, elapse, graces, owner } from '../support/real-harness.ts'

const script = join(import.meta.dirname, '../support/frozen-agent.mjs')
const built = join(import.meta.dirname, '../../dist/src/index.js')
const reportDeadlineMs = 90_000

interface Reported {
  readonly type: string
  readonly id?: string
  readonly task?: string
  readonly leak?: string
  readonly graceMs?: number
}

/** An agent in a process of its own, with a reconciler inside. */
class Agent {
  readonly reported: Reported[] = []
  readonly #child: ChildProcess
  #complaint = ''

  constructor({ engine }: Bench) {
    if (!existsSync(built)) throw new Error(`${built} is missing; npm run build makes it`)
    const { address, image, hostConfig } = engine
    const input = { engine: address, image, hostConfig, options: { owner, ...graces }, freezes: true }
    this.#child = spawn(process.execPath, [script, JSON.stringify(input)], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child.stderr?.on('data', (chunk) => (this.#complaint += String(chunk)))
    if (this.#child.stdout) {
      createInterface(this.#child.stdout).on('line', (line) =>
        this.reported.push(JSON.parse(line) as Reported),
      )
    }
  }

  async receive(type: string, id?: string, deadlineMs = reportDeadlineMs): Promise<Reported> {
    const find = (): Reported | undefined =>
      this.reported.find((reported) => reported.type === type && (!id || reported.id === id))
    const isReported = (): boolean => {
      if (this.#child.exitCode !== null) throw new Error(`the agent ended: ${this.#complaint}`)
      return find() !== undefined
    }
    await until(isReported, deadlineMs, `"${type}" from the agent`)
    return find() as Reported
  }

  /** It stops itself. */
  async standstill(): Promise<void> {
    const isStopped = (): boolean => / \(.*\) T /s.test(readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8'))
    await until(isStopped, reportDeadlineMs, 'the standstill of the agent')
  }

  wake(): void {
    this.#child.kill('SIGCONT')
  }

  end(): void {
    this.#child.kill('SIGKILL')
  }
}

describeOnBench('dockerd', 'awake-time', (bench) => {
  it('agent and Flotsam frozen together over the end of a grace: what the agent then registers is kept', async () => {
    const agent = new Agent(bench())
    bench().afterwards(() => agent.end())
    const { task = '', leak = '', graceMs = 0 } = await agent.receive('freezing')
    await agent.standstill()
    const before = agent.reported.length
    expect(agent.reported.filter(({ type }) => type === 'removed')).toEqual([])
    // Half of the grace is over, so that it surely ends meanwhile.
    await elapse(graceMs)
    agent.wake()
    await agent.receive('registered', task, graceMs + reportDeadlineMs)
    expect(await bench().engine.state(task)).toBe('running')
    await agent.receive('removed', leak, graceMs + reportDeadlineMs)
    expect(await bench().engine.exists(leak)).toBe(false)
    expect(await bench().engine.state(task)).toBe('running')
    const after = agent.reported
      .slice(before)
      .filter(({ type }) => ['stalled', 'registered', 'removed'].includes(type))
    // A slow machine may stall it again.
    expect([...new Set(after.map(({ type }) => type))]).toEqual(['stalled', 'registered', 'removed'])
    expect(after.filter(({ type }) => type === 'removed').map(({ id }) => id)).toEqual([leak])
  })
})
