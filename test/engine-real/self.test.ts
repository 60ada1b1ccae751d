import { existsSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import Docker from 'dockerode'
import { expect, it } from 'vitest'
import { importBusybox } from '../support/engine-image.ts'
import { enginesFolder, everyDockerd } from '../support/engine-matrix.ts'
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

const command = join(repository, 'dist/src/cli/main.js')

/** Sweeps an engine from a shell in a container, until no container is in its creation grace. */
function sweepOf(socket: string, { before = '', flags = '' } = {}): string {
  const grace = '--creation-grace 1s --allow-short-grace'
  const ownership = `--owner ${owner.label}=${owner.value} --nothing-tracked`
  const sweep = `${before} ${process.execPath} ${command} sweep --host unix://${socket} ${ownership} ${grace} ${flags}`
  return `while said=$(${sweep} 2>&1); echo "$said"; case "$said" in *creation-grace*) ;; *) false;; esac; do sleep 1; done`
}

async function logOf(docker: Docker, id: string): Promise<string> {
  return String(await docker.getContainer(id).logs({ stdout: true, stderr: true }))
}

/** A container of the agent that runs something else than an agent, and lives on. */
async function runScript(
  { engine }: Bench,
  name: string,
  script: string,
  { Binds = [], ...given }: HostConfig,
): Promise<string> {
  const directory = dirname(engine.socketPath)
  const container = await engine.docker.createContainer({
    name,
    Image: engine.image,
    Labels: owned,
    Cmd: ['sh', '-c', `${script}; echo over; sleep 86400`],
    StopTimeout: 1,
    HostConfig: {
      ...engine.hostConfig,
      NetworkMode: 'none',
      ...given,
      Binds: [...machineBinds(), `${directory}:${directory}`, ...Binds],
    },
  })
  await container.start()
  return container.id
}

/** What a container prints until it says that it is over. Fails if it is removed before. */
async function untilOver({ engine: { docker } }: Bench, id: string): Promise<string> {
  let log = ''
  await until(
    async () => {
      log = await logOf(docker, id)
      return /\bover\b/.test(log)
    },
    settleDeadlineMs,
    'the end of the script',
  )
  return log
}

describeOnBench(
  ['dockerd-20.10', 'podman-5.8'],
  'not-self: a root that does not show its container',
  (bench) => {
    // As after `chroot /host` on a host whose root is a file system from its top, without any mark of an engine.
    it('an agent that changed to it, in a cgroup namespace of its own, does not remove its container', async () => {
      const socket = bench().engine.socketPath
      const seen = [
        '/proc',
        '/dev',
        ...machineBinds().map((bind) => bind.split(':')[0] ?? ''),
        dirname(socket),
      ]
      const script = [
        'busybox mkdir /jail && busybox mount -t tmpfs jail /jail',
        ...seen.map((path) => `busybox mkdir -p /jail${path} && busybox mount --rbind ${path} /jail${path}`),
        sweepOf(socket, { before: 'busybox env -i busybox chroot /jail' }),
      ]
      const hostConfig: HostConfig = {
        CapAdd: ['SYS_ADMIN'],
        SecurityOpt: ['seccomp=unconfined'],
        CgroupnsMode: 'private',
      }
      const agent = await runScript(bench(), 'agent', script.join('; '), hostConfig)
      expect(await untilOver(bench(), agent)).toMatch(/self-unknown/)
      expect(await bench().engine.state(agent)).toBe('running')
    })
  },
)

describeOnBench(['dockerd-28-containerd'], 'not-self: the host name of another container', (bench) => {
  it('an agent in the network of another does not remove itself for the other’s host name as `self`', async () => {
    const socket = bench().engine.socketPath
    const holder = await bench().engine.run({ name: 'holder' })
    const sweep = sweepOf(socket, { flags: '--self $(cat /proc/sys/kernel/hostname)' })
    const hostConfig = { NetworkMode: `container:${holder}`, CgroupnsMode: 'private' } as const
    const agent = await runScript(bench(), 'agent', sweep, hostConfig)
    expect(await untilOver(bench(), agent)).toMatch(/self-unknown/)
    expect(await bench().engine.state(agent)).toBe('running')
  })
})

const innerFolders = [
  {
    title: 'in a volume, with cgroups of the host',
    outer: { CgroupnsMode: 'host', Binds: ['inner-data:/inner', '/sys/fs/cgroup:/sys/fs/cgroup'] },
    before: 'true',
    inner: 'host',
  },
  {
    title: 'on a disk image that is mounted within',
    outer: { CgroupnsMode: 'private', Binds: ['/dev:/dev'] },
    before:
      'busybox truncate -s 300M /disk && mke2fs -q -t ext4 /disk && busybox mount -t ext4 -o loop /disk /inner',
    inner: 'private',
  },
  {
    title: 'in memory',
    outer: { CgroupnsMode: 'private', Tmpfs: { '/inner': 'exec' } },
    before: 'true',
    inner: 'private',
  },
] as const satisfies readonly { outer: HostConfig; [key: string]: unknown }[]

describeOnBench(['dockerd-28'], 'not-self: an engine within a container', (bench, { folder }) => {
  it.each(innerFolders)(
    'an agent on it does not remove the container around it: files $title',
    async ({ outer, before, inner }) => {
      const { engine } = bench()
      const directory = dirname(engine.socketPath)
      const innerSocket = join(directory, 'inner.sock')
      const flags = [
        `-H unix://${innerSocket} --config-file /inner/daemon.json --data-root /inner/data --exec-root /inner/exec`,
        '--pidfile /inner/pid --bridge=none --iptables=false --ip6tables=false --ip-masq=false',
        `--exec-opt native.cgroupdriver=cgroupfs --cgroup-parent /${basename(directory)}`,
      ].join(' ')
      const path = [folder, '/usr/sbin:/usr/bin:/bin:/sbin'].filter((one) => one !== undefined).join(':')
      const script = [
        `export PATH=${path}; busybox mkdir -p /inner /tmp /run /var/run`,
        before,
        "echo '{}' >/inner/daemon.json",
        `dockerd ${flags}`,
      ].join('; ')
      const engines = existsSync(enginesFolder()) ? [`${enginesFolder()}:${enginesFolder()}:ro`] : []
      const around = await runScript(bench(), 'outer', script, {
        Privileged: true,
        ...outer,
        Binds: ['Binds' in outer ? outer.Binds : [], engines].flat(),
      })
      const docker = new Docker({ socketPath: innerSocket })
      const isReady = () => docker.ping().then(Boolean, () => false)
      await until(isReady, settleDeadlineMs, `the engine within:\n${await logOf(engine.docker, around)}`)
      await importBusybox(docker, engine.image, join(directory, 'image.tar'))
      const agent = await docker.createContainer({
        name: 'inner',
        Image: engine.image,
        Cmd: ['sh', '-c', sweepOf('/outer/docker.sock')],
        HostConfig: {
          NetworkMode: 'none',
          Binds: [...machineBinds(), `${directory}:/outer`],
          ...({ CgroupnsMode: inner } as HostConfig),
        },
      })
      await agent.start()
      await agent.wait()
      expect(await logOf(docker, agent.id)).toMatch(/self-unknown/)
      expect(await engine.state(around)).toBe('running')
      await agent.remove()
    },
  )
})
