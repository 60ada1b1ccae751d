import { access, readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'

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
  /** `/proc/1/mountinfo`, `/proc/1/cgroup` and `/proc/1/comm`, which any user may read: what the first process sees. */
  readonly firstMountinfo: string
  readonly firstCgroup: string
  readonly firstName: string
  /** Our pids in each pid namespace from that of `/proc` down to ours: `NSpid` in `/proc/self/status`. */
  readonly pids: string
  readonly hostname: string
  /** Whether the environment has systemd's `INVOCATION_ID`, which is not passed on into containers. */
  readonly isStartedBySystemd: boolean
}

const markerFiles = ['/.dockerenv', '/run/.containerenv']

/** Reads the traces. Never fails; unreadable values are empty. */
export async function readSelfTraces(): Promise<SelfTraces> {
  const [cgroup, mountinfo, containerManager] = await Promise.all([
    textOf('/proc/self/cgroup'),
    textOf('/proc/self/mountinfo'),
    textOf('/run/systemd/container'),
  ])
  const [firstMountinfo, firstCgroup, firstName, status] = await Promise.all([
    textOf('/proc/1/mountinfo'),
    textOf('/proc/1/cgroup'),
    textOf('/proc/1/comm'),
    textOf('/proc/self/status'),
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
    firstMountinfo,
    firstCgroup,
    firstName: firstName.trim(),
    pids: /^NSpid:(.*)$/m.exec(status)?.[1]?.trim() ?? '',
    hostname: hostname(),
    isStartedBySystemd: process.env['INVOCATION_ID'] !== undefined,
  }
}

async function textOf(path: string): Promise<string> {
  return orEmpty(readFile(path, 'utf8'))
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
