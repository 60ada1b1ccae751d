import { existsSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { expect, it } from 'vitest'
import { until } from '../support/engine-process.ts'
import { type Bench, describeOnBench, graces, owned, owner } from '../support/real-harness.ts'

const repository = join(import.meta.dirname, '../..')
const script = join(repository, 'test/support/frozen-agent.mjs')
const socketInside = '/engine.sock'
const settleDeadlineMs = 30_000

/** Everything of this machine that a Node process needs, where it is here; nothing of it can be changed from inside. */
function machineBinds(): readonly string[] {
  const [, top = ''] = dirname(process.execPath).split(sep)
  const folders = new Set(
    ['/usr', '/lib', '/lib64', `/${top}`, repository].filter((path) => existsSync(path)),
  )
  return [...folders].map((path) => `${path}:${path}:ro`)
}

/** An agent in a container that bears its own label, on the engine that runs it. */
async function runAgent({ engine }: Bench, networkMode: string): Promise<string> {
  const { image, hostConfig } = engine
  const options = { owner, ...graces, period: '1s' }
  const input = { engine: `unix://${socketInside}`, image, hostConfig, options, registerAfterMs: 0 }
  const container = await engine.docker.createContainer({
    name: 'agent',
    Image: image,
    Labels: owned,
    Cmd: [process.execPath, script, JSON.stringify(input)],
    // It ends with its input.
    OpenStdin: true,
    HostConfig: {
      ...hostConfig,
      NetworkMode: networkMode,
      Binds: [...machineBinds(), `${engine.socketPath}:${socketInside}`],
    },
  })
  await container.start()
  return container.id
}

async function runningNames({ engine }: Bench): Promise<readonly string[]> {
  const rows = await engine.docker.listContainers()
  return rows.flatMap(({ Names }) => Names).toSorted()
}

describeOnBench('dockerd', 'not-self', (bench) => {
  it.each(['a network of its own', "another container's network"])(
    'an agent in a container with its own label and %s removes its leaks and not itself',
    async (network) => {
      const isGuest = network.startsWith('another')
      const holder = isGuest ? await bench().leak('holder') : ''
      const agent = await runAgent(bench(), isGuest ? `container:${holder}` : 'none')
      const living = isGuest ? ['/agent', '/holder'] : ['/agent']
      const lives = async (name: string): Promise<boolean> => (await runningNames(bench())).includes(name)
      await until(() => lives('/leak'), settleDeadlineMs, 'the containers of the agent')
      await until(async () => !(await lives('/leak')), settleDeadlineMs, 'the end of its leak')
      // It is still there to find another one.
      await bench().leak('later')
      await until(async () => !(await lives('/later')), settleDeadlineMs, 'the end of a later leak')
      expect(await runningNames(bench())).toEqual(living)
      expect(await bench().engine.state(agent)).toBe('running')
    },
  )
})
