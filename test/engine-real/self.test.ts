import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import type Docker from 'dockerode'
import { expect, it } from 'vitest'
import { everyDockerd } from '../support/engine-matrix.ts'
import { until } from '../support/engine-process.ts'
import { type Bench, describeOnBench, graces, owned, owner } from '../support/real-harness.ts'

const repository = join(import.meta.dirname, '../..')
const script = join(repository, 'test/support/frozen-agent.mjs')
const socketInside = '/engine.sock'
const settleDeadlineMs = 60_000

/** Everything of this machine that a Node process needs, where it is here; nothing of it can be changed from inside. */
function machineBinds(): readonly string[] {
  const [, top = ''] = dirname(process.execPath).split(sep)
  const folders = new Set(
    ['/usr', '/lib', '/lib64', `/${top}`, repository].filter((path) => existsSync(path)),
  )
  return [...folders].map((path) => `${path}:${path}:ro`)
}

type HostConfig = Docker.HostConfig & { readonly CgroupnsMode?: 'private' | 'host' }

/** An agent in a container that bears its own label, on the engine that runs it. */
async function runAgent({ engine }: Bench, given: HostConfig): Promise<string> {
  const { image, hostConfig } = engine
  const options = { owner, ...graces, period: '1s' }
  const input = { engine: `unix://${socketInside}`, image, hostConfig, options }
  const container = await engine.docker.createContainer({
    name: 'agent',
    Image: image,
    Labels: owned,
    Cmd: [process.execPath, script, JSON.stringify(input)],
    // It ends with its input.
    OpenStdin: true,
    HostConfig: {
      ...hostConfig,
      NetworkMode: 'none',
      ...given,
      Binds: [...machineBinds(), `${engine.socketPath}:${socketInside}`, ...(given.Binds ?? [])],
    },
  })
  await container.start()
  return container.id
}

/** Files of the engine's host instead of the engine's own. */
function filesFromElsewhere({ engine }: Bench): readonly string[] {
  return ['hostname', 'hosts', 'resolv.conf'].map((file) => {
    const path = `${dirname(engine.socketPath)}/${file}`
    writeFileSync(path, '\n')
    return `${path}:/etc/${file}`
  })
}

/** Waits until the agent has started a container of that name: it may be gone again before it is seen. */
async function hasRun(bench: Bench, agent: string, name: string): Promise<void> {
  const { Created } = await bench.engine.docker.getContainer(agent).inspect()
  await bench.moment(name, 'start', Date.parse(Created))
}

interface Setting {
  readonly title: string
  /** What lives beside the agent, for as long as it does. */
  readonly beside: readonly string[]
  prepare(bench: Bench): Promise<HostConfig>
}

const settings: readonly Setting[] = [
  { title: 'a network of its own', beside: [], prepare: async () => ({}) },
  {
    title: "another container's network",
    beside: ['/holder'],
    prepare: async (bench) => ({ NetworkMode: `container:${await bench.leak('holder')}` }),
  },
  {
    title: "the network of a guest of another's, which sees nothing of its cgroup",
    beside: ['/guest', '/holder'],
    prepare: async ({ engine }) => {
      const holder = await engine.run({ name: 'holder' })
      const guest = await engine.run({ name: 'guest', networkMode: `container:${holder}` })
      return { NetworkMode: `container:${guest}`, CgroupnsMode: 'private' }
    },
  },
  {
    title: 'files from elsewhere, which sees nothing of its cgroup',
    beside: [],
    prepare: async (bench) => ({ Binds: [...filesFromElsewhere(bench)], CgroupnsMode: 'private' }),
  },
]

async function runningNames({ engine }: Bench): Promise<readonly string[]> {
  const rows = await engine.docker.listContainers()
  return rows.flatMap(({ Names }) => Names).toSorted()
}

describeOnBench(everyDockerd, 'not-self', (bench) => {
  it.each(settings)(
    'an agent in a container with its own label and $title removes its leaks and not itself',
    async ({ beside, prepare }) => {
      const agent = await runAgent(bench(), await prepare(bench()))
      const lives = async (name: string): Promise<boolean> => (await runningNames(bench())).includes(name)
      const isGone = async (name: string): Promise<boolean> => !(await lives(name))
      await hasRun(bench(), agent, 'leak')
      for (const name of ['/task', '/leak'])
        await until(() => isGone(name), settleDeadlineMs, `the end of ${name}`)
      // It is still there to find another one.
      await bench().leak('later')
      await until(() => isGone('/later'), settleDeadlineMs, 'the end of a later leak')
      expect(await runningNames(bench())).toEqual(['/agent', ...beside])
      expect(await bench().engine.state(agent)).toBe('running')
    },
  )
})
