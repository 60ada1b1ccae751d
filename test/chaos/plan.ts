import { Random } from '../simulation/random.ts'
import type { Fault } from './proxy.ts'

export const stories = [
  'task',
  'late-task',
  'lost-create',
  'lost-start',
  'forgotten',
  'short-leak',
  'short-task',
  'removes-itself',
  'restarting-leak',
  'restarting-task',
  'always-leak',
  'always-task',
  'restart-exited',
  'start-created',
  'unpause',
  'restart',
  'rename',
  'swap-names',
  'paused-leak',
  'pod-of-leaks',
  'pod-with-task',
  'pod-with-stranger',
  'pid-pod-of-leaks',
  'pid-pod-with-task',
  'pid-pod-with-stranger',
  'ipc-pod-of-leaks',
  'ipc-pod-with-task',
  'ipc-pod-with-stranger',
  'let-go',
  'let-go-and-forget',
  'adopt',
  'crash',
  'pause',
  'exit',
  'kept',
  'label-from-image',
  'other-value',
  'unlabelled',
] as const
export type Story = (typeof stories)[number]

/** What is done often, on top of each story once a round. */
const often: readonly Story[] = [
  'task',
  'task',
  'late-task',
  'lost-create',
  'lost-start',
  'forgotten',
  'forgotten',
  'short-leak',
  'restart-exited',
  'start-created',
  'unpause',
  'let-go',
  'let-go',
  'let-go-and-forget',
  'adopt',
  'adopt',
]

/** On whom a fault of the proxy falls. */
export type Victim = 'everything' | 'listing' | 'inspection' | 'removal'

export type Sabotage =
  | { readonly kind: 'freeze' | 'kill' | 'restart' | 'away'; readonly ms: number }
  /** The process of Flotsam and its agent. */
  | { readonly kind: 'standstill'; readonly ms: number }
  | { readonly kind: 'proxy'; readonly fault: Fault; readonly victim: Victim; readonly ms: number }

export interface Plan {
  readonly settings: Settings
  readonly steps: readonly { readonly atMs: number; readonly story: Story; readonly seed: number }[]
  readonly sabotage: readonly { readonly atMs: number; readonly act: Sabotage }[]
}

/** How one run is set up, beyond the graces. */
export interface Settings {
  readonly periodMs: number
  readonly stopTimeoutMs: number
  readonly receivesEvents: boolean
  readonly maxConcurrentRemovals: number
  /** Whether what has ended by itself is removed too, which goes beyond the default. */
  readonly coversEnded: boolean
}

const stepEveryMs = 600
const shortestSabotageMs = 2_000

/** Everything that will be attempted, and when. The outcome depends on the engine, which no seed determines. */
export function planOf(seed: number, durationMs: number): Plan {
  const random = new Random(seed, 11)
  const settings = {
    periodMs: random.pick([1500, 3000]),
    stopTimeoutMs: random.pick([0, 0, 1000]),
    receivesEvents: random.chance(0.7),
    maxConcurrentRemovals: random.between(1, 4),
    coversEnded: random.chance(0.6),
  }
  return { settings, steps: stepsOf(random, seed, durationMs), sabotage: sabotageOf(random, durationMs) }
}

function stepsOf(random: Random, seed: number, durationMs: number): Plan['steps'] {
  const steps: { atMs: number; story: Story; seed: number }[] = []
  // strangers first, so that they see all of it
  let deck: Story[] = ['task', 'task', 'kept', 'label-from-image', 'other-value', 'unlabelled']
  for (let atMs = 200; atMs < durationMs; atMs += random.between(0.4 * stepEveryMs, 1.6 * stepEveryMs)) {
    if (deck.length === 0) deck = shuffled(random, [...stories, ...often])
    steps.push({ atMs, story: deck.shift() as Story, seed: seed * 10_000 + steps.length })
  }
  return steps
}

function sabotageOf(random: Random, durationMs: number): Plan['sabotage'] {
  const round = () => shuffled(random, actsOf(random))
  let deck = round()
  // one round at least, however short the run
  const everyMs = Math.max(shortestSabotageMs, Math.min(5000, (durationMs * 0.85) / deck.length))
  const planned: { atMs: number; act: Sabotage }[] = []
  for (let atMs = 3000; atMs < durationMs; atMs += random.between(0.7 * everyMs, 1.3 * everyMs)) {
    if (deck.length === 0) deck = round()
    planned.push({ atMs, act: deck.shift() as Sabotage })
  }
  return planned
}

function actsOf(random: Random): Sabotage[] {
  const shortlyMs = () => random.between(800, 2500)
  const proxy = (victim: Victim, fault: Fault, ms = shortlyMs()): Sabotage => ({
    kind: 'proxy',
    fault,
    victim,
    ms,
  })
  return [
    { kind: 'freeze', ms: random.between(800, 2000) },
    { kind: 'freeze', ms: random.between(5000, 8000) },
    { kind: 'kill', ms: random.between(300, 4000) },
    { kind: 'restart', ms: 0 },
    { kind: 'away', ms: shortlyMs() },
    { kind: 'standstill', ms: random.between(2000, 4000) },
    proxy('everything', { kind: 'hangs-up' }),
    proxy('everything', { kind: 'delays', ms: random.between(300, 1500) }, 4000),
    proxy('everything', { kind: 'unavailable' }),
    proxy('listing', { kind: 'throttles', bytes: random.between(100, 2000) }, 4000),
    proxy('listing', { kind: 'cuts', atByte: random.between(0, 6000) }),
    proxy('listing', { kind: 'cuts', atByte: -random.between(1, 400) }),
    proxy('listing', { kind: 'never-answers' }),
    proxy('inspection', { kind: 'hangs-up' }),
    proxy('inspection', { kind: 'cuts', atByte: random.between(0, 6000) }),
    proxy('inspection', { kind: 'delays', ms: random.between(300, 2000) }),
    proxy('inspection', { kind: 'unavailable' }),
    proxy('removal', { kind: 'hangs-up' }),
    proxy('removal', { kind: 'never-answers' }),
    proxy('removal', { kind: 'loses-answer' }),
    proxy('removal', { kind: 'swallows-answer' }),
    proxy('removal', { kind: 'delays', ms: random.between(500, 2500) }),
  ]
}

function shuffled<TItem>(random: Random, items: readonly TItem[]): TItem[] {
  return items
    .map((item) => ({ item, at: random.next() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item)
}
