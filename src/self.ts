import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'

import type { ContainerSummary } from './engine/port.ts'

/** Tells whether a listed container is the one that this process runs in. */
export type IsSelf = (container: ContainerSummary) => boolean

const idAnywhere = /[0-9a-f]{64}/g
/** Files that an engine mounts into each container from a folder named by the container's id. */
const ownFiles = new Set(['/etc/hostname', '/etc/hosts', '/etc/resolv.conf'])
const containerFolder = /containers\/([0-9a-f]{64})\//
const shortHostname = /^[0-9a-f]{12}$/

/** What a Linux process can read of itself that names its container. */
export interface SelfTraces {
  readonly cgroup: string
  readonly mountinfo: string
  readonly hostname: string
}

/** Reads the traces; what cannot be read is empty, as it is on a machine that has no such files. */
export async function readSelfTraces(): Promise<SelfTraces> {
  const [cgroup, mountinfo] = await Promise.all([
    readIfThere('/proc/self/cgroup'),
    readIfThere('/proc/self/mountinfo'),
  ])
  return { cgroup, mountinfo, hostname: hostname() }
}

/**
 * not-self: finds our own container from its traces, and from the id, id prefix or name that the owner gave.
 *
 * Where nothing but the network's files tells, whoever shares that network may be us, and is spared.
 *
 * A host's mountinfo names every running container of an engine on it (their shm mounts), so only the three files that
 * an engine mounts into the container itself are believed.
 */
export function selfFrom(traces: SelfTraces, named: string | undefined): IsSelf {
  const cgroupIds = traces.cgroup.match(idAnywhere) ?? []
  const ids = new Set([...cgroupIds, ...idsOfOwnFiles(traces.mountinfo)])
  const prefix = shortHostname.test(traces.hostname) ? traces.hostname : undefined
  const isTraced = (id: string) => ids.has(id) || (prefix !== undefined && id.startsWith(prefix))
  const name = named?.replace(/^\//, '')
  const isNamed = name === undefined ? () => false : namedAs(name)
  // A guest has the hostname and the three files of its network's holder, so either of the two may be us.
  const mayBeGuest = name === undefined && cgroupIds.length === 0
  const isGuestOfTraced = ({ networkMode }: ContainerSummary) =>
    networkMode.startsWith('container:') && isTraced(networkMode.slice('container:'.length))
  return (container) =>
    isTraced(container.id) || isNamed(container) || (mayBeGuest && isGuestOfTraced(container))
}

const idPrefix = /^[0-9a-f]{12,64}$/

/** By its name or id. What was found once stays found; until then a container that the engine gives no name may be it. */
function namedAs(name: string): IsSelf {
  const found = new Set<string>()
  return ({ id, names }) => {
    if (names.includes(name) || id.startsWith(name)) found.add(id)
    return found.has(id) || (found.size === 0 && names.length === 0 && !idPrefix.test(name))
  }
}

function idsOfOwnFiles(mountinfo: string): string[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [, , , root, mountPoint] = line.split(' ')
    if (root === undefined || mountPoint === undefined || !ownFiles.has(mountPoint)) return []
    const id = containerFolder.exec(root)?.[1]
    return id === undefined ? [] : [id]
  })
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return ''
  }
}
