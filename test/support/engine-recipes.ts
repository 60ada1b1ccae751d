import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type Docker from 'dockerode'
import { findBinary } from './engine-availability.ts'
import { processEnd } from './engine-process.ts'

/** What differs between the two daemons. */
export interface Recipe {
  readonly socketPath: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly hostConfig: Docker.HostConfig
  /** Clears away what a killed daemon leaves and its successor would stumble over. */
  afterCrash(): Promise<void>
}

export function dockerdRecipe(directory: string): Recipe {
  const socketPath = join(directory, 'docker.sock')
  const pidFile = join(directory, 'docker.pid')
  const containerdPidFile = join(directory, 'exec/containerd/containerd.pid')
  const own = ['--data-root', `${directory}/data`, '--exec-root', `${directory}/exec`, '--pidfile', pidFile]
  const noNetwork = ['--bridge=none', '--iptables=false', '--ip-masq=false']
  const cgroups = ['--cgroup-parent', `/${basename(directory)}`, '--exec-opt', 'native.cgroupdriver=cgroupfs']
  return {
    socketPath,
    command: findBinary('dockerd') ?? 'dockerd',
    // no configuration file of the machine's own daemon is read
    args: [
      '--config-file',
      emptyConfig(directory),
      '-H',
      `unix://${socketPath}`,
      ...own,
      ...noNetwork,
      ...cgroups,
      '--shutdown-timeout=3',
    ],
    env: { ...process.env, DOCKER_HOST: undefined },
    hostConfig: {},
    afterCrash: async () => {
      if (existsSync(containerdPidFile)) await processEnd(Number(readFileSync(containerdPidFile, 'utf8')))
      rmSync(containerdPidFile, { force: true })
      rmSync(pidFile, { force: true })
    },
  }
}

function emptyConfig(directory: string): string {
  const file = join(directory, 'daemon.json')
  writeFileSync(file, '{}\n')
  return file
}

export function podmanRecipe(directory: string): Recipe {
  const socketPath = join(directory, 'podman.sock')
  const configuration = join(directory, 'containers.conf')
  writeFileSync(configuration, podmanConfiguration(directory))
  const own = ['--root', `${directory}/root`, '--runroot', `${directory}/run`, '--tmpdir', `${directory}/tmp`]
  return {
    socketPath,
    command: findBinary('podman') ?? 'podman',
    args: [...own, '--storage-driver', 'overlay', 'system', 'service', '--time', '0', `unix://${socketPath}`],
    env: { ...process.env, CONTAINERS_CONF: configuration, CONTAINER_HOST: undefined },
    hostConfig: { CgroupParent: `/${basename(directory)}` },
    afterCrash: () => Promise.resolve(),
  }
}

/**
 * Locks in files, since those in shared memory belong to every Podman of the machine and a killed one never gives them
 * back; modest limits, since raising them is a right that sandboxes withhold.
 */
function podmanConfiguration(directory: string): string {
  return `
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
lock_type = "file"
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[network]
network_config_dir = "${directory}/networks"
`
}
