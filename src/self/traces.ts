import { access, readFile, readlink } from 'node:fs/promises'

/** Information that a Linux process can read about its container. Fields are empty if not available. */
export interface SelfTraces {
  /** `/proc/self/cgroup` */
  readonly cgroup: string
  /** `/proc/self/mountinfo` */
  readonly mountinfo: string
  /** The link targets of `/proc/self/ns/cgroup` and `pid`, such as `cgroup:[4026531835]`. */
  readonly cgroupNamespace: string
  readonly pidNamespace: string
  /** Whether Docker's `/.dockerenv` or Podman's `/run/.containerenv` exists. */
  readonly hasMarkerFile: boolean
  /** The environment variable `container`, set by Podman and LXC. */
  readonly containerVariable: string
  /** The container manager that systemd detected as init: `/run/systemd/container`. */
  readonly containerManager: string
}

const markerFiles = ['/.dockerenv', '/run/.containerenv']

/** Reads the traces. Never fails; unreadable values are empty. */
export async function readSelfTraces(): Promise<SelfTraces> {
  const [cgroup, mountinfo, containerManager] = await Promise.all([
    orEmpty(readFile('/proc/self/cgroup', 'utf8')),
    orEmpty(readFile('/proc/self/mountinfo', 'utf8')),
    orEmpty(readFile('/run/systemd/container', 'utf8')),
  ])
  const [cgroupNamespace, pidNamespace] = await Promise.all([
    orEmpty(readlink('/proc/self/ns/cgroup')),
    orEmpty(readlink('/proc/self/ns/pid')),
  ])
  const markers = await Promise.all(markerFiles.map(isThere))
  return {
    cgroup,
    mountinfo,
    cgroupNamespace,
    pidNamespace,
    hasMarkerFile: markers.includes(true),
    containerVariable: process.env['container'] ?? '',
    containerManager: containerManager.trim(),
  }
}

async function orEmpty(read: Promise<string>): Promise<string> {
  try {
    return await read
  } catch {
    return ''
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}
