import { accessSync, constants, existsSync, openSync, closeSync, readFileSync, readSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export type EngineKind = 'dockerd' | 'podman'

export interface Availability {
  readonly available: boolean
  /** What is missing, in words; empty when nothing is. */
  readonly missing: readonly string[]
}

/** How to get all of it on Debian and its relatives. */
export const howToGetEngines =
  'sudo apt-get install docker.io busybox-static iptables podman, then as root: npm run test:engine'
/** How to get the engines of other suites than the installed one. */
export const howToUnpackEngines = 'as root: apt-get install patchelf, then scripts/engines/unpack.sh'

const binariesOf: Record<EngineKind, readonly string[]> = {
  dockerd: ['dockerd', 'containerd', 'runc'],
  podman: ['podman', 'conmon', 'runc'],
}

const searchPath = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']

export function findBinary(name: string): string | undefined {
  return searchPath.map((dir) => join(dir, name)).find(isExecutable)
}

/** The busybox that the test image is made of. It stands alone in its image, so it must need no shared library. */
export function findStaticBusybox(): string | undefined {
  return searchPath.map((dir) => join(dir, 'busybox')).find((file) => isExecutable(file) && isStatic(file))
}

/** Whether a private engine of that kind, the installed one, can be started here. */
export function engineAvailability(kind: EngineKind): Availability {
  const binaries = binariesOf[kind].filter((name) => findBinary(name) === undefined)
  const missing = [...missingForAnyEngine(), ...binaries]
  return { available: missing.length === 0, missing }
}

/** What every private engine needs of this machine, wherever its own programs lie; in words. */
export function missingForAnyEngine(): readonly string[] {
  const tools = findBinary('tar') === undefined ? ['tar'] : []
  const busybox = findStaticBusybox() === undefined ? ['a static busybox'] : []
  return [...missingRights(), ...tools, ...busybox]
}

/** True when the real engines are left out on purpose. */
export function engineTestsAreOff(): boolean {
  return process.env['FLOTSAM_ENGINE_TESTS'] === 'off'
}

/** True when a missing engine is a failure. */
export function engineIsRequired(): boolean {
  return process.env['FLOTSAM_REQUIRE_ENGINE'] === '1'
}

function missingRights(): string[] {
  if (process.platform !== 'linux') return ['Linux']
  if (process.getuid?.() !== 0) return ['root']
  const missing: string[] = []
  if (!mayMount()) missing.push('the right to mount (CAP_SYS_ADMIN)')
  if (!existsSync('/sys/fs/cgroup/cgroup.controllers') && !existsSync('/sys/fs/cgroup/devices')) {
    missing.push('a mounted cgroup filesystem')
  }
  return missing
}

function mayMount(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  const sysAdmin = 1n << 21n
  return effective !== undefined && (BigInt(`0x${effective}`) & sysAdmin) !== 0n
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A dynamic program names its loader near the start of the file. */
function isStatic(file: string): boolean {
  const head = Buffer.alloc(4096)
  const descriptor = openSync(file, 'r')
  try {
    readSync(descriptor, head)
  } finally {
    closeSync(descriptor)
  }
  return !head.includes('/ld-')
}
