import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it } from 'vitest'
import { until } from '../support/engine-process.ts'
import { type Bench, describeOnBench, elapse, graces, owner } from '../support/real-harness.ts'

const script = join(import.meta.dirname, '../support/frozen-agent.mjs')
const built = join(import.meta.dirname, '../../dist/src/index.js')
const tellDeadlineMs = 20_000

interface Told {
  readonly type: string
  readonly id?: string
  readonly task?: string
  readonly leak?: string
}

/** An agent in a process of its own, with a reconciler inside. */
class Agent {
  readonly told: Told[] = []
  readonly #child: ChildProcess
  #complaint = ''

  constructor({ engine }: Bench, options: object) {
    if (!existsSync(built)) throw new Error(`${built} is missing; npm run build makes it`)
    const { address, image, hostConfig } = engine
    const input = {
      engine: address,
      image,
      hostConfig,
      options: { owner, ...graces, ...options },
      registerAfterMs: 1200,
    }
    this.#child = spawn(process.execPath, [script, JSON.stringify(input)], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child.stderr?.on('data', (chunk) => (this.#complaint += String(chunk)))
    if (this.#child.stdout) {
      createInterface(this.#child.stdout).on('line', (line) => this.told.push(JSON.parse(line) as Told))
    }
  }

  async hear(type: string, id?: string): Promise<Told> {
    const find = (): Told | undefined =>
      this.told.find((told) => told.type === type && (!id || told.id === id))
    const isTold = (): boolean => {
      if (this.#child.exitCode !== null) throw new Error(`the agent ended: ${this.#complaint}`)
      return find() !== undefined
    }
    await until(isTold, tellDeadlineMs, `"${type}" from the agent`)
    return find() as Told
  }

  async freeze(): Promise<void> {
    this.#child.kill('SIGSTOP')
    const isStopped = (): boolean => / \(.*\) T /s.test(readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8'))
    await until(isStopped, tellDeadlineMs, 'the standstill of the agent')
  }

  wake(): void {
    this.#child.kill('SIGCONT')
  }

  end(): void {
    this.#child.kill('SIGKILL')
  }
}

describeOnBench('dockerd', 'awake-time', (bench) => {
  it('agent and Flotsam frozen together over the end of a grace: what the agent then registers lives', async () => {
    const agent = new Agent(bench(), { creationGrace: '4s' })
    bench().afterwards(() => agent.end())
    const { task = '', leak = '' } = await agent.hear('waiting')
    // Most of the grace is over: were it only paused, it would end before the agent has found its feet again.
    await elapse(3000)
    await agent.freeze()
    expect(agent.told.filter(({ type }) => type === 'removed')).toEqual([])
    await elapse(4000)
    agent.wake()
    await agent.hear('registered', task)
    expect(await bench().engine.state(task)).toBe('running')
    expect(await bench().engine.state(leak)).toBe('running')
    await agent.hear('removed', leak)
    expect(await bench().engine.exists(leak)).toBe(false)
    expect(await bench().engine.state(task)).toBe('running')
    const about = agent.told.filter(({ type }) => ['stalled', 'registered', 'removed'].includes(type))
    expect(about.map(({ type }) => type)).toEqual(['stalled', 'registered', 'removed'])
  })
})
