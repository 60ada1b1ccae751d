import { type EngineTraces, engineTracesIn } from './engine-traces.ts'
import type { SelfTraces } from './traces.ts'

// The kernel's inode numbers of the initial namespaces.
const initialCgroupNamespace = 'cgroup:[4026531835]'
const initialPidNamespace = 'pid:[4026531836]'
const engineVariables = new Set(['podman', 'docker', 'oci'])
/** System containers that run engines of their own; running in one does not imply an engine's container. */
const machineManagers = new Set(['lxc', 'lxc-libvirt', 'systemd-nspawn', 'wsl', 'openvz'])
/** The names of the first process of a machine. In an engine's container it is usually another program. */
const inits = /^(?:systemd|init|init\W.*|init-systemd\W.*|openrc-init|runit|dinit)$/

/**
 * Whether a process without an engine's traces runs directly on a machine: a host, a virtual machine, or a system container.
 *
 * In the first namespaces it does, also beside a marker file, because virtual machines are built from images. Services of
 * WSL, LXC and systemd have namespaces of their own. So has a process in a container that changed its root, or entered the
 * host's mounts, to where its container cannot be seen. Only positive evidence from the first process distinguishes them.
 */
export function isOnMachine(traces: SelfTraces, { root }: EngineTraces): boolean {
  if (isFirstCgroupNamespace(traces.cgroupNamespace) && isInitial(traces.pidNamespace, initialPidNamespace))
    return true
  if (traces.hasMarkerFile || engineVariables.has(traces.containerVariable)) return false
  const first = engineTracesIn(traces.firstMountinfo)
  return (
    isRootOfMachine(root, traces) &&
    isRootOfMachine(first.root, traces) &&
    !first.areThere &&
    // One pid for each namespace from that of /proc down to ours: more than one if /proc is that of a machine around us.
    /^\d+$/.test(traces.pids) &&
    (traces.isStartedBySystemd || isStartedByInit(traces))
  )
}

function isRootOfMachine(root: EngineTraces['root'], { containerManager }: SelfTraces): boolean {
  const isWholeFileSystem = root !== undefined && root.root === '/' && root.fileSystem !== 'overlay'
  return isWholeFileSystem || machineManagers.has(containerManager)
}

/** Whether the first process is a machine's, and within our cgroup namespace: its path from there does not lead upwards. */
function isStartedByInit({ firstName, firstCgroup }: SelfTraces): boolean {
  return inits.test(firstName) && /^\d+:/.test(firstCgroup) && !/:\/\.\./.test(firstCgroup)
}

export function isFirstCgroupNamespace(namespace: string): boolean {
  return isInitial(namespace, initialCgroupNamespace)
}

/** A kernel without such namespaces has only the initial one. */
function isInitial(namespace: string, initial: string): boolean {
  return namespace === '' || namespace === initial
}
