import {
  asEngineFile,
  type EngineFile,
  isContainerLayer,
  type MountLine,
  parseMountTable,
} from './mount-table.ts'
import type { SelfTraces } from './traces.ts'

/** Engines mount files here that belong to the container, or to the one whose network it uses. */
export const engineFilePlaces = ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf'] as const
export type EngineFilePlace = (typeof engineFilePlaces)[number]

/** One of our mounts at such a path. */
export interface OwnFile extends MountLine {
  /** Undefined if the file was not created by an engine. */
  readonly madeByEngine: EngineFile | undefined
}

/** The positive evidence in the traces of this process; unknown values are undefined or empty. */
export interface SelfView {
  readonly mayBeContained: boolean
  /** Containers whose cgroup contains this process: our own, or one around it. */
  readonly cgroupIds: ReadonlySet<string>
  /** Whether our own container is certain to be among `cgroupIds`. */
  readonly isAmongCgroupIds: boolean
  /** From the file that Podman mounts for the container itself, regardless of its network. */
  readonly ownId: string | undefined
  /** The writable layer of our root; empty if it is not an overlay. */
  readonly upperDir: string
  /** Whether our root was created by an engine, rather than changed to within a container. */
  readonly isEngineRoot: boolean
  readonly files: Readonly<Record<EngineFilePlace, readonly OwnFile[]>>
}

const idAnywhere = /[0-9a-f]{64}/g
// The kernel's inode numbers of the initial namespaces.
const initialCgroupNamespace = 'cgroup:[4026531835]'
const initialPidNamespace = 'pid:[4026531836]'
const ownPlace = '/run/.containerenv'
const engineVariables = new Set(['podman', 'docker', 'oci'])
/** System containers that run engines of their own; running in one does not imply an engine's container. */
const machineManagers = new Set(['lxc', 'lxc-libvirt', 'systemd-nspawn', 'wsl', 'openvz'])

export function viewFrom(traces: SelfTraces): SelfView {
  const mounts = parseMountTable(traces.mountinfo)
  const at = (place: string): readonly OwnFile[] =>
    mounts
      .filter(({ mountPoint }) => mountPoint === place)
      .map((mount) => ({ ...mount, madeByEngine: asEngineFile(mount.root) }))
  const root = mounts.findLast(({ mountPoint }) => mountPoint === '/')
  const files = {
    '/etc/hostname': at('/etc/hostname'),
    '/etc/hosts': at('/etc/hosts'),
    '/etc/resolv.conf': at('/etc/resolv.conf'),
  }
  const cgroupIds = new Set(traces.cgroup.match(idAnywhere) ?? [])
  const ownId = at(ownPlace).at(-1)?.madeByEngine?.containerId
  const engineFiles = Object.values(files).flatMap((lines) =>
    lines.flatMap(({ madeByEngine }) => madeByEngine ?? []),
  )
  const isMadeByEngine =
    cgroupIds.size > 0 ||
    ownId !== undefined ||
    engineFiles.length > 0 ||
    isContainerLayer(root?.upperDir ?? '')
  return {
    mayBeContained: isMadeByEngine || hasLesserSigns(traces, root),
    cgroupIds,
    // Docker gives every container its own cgroup; in the initial namespace the path is complete.
    isAmongCgroupIds:
      isInitial(traces.cgroupNamespace, initialCgroupNamespace) &&
      cgroupIds.size > 0 &&
      engineFiles.some(({ layout }) => layout === 'docker'),
    ownId,
    upperDir: root?.upperDir ?? '',
    isEngineRoot: traces.hasMarkerFile && root !== undefined,
    files,
  }
}

/**
 * Own namespaces suggest a container only together with another sign: services of WSL, LXC and systemd have them too.
 * Without them a marker file proves nothing, because virtual machines are also built from images.
 */
function hasLesserSigns(traces: SelfTraces, root: MountLine | undefined): boolean {
  const hasNamespaces =
    !isInitial(traces.cgroupNamespace, initialCgroupNamespace) ||
    !isInitial(traces.pidNamespace, initialPidNamespace)
  if (!hasNamespaces) return false
  if (traces.hasMarkerFile || engineVariables.has(traces.containerVariable)) return true
  const isWholeFileSystem = root !== undefined && root.root === '/' && root.fileSystem !== 'overlay'
  return !isWholeFileSystem && !machineManagers.has(traces.containerManager)
}

/** A kernel without such namespaces has only the initial one. */
function isInitial(namespace: string, initial: string): boolean {
  return namespace === '' || namespace === initial
}
