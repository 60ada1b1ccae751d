import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type Docker from 'dockerode'
import type { SelfMarks, SharedNamespaces } from '../../src/domain/container.ts'
import type { SelfTraces } from '../../src/self/traces.ts'
import { until } from './engine-process.ts'
import type { RealEngine } from './real-engine.ts'

/** What one engine said of each container, and what a process in it can read of itself. By the names of `cases`. */
export interface SelfRecording {
  readonly traces: Readonly<Record<string, SelfTraces>>
  readonly inspections: Readonly<Record<string, RecordedInspection>>
}

/** What the search for ourselves takes from an inspection. */
interface RecordedInspection {
  readonly id: string
  readonly name: string
  readonly namespaces: SharedNamespaces
  readonly selfMarks: SelfMarks
}

interface Case {
  readonly hostConfig?: Docker.HostConfig & { readonly CgroupnsMode?: 'host' | 'private' }
  readonly hostname?: string
  /** What is created in a way that only Podman has; the rest is left out where this is given and the engine is Docker. */
  readonly podman?: Readonly<Record<string, unknown>>
}

const marks = '== flotsam =='
const readTraces = [
  'cat /proc/self/cgroup',
  'cat /proc/self/mountinfo',
  'busybox readlink /proc/self/ns/cgroup',
  'busybox readlink /proc/self/ns/pid',
  'ls /.dockerenv /run/.containerenv 2>/dev/null',
  'echo $container',
  'cat /run/systemd/container 2>/dev/null',
  'cat /proc/1/mountinfo',
  'cat /proc/1/cgroup',
  'cat /proc/1/comm',
  'busybox grep NSpid /proc/self/status',
  'cat /proc/sys/kernel/hostname',
]
const script = `${readTraces.map((read) => `${read}; echo; echo '${marks}'`).join('; ')}; sleep 86400`

/** Unusual containers; `holder`, `guest` and what begins with `leak` are there to be distinguished from the others. */
function casesIn(directory: string, ids: Readonly<Record<string, string>>): Readonly<Record<string, Case>> {
  const own = { CgroupnsMode: 'private' } as const
  const files = ['hostname', 'hosts', 'resolv.conf'].map((file) => `${directory}/files/${file}:/etc/${file}`)
  const socket = `${directory}/sockets:/sockets`
  const networkOf = (name: string) => `container:${ids[name] ?? ''}`
  return {
    holder: {},
    leak: { hostConfig: own },
    'leak-with-socket': { hostConfig: { ...own, Binds: [socket] } },
    'leak-with-root': { hostConfig: { ...own, Binds: ['/:/host:ro'] } },
    'leak-with-files-of-its-own': {
      hostConfig: { ...own, Binds: files.map((bind) => bind.replace('/files/', '/other/')) },
    },
    guest: { hostConfig: { ...own, NetworkMode: networkOf('holder') } },
    'guest-of-guest': { hostConfig: { ...own, NetworkMode: networkOf('guest') } },
    'guest-of-guest-with-socket': {
      hostConfig: { ...own, NetworkMode: networkOf('guest'), Binds: [socket] },
    },
    'cgroup-of-host': { hostConfig: { CgroupnsMode: 'host' } },
    'cgroup-below-another': {
      hostConfig: { CgroupnsMode: 'host', CgroupParent: `/flotsam-test/${ids['leak'] ?? ''}` },
    },
    'hostname-given': { hostConfig: own, hostname: 'agent' },
    'uts-of-host': { hostConfig: { ...own, UTSMode: 'host' } },
    'network-of-host': { hostConfig: { ...own, NetworkMode: 'host' } },
    'pid-of-host': { hostConfig: { ...own, PidMode: 'host' } },
    'pid-of-another': { hostConfig: { ...own, PidMode: networkOf('holder') } },
    'read-only': { hostConfig: { ...own, ReadonlyRootfs: true } },
    'tmpfs-on-tmp-and-run': { hostConfig: { ...own, Tmpfs: { '/tmp': '', '/run': '' } } },
    'files-from-elsewhere': { hostConfig: { ...own, Binds: files } },
    'files-from-elsewhere-twin': { hostConfig: { ...own, Binds: files } },
    'files-from-elsewhere-and-guest': {
      hostConfig: { ...own, NetworkMode: networkOf('holder'), Binds: files },
    },
    'cgroups-disabled': {
      podman: { oci_runtime: 'crun', cgroups_mode: 'disabled', cgroup_parent: undefined },
    },
    'rootfs-of-a-folder': { podman: { rootfs: `${directory}/rootfs`, image: undefined } },
    'rootfs-of-a-folder-and-guest': {
      podman: {
        rootfs: `${directory}/rootfs`,
        image: undefined,
        netns: { nsmode: 'container', value: ids['holder'] },
      },
    },
    'in-a-pod': { podman: { pod: ids['pod'], netns: undefined } },
    'in-a-pod-twin': { podman: { pod: ids['pod'], netns: undefined } },
    'without-hosts': { podman: { use_image_hosts: true } },
  }
}

/** Runs every case on an engine and reads what there is to read, inside and outside. `directory` holds what they mount. */
export async function recordSelf(engine: RealEngine): Promise<SelfRecording> {
  const directory = dirname(engine.socketPath)
  prepare(directory)
  const ids: Record<string, string> = {}
  if (engine.kind === 'podman') ids['pod'] = await createPod(engine)
  for (const name of Object.keys(casesIn(directory, ids))) {
    const one = casesIn(directory, ids)[name] ?? {}
    const { podman } = one
    if (podman !== undefined && engine.kind !== 'podman') continue
    const id = await (podman === undefined
      ? createCase(engine, name, one)
      : createWithPodman(engine, name, podman))
    // crun can, runc cannot
    if (id === undefined) continue
    ids[name] = id
    await engine.docker.getContainer(id).start()
  }
  delete ids['pod']
  const traces: Record<string, SelfTraces> = {}
  const inspections: Record<string, RecordedInspection> = {}
  for (const [name, id] of Object.entries(ids)) {
    traces[name] = await tracesOf(engine.docker.getContainer(id))
    inspections[name] = reduce((await engine.docker.getContainer(id).inspect()) as unknown as Raw)
  }
  // The engine's folder has another name every time.
  return JSON.parse(
    JSON.stringify({ traces, inspections })
      .replaceAll(directory, '/engine')
      .replaceAll(basename(directory), 'engine'),
  ) as SelfRecording
}

function prepare(directory: string): void {
  for (const folder of ['files', 'other']) {
    mkdirSync(join(directory, folder), { recursive: true })
    for (const file of ['hostname', 'hosts', 'resolv.conf'])
      writeFileSync(join(directory, folder, file), '\n')
  }
  mkdirSync(join(directory, 'sockets'), { recursive: true })
  execFileSync('sh', [
    '-c',
    `mkdir -p ${directory}/rootfs && tar -C ${directory}/rootfs -xf ${directory}/image.tar`,
  ])
}

async function createCase(engine: RealEngine, name: string, { hostConfig, hostname }: Case): Promise<string> {
  const container = await engine.docker.createContainer({
    name,
    Image: engine.image,
    Cmd: ['sh', '-c', script],
    ...(hostname === undefined ? {} : { Hostname: hostname }),
    HostConfig: { ...engine.hostConfig, NetworkMode: 'none', ...hostConfig },
  })
  return container.id
}

async function createPod(engine: RealEngine): Promise<string> {
  const { Id } = await libpod<{ Id: string }>(engine, '/pods/create', {
    name: 'pod',
    netns: { nsmode: 'none' },
    infra_image: engine.image,
    infra_command: ['sleep', '86400'],
  })
  return Id
}

async function createWithPodman(
  engine: RealEngine,
  name: string,
  how: Readonly<Record<string, unknown>>,
): Promise<string | undefined> {
  const created = await libpod<{ Id: string }>(engine, '/containers/create', {
    name,
    image: engine.image,
    command: ['sh', '-c', script],
    netns: { nsmode: 'none' },
    cgroup_parent: engine.hostConfig.CgroupParent,
    ...how,
  }).catch((error: unknown) => {
    if (name === 'cgroups-disabled' && /crun|NoCgroups/.test(String(error))) return undefined
    throw error
  })
  return created?.Id
}

function libpod<T>(engine: RealEngine, path: string, body: unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    engine.docker.modem.dial(
      {
        path: `/v4.0.0/libpod${path}`,
        method: 'POST',
        options: body as object,
        statusCodes: { 200: true, 201: true, 400: 'bad', 404: 'no such', 409: 'conflict', 500: 'failed' },
      },
      (error, answer) => (error ? reject(error) : resolve(answer as T)),
    )
  })
}

async function tracesOf(container: Docker.Container): Promise<SelfTraces> {
  let parts: readonly string[] = []
  await until(
    async () => {
      parts = text(await container.logs({ stdout: true, stderr: true })).split(`${marks}\n`)
      return parts.length === readTraces.length + 1
    },
    10_000,
    'the traces of a container',
  )
  const [cgroup = '', mountinfo = '', cgroupNamespace = '', pidNamespace = '', markers = '', ...rest] = parts
  const [
    variable = '',
    manager = '',
    firstMountinfo = '',
    firstCgroup = '',
    firstName = '',
    pids = '',
    hostname = '',
  ] = rest
  return {
    // The lines of all controllers name the same group.
    cgroup: cgroup.trim().split('\n').slice(-3).join('\n'),
    mountinfo: shortened(mountinfo),
    cgroupNamespace: cgroupNamespace.trim(),
    pidNamespace: pidNamespace.trim(),
    hasMarkerFile: markers.trim() !== '',
    containerVariable: variable.trim(),
    containerManager: manager.trim(),
    firstMountinfo: shortened(firstMountinfo),
    firstCgroup: firstCgroup.trim().split('\n').slice(-3).join('\n'),
    firstName: firstName.trim(),
    pids: pids.replace('NSpid:', '').trim(),
    hostname: hostname.trim(),
    isStartedBySystemd: false,
  }
}

/** The mounts that say where a container is from. */
function shortened(mountinfo: string): string {
  return mountinfo
    .split('\n')
    .filter((line) => line !== '' && !/^\S+ \S+ \S+ \S+ \/(?:proc|sys|dev|host)\b/.test(line))
    .map((line) => line.replace(/lowerdir=[^,]*,/, '').replace(/,workdir=.*/, ''))
    .join('\n')
}

/** Each frame of the log has a head of eight bytes. */
function text(log: Buffer): string {
  let said = ''
  for (let at = 0; at + 8 <= log.length;) {
    const length = log.readUInt32BE(at + 4)
    said += log.toString('utf8', at + 8, at + 8 + length)
    at += 8 + length
  }
  return said
}

interface Raw {
  readonly Id: string
  readonly Name: string
  readonly HostnamePath?: string
  readonly HostsPath?: string
  readonly ResolvConfPath?: string
  readonly GraphDriver?: { readonly Data?: { readonly UpperDir?: string } | null }
  readonly Mounts?: readonly { readonly Source: string; readonly Destination: string }[]
  readonly HostConfig: Readonly<Record<string, string>>
}

function reduce(raw: Raw): RecordedInspection {
  const shared = (key: string) => raw.HostConfig[key] ?? ''
  return {
    id: raw.Id,
    name: raw.Name.replace('/', ''),
    namespaces: {
      network: shared('NetworkMode'),
      pid: shared('PidMode'),
      ipc: shared('IpcMode'),
      uts: shared('UTSMode'),
      cgroupParent: shared('CgroupParent'),
      dependencies: [],
    },
    selfMarks: {
      hostnamePath: raw.HostnamePath ?? '',
      hostsPath: raw.HostsPath ?? '',
      resolvConfPath: raw.ResolvConfPath ?? '',
      upperDir: raw.GraphDriver?.Data?.UpperDir ?? '',
      mounts: (raw.Mounts ?? []).map(({ Source, Destination }) => ({
        source: Source,
        destination: Destination,
      })),
      mayMount: false,
    },
  }
}

/** Who shares a network, and whose files come from elsewhere: where the engine names no layer, they are indistinguishable. */
const alike: readonly (readonly string[])[] = [
  ['holder', 'guest', 'guest-of-guest', 'guest-of-guest-with-socket'],
  [
    'leak-with-files-of-its-own',
    'files-from-elsewhere',
    'files-from-elsewhere-twin',
    'files-from-elsewhere-and-guest',
  ],
]

/** Which containers a process in one of them must spare: itself, and those that it cannot distinguish from itself. */
export function mustSpare({ traces, inspections }: SelfRecording, name: string): readonly string[] {
  const namesInCgroup = Object.keys(inspections).filter((one) =>
    traces[name]?.cgroup.includes(inspections[one]?.id ?? 'none'),
  )
  const namesLayers = inspections[name]?.selfMarks.upperDir !== ''
  const isHolderForSure = name === 'holder' && namesInCgroup.length > 0
  const group = namesLayers || isHolderForSure ? [] : (alike.find((names) => names.includes(name)) ?? [])
  return [...new Set([name, ...namesInCgroup, ...group])].toSorted()
}
