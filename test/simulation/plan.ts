import { Random } from './random.ts'
import { isKeptAsSet, type Setting, settingOf } from './setting.ts'

export const removalFaults = [
  'refused',
  'denied',
  'hangs',
  'hangs-then-does',
  'ghost',
  'answered-early',
  'slow',
  'overloaded',
] as const
/** What goes wrong when a container is to be removed. */
export type RemovalFault = (typeof removalFaults)[number]

export const outages = ['down', 'wedged'] as const
export type Outage = (typeof outages)[number]

export const faults = [
  'broken-listing',
  'denied',
  'too-old',
  'overloaded',
  'web-page',
  'cut-off',
  'null',
  'slow',
  'crawling',
  'few-sockets',
  'empty-images',
  'inspections-fail',
  'inspections-hang',
  'inspections-disagree',
] as const
/** Faults of an engine that is up. */
export type Fault = (typeof faults)[number]

export const lies = [
  'stale',
  'ghosts',
  'omits',
  'duplicates',
  'contradicts',
  'short-ids',
  'misshapen',
  'lacks-fields',
  'no-date',
  'ignores-filter',
  'loses-answers',
  'mixes-up',
  'twice',
  'nameless',
  'over-limit',
  // For as long, the address leads to another engine, which has no containers.
  'elsewhere',
] as const
export type Lie = (typeof lies)[number]

export const mischiefs = [
  'lost',
  'doubled',
  'split',
  'late',
  'reordered',
  'invented',
  'breaking',
  'garbled',
  'refused',
  'hanging',
] as const
/** What is wrong with the engine's events. */
export type Mischief = (typeof mischiefs)[number]

export const trackerMoods = [
  'throws',
  'rejects',
  'hangs',
  'undefined',
  'not-a-boolean',
  'late',
  'not-ready',
  'forgets-all',
  'forgets-suddenly',
  'wrong-keys',
] as const
export type TrackerMood = (typeof trackerMoods)[number]

export const storeMoods = ['throws', 'fails', 'hangs', 'late', 'unknown', 'not-a-boolean', 'flushed'] as const
/** What is wrong with the store of leases. */
export type StoreMood = (typeof storeMoods)[number]

export const hookMoods = ['throws', 'hangs', 'refuses', 'late', 'not-a-boolean'] as const
export type HookMood = (typeof hookMoods)[number]

export const strangers = [
  'other-value',
  'unlabelled',
  'snapshot',
  'copy',
  'image-gone',
  'kept',
  'not-kept',
  'infra',
  'named-infra',
  'named-like-an-id',
  'orchestrated',
  'over-limit',
] as const

/** States in which a killed Podman leaves containers, beside Docker's own. */
export const podmansStates = ['configured', 'initialized', 'stopping', 'stopped'] as const

/** What a container can use of another one's. */
export const spaces = ['network', 'pid', 'ipc', 'uts', 'cgroup', 'dependency'] as const
export type Space = (typeof spaces)[number]
/** Containers beside the agent's tasks, most of which are not to be touched. */
export type Stranger = (typeof strangers)[number]

/** One thing that happens in the world, with random choices of its own so that leaving out another changes nothing here. */
export type Act = { readonly atMs: number; readonly seed: number } & (
  | { readonly kind: 'task'; readonly next: 'freeze' | 'clock-jump' | undefined; readonly ms: number }
  | { readonly kind: 'leak'; readonly count: number; readonly removalFault: RemovalFault | undefined }
  | { readonly kind: 'holder' }
  | { readonly kind: 'session' | 'session-task'; readonly count: number }
  | { readonly kind: 'stranger'; readonly what: Stranger; readonly count: number }
  | {
      readonly kind:
        | 'release'
        | 'adopt'
        | 'crash'
        | 'stop'
        | 'vanish'
        | 'exit'
        | 'pause'
        | 'unpause'
        | 'rename'
        | 'start-old'
        | 'scan'
        | 'finish'
        | 'end-session'
    }
  | {
      readonly kind: 'freeze' | 'suspend' | 'lag' | 'wall-jump' | 'clock-jump' | 'flood'
      readonly ms: number
    }
  | { readonly kind: 'clock-excursion'; readonly jumpMs: number; readonly ms: number }
  | { readonly kind: 'outage'; readonly how: Outage; readonly ms: number }
  | { readonly kind: 'fault'; readonly what: Fault; readonly ms: number }
  | { readonly kind: 'lie'; readonly what: Lie; readonly ms: number }
  | { readonly kind: 'mischief'; readonly what: Mischief; readonly ms: number }
  | { readonly kind: 'tracker'; readonly mood: TrackerMood; readonly ms: number }
  | { readonly kind: 'hook'; readonly mood: HookMood; readonly ms: number }
  | { readonly kind: 'store'; readonly mood: StoreMood; readonly ms: number }
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
  const count = random.between(14, 38)
  const acts = Array.from({ length: count }, (_, index) => actOf(random, setting, seed * 1000 + index))
  const ofSessions = setting.hasSessions ? actsOfSessions(seed, setting) : []
  return { setting, acts: [...acts, ...ofSessions].sort((one, other) => one.atMs - other.atMs) }
}

/** Drawn by themselves, so that the rest of a world is the same without them. */
function actsOfSessions(seed: number, setting: Setting): readonly Act[] {
  const random = new Random(seed, 7)
  return Array.from({ length: random.between(6, 16) }, (_, index) => {
    const atMs = random.between(500, setting.chaosMs * 0.9)
    return { atMs, seed: seed * 1000 + 500 + index, ...ofSession(random) }
  })
}

function ofSession(random: Random): Happening {
  return random.weighted<() => Happening>([
    [3, () => ({ kind: 'session', count: random.pick([1, 1, 2, 4]) })],
    [1, () => ({ kind: 'session-task', count: random.pick([1, 2]) })],
    [2, () => ({ kind: 'end-session' })],
    [1.5, () => ({ kind: 'store', mood: random.pick(storeMoods), ms: whileMs(random) })],
    // Longer than a session grace, where that is allowed.
    [1, () => ({ kind: 'store', mood: 'flushed', ms: minute })],
  ])()
}

/** An act without its time. */
export type Happening = Undated<Act>
type Undated<TAct> = TAct extends Act ? Omit<TAct, 'atMs' | 'seed'> : never

/** How some worlds differ from what their seeds say. */
export interface Worlds {
  readonly setting?: Partial<Setting>
  /** What happens in them besides, each so many times. */
  readonly more?: readonly { readonly times: number; readonly act: Happening }[]
}

export function planOfWorlds(seed: number, { setting: change, more = [] }: Worlds): Plan {
  const { acts, setting: before } = planOf(seed)
  const setting = { ...before, ...change }
  const random = new Random(seed, 6)
  const added = more.flatMap(({ times, act }) =>
    Array.from({ length: times }, () => {
      const atMs = random.between(500, setting.chaosMs * 0.9)
      return { ...act, atMs, seed: random.between(1, 2 ** 30) }
    }),
  )
  return { setting, acts: [...acts, ...added].sort((one, other) => one.atMs - other.atMs) }
}

function actOf(random: Random, setting: Setting, seed: number): Act {
  const atMs = random.between(500, setting.chaosMs * 0.9)
  const drawn = random.weighted<() => object>([
    [10, () => ofTheAgent(random, setting)],
    [5, () => ofOthers(random)],
    [4.5, () => ofTime(random, setting)],
    [5.5, () => ofTheEngine(random, setting)],
    [1.8, () => ofAnswers(random, setting)],
  ])()
  return { atMs, seed, ...drawn } as Act
}

const whileMs = (random: Random) => random.between(2 * second, minute)
const longMs = (random: Random, { creationGraceMs }: Setting) =>
  random.between(creationGraceMs, 4 * creationGraceMs)

function ofTheAgent(random: Random, setting: Setting): Happening {
  return random.weighted<() => Happening>([
    [
      5,
      () => ({
        kind: 'task',
        next: random.pick(['freeze', 'clock-jump', undefined] as const),
        ms: longMs(random, setting),
      }),
    ],
    [
      4,
      () => ({
        kind: 'leak',
        count: random.pick([1, 1, 2, 3, 8]),
        removalFault: random.chance(0.5) ? random.pick(removalFaults) : undefined,
      }),
    ],
    [2, () => ({ kind: 'release' })],
    [1, () => ({ kind: 'adopt' })],
    [0.7, () => ({ kind: 'crash' })],
    [0.6, () => ({ kind: 'stop' })],
    [1.5, () => ({ kind: 'start-old' })],
    [0.5, () => ({ kind: 'unpause' })],
    [0.3, () => ({ kind: 'rename' })],
    [0.4, () => ({ kind: 'scan' })],
    [0.3, () => ({ kind: 'finish' })],
  ])()
}

function ofOthers(random: Random): Happening {
  return random.weighted<() => Happening>([
    [1.5, () => ({ kind: 'holder' })],
    [2.5, () => ({ kind: 'stranger', what: random.pick(strangers), count: random.pick([1, 3, 6]) })],
    [0.8, () => ({ kind: random.pick(['vanish', 'exit', 'pause'] as const) })],
  ])()
}

function ofTime(random: Random, setting: Setting): Happening {
  return random.weighted<() => Happening>([
    [
      0.8,
      () => ({
        kind: 'freeze',
        ms: random.chance(0.5) ? longMs(random, setting) : random.between(second, 10 * second),
      }),
    ],
    [0.4, () => ({ kind: 'suspend', ms: longMs(random, setting) })],
    [0.5, () => ({ kind: 'lag', ms: random.between(50, 900) })],
    [0.5, () => ({ kind: 'wall-jump', ms: jump(random) })],
    [0.8, () => ({ kind: 'clock-jump', ms: jump(random) })],
    [
      0.7,
      () => ({
        kind: 'clock-excursion',
        jumpMs: random.pick([-1, 1]) * random.pick([10 * minute, 60 * minute]),
        ms: random.between(second, 20 * second),
      }),
    ],
  ])()
}

function ofTheEngine(random: Random, setting: Setting): Happening {
  const { creationGraceMs, events, knownBy } = setting
  return random.weighted<() => Happening>([
    [1.2, () => ({ kind: 'outage', how: random.pick(outages), ms: whileMs(random) })],
    [0.9, () => ({ kind: 'fault', what: random.pick(faults), ms: whileMs(random) })],
    [
      2,
      () => ({
        kind: 'lie',
        what: random.pick(lies),
        ms: random.chance(0.3) ? 3 * creationGraceMs : whileMs(random),
      }),
    ],
    // Long enough for what is only known by a short id to outlive its grace.
    [0.5, () => ({ kind: 'lie', what: 'short-ids', ms: 4 * creationGraceMs })],
    // Long enough for one known by a name to be released by mistake.
    [knownBy === 'name' ? 0.7 : 0, () => ({ kind: 'lie', what: 'nameless', ms: 4 * creationGraceMs })],
    [events ? 1 : 0, () => ({ kind: 'mischief', what: random.pick(mischiefs), ms: whileMs(random) })],
    [events ? 0.25 : 0, () => ({ kind: 'flood', ms: random.between(second, 10 * second) })],
  ])()
}

/** What the tracker answers. */
function ofAnswers(random: Random, setting: Setting): Happening {
  return random.weighted<() => Happening>([
    [1.2, () => ({ kind: 'tracker', mood: trackerMood(random, setting), ms: whileMs(random) })],
    // Shorter than any release grace.
    [0.4, () => ({ kind: 'tracker', mood: 'forgets-suddenly', ms: random.between(2 * second, 15 * second) })],
    [
      0.6,
      () => ({ kind: 'hook', mood: random.pick(hookMoods), ms: whileMs(random) + random.pick([0, minute]) }),
    ],
  ])()
}

function jump(random: Random): number {
  return (random.chance(0.5) ? 1 : -1) * random.pick([minute, 10 * minute, 60 * minute, 24 * 60 * minute])
}

function trackerMood(random: Random, setting: Setting): TrackerMood {
  const { maxShare, hasReady } = setting
  if (maxShare !== undefined && random.chance(0.6)) return 'forgets-all'
  if (hasReady && random.chance(0.3)) return 'not-ready'
  if (isKeptAsSet(setting) && random.chance(0.25)) return 'wrong-keys'
  return random.pick(['throws', 'rejects', 'hangs', 'undefined', 'not-a-boolean', 'late'] as const)
}
