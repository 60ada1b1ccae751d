import type { CoverableState } from '../../src/data-options.ts'
import type { Condition, Fault, Lie, RemovalTrouble } from './engine.ts'
import { Random } from './random.ts'

/** How one world is set up. Everything in it follows from the seed. */
export interface Setting {
  readonly creationGraceMs: number
  readonly restoreGraceMs: number
  readonly releaseGraceMs: number
  readonly recoveryGraceMs: number
  readonly periodMs: number
  readonly backoffMaxMs: number
  readonly filterListing: boolean
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
  readonly listsNetworks: boolean
  readonly refusesPaused: boolean
  readonly chaosMs: number
}

export type TrackerMood =
  | 'throws'
  | 'rejects'
  | 'hangs'
  | 'undefined'
  | 'not-a-boolean'
  | 'late'
  | 'not-ready'
  | 'forgets-all'
export type HookMood = 'throws' | 'hangs' | 'refuses' | 'late' | 'not-a-boolean'

/** One thing that happens in the world, with random choices of its own so that leaving out another changes nothing here. */
export type Act = { readonly atMs: number; readonly seed: number } & (
  | { readonly kind: 'task'; readonly next: 'freeze' | 'clock-jump' | undefined; readonly ms: number }
  | { readonly kind: 'leak'; readonly count: number; readonly trouble: RemovalTrouble | undefined }
  | { readonly kind: 'holder' }
  | { readonly kind: 'stranger'; readonly what: 'other-value' | 'unlabelled' | 'snapshot' | 'kept' }
  | { readonly kind: 'release' | 'adopt' | 'crash' | 'stop' | 'vanish' | 'exit' | 'pause' | 'look' }
  | { readonly kind: 'freeze' | 'suspend' | 'lag' | 'wall-jump' | 'clock-jump'; readonly ms: number }
  | { readonly kind: 'outage'; readonly how: Exclude<Condition, 'up'>; readonly ms: number }
  | { readonly kind: 'fault'; readonly what: Fault; readonly ms: number }
  | { readonly kind: 'lie'; readonly what: Lie; readonly ms: number }
  | { readonly kind: 'tracker'; readonly mood: TrackerMood; readonly ms: number }
  | { readonly kind: 'hook'; readonly mood: HookMood; readonly ms: number }
)

export interface Plan {
  readonly setting: Setting
  readonly acts: readonly Act[]
}

const second = 1000
const minute = 60 * second

export function planOf(seed: number): Plan {
  const setting = settingOf(new Random(seed, 1))
  const random = new Random(seed, 2)
  const count = random.between(12, 34)
  const acts = Array.from({ length: count }, (_, index) => actOf(random, setting, seed * 1000 + index))
  return { setting, acts: acts.sort((one, other) => one.atMs - other.atMs) }
}

function settingOf(random: Random): Setting {
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
    states: random.chance(0.5)
      ? ['running', 'paused', 'restarting', 'dead']
      : ['created', 'running', 'paused', 'restarting', 'exited', 'dead'],
    tracker: random.chance(0.65) ? 'at-once' : 'later',
    hasReady: random.chance(0.3),
    isBusy: random.chance(0.15),
    selfBy: random.pick(['cgroup', 'hostname', 'name']),
    listsNetworks: random.chance(0.8),
    refusesPaused: random.chance(0.3),
    chaosMs: random.between(3, 6) * minute,
  }
}

const troubles: readonly RemovalTrouble[] = [
  'refused',
  'hangs',
  'hangs-then-does',
  'ghost',
  'answered-early',
  'slow',
]

function actOf(random: Random, setting: Setting, seed: number): Act {
  const when = { atMs: random.between(500, setting.chaosMs * 0.9), seed }
  const graceMs = setting.creationGraceMs
  const longMs = () => random.between(graceMs, 4 * graceMs)
  const whileMs = () => random.between(2 * second, minute)
  return random.weighted<() => Act>([
    [
      5,
      () => ({
        ...when,
        kind: 'task',
        next: random.pick(['freeze', 'clock-jump', undefined] as const),
        ms: longMs(),
      }),
    ],
    [
      4,
      () => ({
        ...when,
        kind: 'leak',
        count: random.pick([1, 1, 2, 3, 8]),
        trouble: random.chance(0.5) ? random.pick(troubles) : undefined,
      }),
    ],
    [1.5, () => ({ ...when, kind: 'holder' })],
    [
      2.5,
      () => ({
        ...when,
        kind: 'stranger',
        what: random.pick(['other-value', 'unlabelled', 'snapshot', 'kept'] as const),
      }),
    ],
    [2, () => ({ ...when, kind: 'release' })],
    [1, () => ({ ...when, kind: 'adopt' })],
    [0.7, () => ({ ...when, kind: 'crash' })],
    [0.4, () => ({ ...when, kind: 'stop' })],
    [0.7, () => ({ ...when, kind: random.pick(['vanish', 'exit', 'pause'] as const) })],
    [0.4, () => ({ ...when, kind: 'look' })],
    [
      0.8,
      () => ({
        ...when,
        kind: 'freeze',
        ms: random.chance(0.5) ? longMs() : random.between(second, 10 * second),
      }),
    ],
    [0.4, () => ({ ...when, kind: 'suspend', ms: longMs() })],
    [0.5, () => ({ ...when, kind: 'lag', ms: random.between(50, 900) })],
    [0.5, () => ({ ...when, kind: 'wall-jump', ms: jump(random) })],
    [0.8, () => ({ ...when, kind: 'clock-jump', ms: jump(random) })],
    [1.2, () => ({ ...when, kind: 'outage', how: random.pick(['down', 'wedged'] as const), ms: whileMs() })],
    [
      0.8,
      () => ({
        ...when,
        kind: 'fault',
        what: random.pick(['broken-listing', 'denied', 'web-page', 'slow', 'crawling'] as const),
        ms: whileMs(),
      }),
    ],
    [
      1.6,
      () => ({ ...when, kind: 'lie', what: lie(random), ms: random.chance(0.3) ? 3 * graceMs : whileMs() }),
    ],
    // Long enough for what is only known by a short id to outlive its grace.
    [0.5, () => ({ ...when, kind: 'lie', what: 'short-ids', ms: 4 * graceMs })],
    [1.2, () => ({ ...when, kind: 'tracker', mood: trackerMood(random, setting), ms: whileMs() })],
    [
      0.6,
      () => ({
        ...when,
        kind: 'hook',
        mood: random.pick(['throws', 'hangs', 'refuses', 'late', 'not-a-boolean'] as const),
        ms: whileMs(),
      }),
    ],
  ])()
}

function jump(random: Random): number {
  return (random.chance(0.5) ? 1 : -1) * random.pick([minute, 10 * minute, 60 * minute, 24 * 60 * minute])
}

function lie(random: Random): Lie {
  return random.pick([
    'stale',
    'ghosts',
    'omits',
    'duplicates',
    'misshapen',
    'no-date',
    'ignores-filter',
    'loses-answers',
  ] as const)
}

function trackerMood(random: Random, { maxShare, hasReady }: Setting): TrackerMood {
  if (maxShare !== undefined && random.chance(0.6)) return 'forgets-all'
  if (hasReady && random.chance(0.3)) return 'not-ready'
  return random.pick(['throws', 'rejects', 'hangs', 'undefined', 'not-a-boolean', 'late'] as const)
}
