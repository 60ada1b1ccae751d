import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import type Docker from 'dockerode'
import { findBinary } from './engine-availability.ts'
import type { EngineUnderTest } from './engine-matrix.ts'
import { processEnd } from './engine-process.ts'

/** What differs between the two daemons. */
export interface Recipe {
  readonly socketPath: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly hostConfig: Docker.HostConfig
  /** Removes what a killed daemon leaves and its successor would fail on. */
  afterCrash(): Promise<void>
}

export function recipeFor(engine: EngineUnderTest, directory: string): Recipe {
  return engine.kind === 'dockerd' ? dockerdRecipe(engine, directory) : podmanRecipe(engine, directory)
}

function dockerdRecipe(engine: EngineUnderTest, directory: string): Recipe {
  const socketPath = join(directory, 'docker.sock')
  const pidFile = join(directory, 'docker.pid')
  const containerdPidFile = join(directory, 'exec/containerd/containerd.pid')
  const own = ['--data-root', `${directory}/data`, '--exec-root', `${directory}/exec`, '--pidfile', pidFile]
  const noNetwork = ['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-masq=false']
  const cgroups = ['--cgroup-parent', `/${basename(directory)}`, '--exec-opt', 'native.cgroupdriver=cgroupfs']
  return {
    socketPath,
    command: programOf(engine, 'dockerd'),
    // no configuration file of the machine's own daemon is read
    args: [
      '--config-file',
      dockerdConfiguration(engine, directory),
      '-H',
      `unix://${socketPath}`,
      ...own,
      ...noNetwork,
      ...cgroups,
      '--shutdown-timeout=3',
    ],
    env: { ...environmentOf(engine), DOCKER_HOST: undefined },
    hostConfig: {},
    afterCrash: async () => {
      if (existsSync(containerdPidFile)) await processEnd(Number(readFileSync(containerdPidFile, 'utf8')))
      rmSync(containerdPidFile, { force: true })
      rmSync(pidFile, { force: true })
    },
  }
}

/** The image store is set explicitly: the default changes from one release to the next. */
function dockerdConfiguration({ imageStore }: EngineUnderTest, directory: string): string {
  const file = join(directory, 'daemon.json')
  const features = { 'containerd-snapshotter': imageStore === 'containerd' }
  writeFileSync(file, `${JSON.stringify(imageStore === undefined ? {} : { features })}\n`)
  return file
}

function programOf({ folder }: EngineUnderTest, name: string): string {
  return folder === undefined ? (findBinary(name) ?? name) : join(folder, name)
}

/** What a daemon starts it finds by PATH, and it must be of its own suite. */
function environmentOf({ folder }: EngineUnderTest): NodeJS.ProcessEnv {
  if (folder === undefined) return process.env
  return { ...process.env, PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}` }
}

function podmanRecipe(engine: EngineUnderTest, directory: string): Recipe {
  const socketPath = join(directory, 'podman.sock')
  const configuration = join(directory, 'containers.conf')
  writeFileSync(configuration, podmanConfiguration(engine, directory))
  const own = ['--root', `${directory}/root`, '--runroot', `${directory}/run`, '--tmpdir', `${directory}/tmp`]
  return {
    socketPath,
    command: programOf(engine, 'podman'),
    args: [...own, '--storage-driver', 'overlay', 'system', 'service', '--time', '0', `unix://${socketPath}`],
    env: {
      ...environmentOf(engine),
      CONTAINERS_CONF: configuration,
      CONTAINER_HOST: undefined,
      PODMAN_IGNORE_CGROUPSV1_WARNING: '1',
    },
    hostConfig: { CgroupParent: `/${basename(directory)}` },
    afterCrash: () => Promise.resolve(),
  }
}

/**
 * Locks in files, since those in shared memory belong to every Podman of the machine and a killed one never gives them
 * back; modest limits, since raising them is a right that sandboxes withhold.
 */
function podmanConfiguration({ folder }: EngineUnderTest, directory: string): string {
  const own =
    folder === undefined
      ? ''
      : `
helper_binaries_dir = ["${folder}"]
conmon_path = ["${folder}/conmon"]
[engine.runtimes]
runc = ["${folder}/runc"]`
  return `
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
lock_type = "file"
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"${own}
[network]
network_config_dir = "${directory}/networks"
`
}
