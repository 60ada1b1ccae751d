import {
  asEngineFile,
  type EngineFile,
  isContainerLayer,
  type MountLine,
  parseMountTable,
} from './mount-table.ts'

/** Engines mount files here that belong to the container, or to the one whose network it uses. */
export const engineFilePlaces = ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf'] as const
export type EngineFilePlace = (typeof engineFilePlaces)[number]

/** One of the mounts at such a path. */
export interface OwnFile extends MountLine {
  /** Undefined if the file was not created by an engine. */
  readonly madeByEngine: EngineFile | undefined
}

/** What a mount table shows of the container that it belongs to. */
export interface EngineTraces {
  /** The last mount on the root, which covers earlier ones; undefined if it cannot be seen. */
  readonly root: MountLine | undefined
  readonly files: Readonly<Record<EngineFilePlace, readonly OwnFile[]>>
  /** From the file that Podman mounts for the container itself, regardless of its network. */
  readonly ownId: string | undefined
  readonly areThere: boolean
}

const ownPlace = '/run/.containerenv'

export function engineTracesIn(mountinfo: string): EngineTraces {
  const mounts = parseMountTable(mountinfo)
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
  const ownId = at(ownPlace).at(-1)?.madeByEngine?.containerId
  const areThere =
    ownId !== undefined || engineFilesIn(files).length > 0 || isContainerLayer(root?.upperDir ?? '')
  return { root, files, ownId, areThere }
}

export function engineFilesIn(files: EngineTraces['files']): readonly EngineFile[] {
  return filesIn(files).flatMap(({ madeByEngine }) => madeByEngine ?? [])
}

export function filesIn(files: EngineTraces['files']): readonly OwnFile[] {
  return engineFilePlaces.flatMap((place) => files[place])
}
