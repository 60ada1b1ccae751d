import { type CoverableState, coverableStates } from '../../src/options/schema.ts'
import type { Random } from './random.ts'

export const ownerLabel = 'com.example.agent'
/** Also the id of the agent's own session, where it has one: each of its lives goes on with it. */
export const ownerValue = 'a9e7a9e7a9e7a9e7a9e7a9e7a9e7a9e7'
export const keepLabel = 'flotsam.keep'
/** A label of the agent's own, by which some agents know their containers. */
export const taskLabel = 'com.example.task'

export const plainImage = 'sha256:busybox'
/** Of a container of the agent's own, so it has the owner label. */
export const snapshotImage = `sha256:${'5'.repeat(64)}`
/** The engine no longer has it, and its labels cannot be known. */
export const goneImage = 'sha256:gone'

/** By which a container names its image, as proof that its labels are its own. */
export const imageLabel = `${ownerLabel}.image`

/** How one world is set up. Everything in it follows from the seed. */
export interface Setting {
  readonly creationGraceMs: number
  readonly restoreGraceMs: number
  readonly releaseGraceMs: number
  readonly recoveryGraceMs: number
  readonly periodMs: number
  readonly backoffMaxMs: number
  readonly filterListing: boolean
  /** Whether the engine's events ask for early scans. */
  readonly events: boolean
  readonly maxConcurrent: number
  readonly maxPerScan: number
  readonly maxShare: number | undefined
  readonly hasHook: boolean
  readonly stopTimeoutMs: number
  readonly dryRun: boolean
  readonly states: readonly CoverableState[]
  readonly tracker: 'at-once' | 'later'
  readonly hasReady: boolean
  /** By what the agent knows a container; by a name or a label of its own it registers one before it creates it. */
  readonly knownBy: 'id' | 'name' | 'label'
  /** Reading the clock takes time now and then, so that long work is cut into slices. */
  readonly isBusy: boolean
  readonly selfBy: 'cgroup' | 'layer' | 'name'
  /** Whether listings show network modes; Podman's do not. */
  readonly listsNetworks: boolean
  /** Whether it refuses to remove a paused container, as old engines do. */
  readonly refusesPaused: boolean
  /** Whether it says 500 where others say 409, as Podman does. */
  readonly saysOnly500: boolean
  /** Whether it behaves like Podman: it refuses to remove what others depend on, and reports infra containers. */
  readonly isPodman: boolean
  /** Whether its listings lag for a moment after a change. */
  readonly listsLate: boolean
  readonly chaosMs: number
  /** Whether the agent has a session, and shares the engine with those of other agents. */
  readonly hasSessions: boolean
  readonly sessionGraceMs: number
}

/** Whether the agent hands over the very collection in which it keeps its ids. */
export function isKeptAsSet({ hasReady, knownBy, tracker }: Setting): boolean {
  return tracker === 'at-once' && !hasReady && knownBy === 'id'
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
    maxPerScan: random.weighted([
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
    selfBy: random.pick(['cgroup', 'layer', 'name']),
    listsNetworks: random.chance(0.8),
    refusesPaused: random.chance(0.3),
    chaosMs: random.between(2.5 * minute, 5 * minute),
    events: random.chance(0.6),
    saysOnly500: random.chance(0.2),
    isPodman: random.chance(0.25),
    listsLate: random.chance(0.5),
    knownBy: random.weighted([
      [3, 'id'],
      [1, 'name'],
      [1, 'label'],
    ]),
    hasSessions: random.chance(0.35),
    sessionGraceMs: random.pick([10, 20, 30]) * second,
  }
}
