import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { until } from '../support/engine-process.ts'
import { describeOnEngine, type RealEngine } from '../support/real-engine.ts'

const program = join(import.meta.dirname, '../../examples/agent/agent.mjs')
const lineDeadlineMs = 20_000
const exitDeadlineMs = 10_000

interface Line {
  readonly event: string
  readonly id?: string
  readonly ids?: readonly string[]
  readonly msg: string
}

/** The example as a user runs it, with what it wrote. */
interface RunningAgent {
  readonly lines: readonly Line[]
  /** The first so many lines of an event. */
  lined(event: string, count?: number): Promise<readonly Line[]>
  /** SIGTERM; resolves to the exit code. */
  end(): Promise<number | null>
}

function runAgent(engine: RealEngine, record: string, ...flags: readonly string[]): RunningAgent {
  const args = [program, engine.image, '--short-graces', '--record', record, ...flags]
  const child = spawn(process.execPath, args, {
    env: { ...process.env, DOCKER_HOST: engine.address },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: Line[] = []
  let complaint = ''
  createInterface(child.stdout).on('line', (line) => lines.push(JSON.parse(line) as Line))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text))
  let code: number | null | undefined
  child.once('close', (ended) => (code = ended))
  onTestFinished(() => void child.kill('SIGKILL'))
  return {
    lines,
    lined: async (event, count = 1) => {
      const found = () => lines.filter((line) => line.event === event)
      const isThere = () => {
        if (code !== undefined) throw new Error(`the agent ended with ${code}: ${complaint}`)
        return found().length >= count
      }
      await until(isThere, lineDeadlineMs, `${count} lines "${event}"`)
      return found().slice(0, count)
    },
    end: async () => {
      child.kill('SIGTERM')
      await until(() => code !== undefined, exitDeadlineMs, 'the end of the agent')
      return code ?? null
    },
  }
}

const idsOf = (lines: readonly Line[]) => lines.map(({ id }) => id as string).toSorted()

describeOnEngine('dockerd', 'the example agent', (engine) => {
  test('removes what it leaked, keeps its tasks over a restart, and replaces what ended or is gone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flotsam-example-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const record = join(folder, 'record.json')

    const first = runAgent(engine(), record, '--leak')
    const [leaked] = idsOf(await first.lined('leaked'))
    expect(idsOf(await first.lined('removed'))).toEqual([leaked])
    const kept = idsOf(await first.lined('taskStarted', 2))
    expect(await first.end()).toBe(0)
    expect(await engine().exists(leaked as string)).toBe(false)
    expect(await Promise.all(kept.map((id) => engine().state(id)))).toEqual(['running', 'running'])

    const second = runAgent(engine(), record)
    const [restored] = await second.lined('restored')
    expect(restored?.ids?.toSorted()).toEqual(kept)
    await second.lined('ready')
    const [victim, survivor] = kept as [string, string]
    await engine().docker.getContainer(victim).kill()
    const [replacement] = idsOf(await second.lined('taskStarted')) as [string]
    expect(await engine().state(survivor)).toBe('running')
    expect(await engine().state(replacement)).toBe('running')
    expect(await engine().exists(victim)).toBe(false)
    expect(await second.end()).toBe(0)
    expect(second.lines.filter(({ event }) => event === 'removed')).toEqual([])
    const recorded = JSON.parse(readFileSync(record, 'utf8')) as readonly (readonly [string, number])[]
    expect(recorded.map(([id]) => id).toSorted()).toEqual([survivor, replacement].toSorted())

    await engine().docker.getContainer(survivor).remove({ force: true })
    const third = runAgent(engine(), record)
    const [successor] = idsOf(await third.lined('taskStarted')) as [string]
    expect(await engine().state(successor)).toBe('running')
    expect(await engine().state(replacement)).toBe('running')
    expect(await third.end()).toBe(0)
  })
})
