import { type CoverableState, coverableStates } from '../../src/data-options.ts'
import type { Random } from './random.ts'

export const ownerLabel = 'com.example.agent'
export const ownerValue = 'agent-7'
export const keepLabel = 'flotsam.keep'

export const plainImage = 'sha256:busybox'
export const snapshotImage = 'sha256:snapshot'
/** The engine no longer has it, and nobody can say what labels it bore. */
export const goneImage = 'sha256:gone'

/** How one world is set up. Everything in it follows from the seed. */
export interface Setting {
  readonly creationGraceMs: number
  readonly restoreGraceMs: number
  readonly releaseGraceMs: number
  readonly recoveryGraceMs: number
  readonly periodMs: number
  readonly backoffMaxMs: number
  readonly filterListing: boolean
  /** Whether the engine's events ask for early looks. */
  readonly events: boolean
  readonly maxConcurrent: number
  readonly maxPerLook: number
  readonly maxShare: number | undefined
  readonly hasHook: boolean
  readonly stopTimeoutMs: number
  readonly dryRun: boolean
  readonly states: readonly CoverableState[]
  readonly tracker: 'at-once' | 'later'
  readonly hasReady: boolean
  /** Reading the clock takes time now and then, so that long work is cut into slices. */
  readonly isBusy: boolean
  readonly selfBy: 'cgroup' | 'hostname' | 'name'
  /** Whether listings tell network modes; Podman's do not. */
  readonly listsNetworks: boolean
  /** Whether it refuses to remove a paused container, as old engines do. */
  readonly refusesPaused: boolean
  /** Whether it says 500 where others say 409, as Podman does. */
  readonly saysOnly500: boolean
  readonly chaosMs: number
}

const second = 1000
const minute = 60 * second

export function settingOf(random: Random): Setting {
  const creationGraceMs = random.pick([10, 15, 20, 30, 60]) * second
  return {
    creationGraceMs,
    restoreGraceMs: random.pick([0, 20, 45]) * second,
    releaseGraceMs: random.pick([20, 30]) * second,
    recoveryGraceMs: Math.min(creationGraceMs, random.pick([10, 20, 30]) * second),
    periodMs: random.pick([15, 30, 60, 120]) * second,
    backoffMaxMs: random.pick([5, 20, 60]) * second,
    filterListing: random.chance(0.2),
    maxConcurrent: random.between(1, 3),
    maxPerLook: random.weighted([
      [1, 2],
      [1, 5],
      [2, 50],
    ]),
    maxShare: random.chance(0.12) ? 0.5 : undefined,
    hasHook: random.chance(0.5),
    stopTimeoutMs: random.chance(0.2) ? 5 * second : 0,
    dryRun: random.chance(0.1),
    states: random.chance(0.5) ? ['running', 'paused', 'restarting', 'dead'] : coverableStates,
    tracker: random.chance(0.65) ? 'at-once' : 'later',
    hasReady: random.chance(0.3),
    isBusy: random.chance(0.15),
    selfBy: random.pick(['cgroup', 'hostname', 'name']),
    listsNetworks: random.chance(0.8),
    refusesPaused: random.chance(0.3),
    chaosMs: random.between(2.5 * minute, 5 * minute),
    events: random.chance(0.6),
    saysOnly500: random.chance(0.2),
  }
}
