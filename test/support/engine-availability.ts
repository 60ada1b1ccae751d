import { accessSync, constants, existsSync, openSync, closeSync, readFileSync, readSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export type EngineKind = 'dockerd' | 'podman'

export interface Availability {
  readonly available: boolean
  /** What is missing, as text; empty if nothing is. */
  readonly missing: readonly string[]
}

/** How to install all of it on Debian and its derivatives. */
export const howToGetEngines =
  'sudo apt-get install docker.io busybox-static iptables podman, then as root: npm run test:engine'
/** How to unpack the engines of Debian suites other than the installed one. */
export const howToUnpackEngines = 'as root: apt-get install patchelf, then scripts/engines/unpack.sh'

const binariesOf: Record<EngineKind, readonly string[]> = {
  dockerd: ['dockerd', 'containerd', 'runc'],
  podman: ['podman', 'conmon', 'runc'],
}

const searchPath = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']

export function findBinary(name: string): string | undefined {
  return searchPath.map((dir) => join(dir, name)).find(isExecutable)
}

/** The busybox of the test image. It is the only file there, so it must be statically linked. */
export function findStaticBusybox(): string | undefined {
  return searchPath.map((dir) => join(dir, 'busybox')).find((file) => isExecutable(file) && isStatic(file))
}

/** Whether the installed engine of that kind can be started as a private one. */
export function engineAvailability(kind: EngineKind): Availability {
  const binaries = binariesOf[kind].filter((name) => findBinary(name) === undefined)
  const missing = [...missingForAnyEngine(), ...binaries]
  return { available: missing.length === 0, missing }
}

/** What every private engine needs but this machine lacks, as text. */
export function missingForAnyEngine(): readonly string[] {
  const tools = findBinary('tar') === undefined ? ['tar'] : []
  const busybox = findStaticBusybox() === undefined ? ['a static busybox'] : []
  return [...missingRights(), ...tools, ...busybox]
}

/** Whether the tests on real engines are disabled explicitly. */
export function engineTestsAreOff(): boolean {
  return process.env['FLOTSAM_ENGINE_TESTS'] === 'off'
}

/** Whether a missing engine is a failure. */
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

/** A dynamically linked program contains the path of its loader near the beginning. */
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
