import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { SafetyRule } from './safety/life.ts'
import type { Stranger, Worlds } from './plan.ts'

interface Patch {
  /** A file of the compiled library. */
  readonly file: string
  /** Code that stands there exactly once; white space does not matter. */
  readonly find: string
  readonly put: string
}

/** The library with one of its rules taken out. */
export interface Mutation {
  readonly rule: SafetyRule
  readonly without: string
  readonly patches: readonly Patch[]
  /** Worlds in which the rule has much to say. */
  readonly worlds: Worlds
}

const aMinute = 60_000
const leaks = { times: 4, act: { kind: 'leak', count: 8, trouble: undefined } } as const
const strangers = (what: Stranger) => [{ times: 6, act: { kind: 'stranger', what, count: 6 } }] as const
const moods = (['undefined', 'rejects', 'not-a-boolean', 'throws'] as const).map(
  (mood) => ({ times: 1, act: { kind: 'tracker', mood, ms: aMinute } }) as const,
)

export const mutations: readonly Mutation[] = [
  {
    rule: 'owned-only',
    worlds: { setting: { chaosMs: aMinute }, more: strangers('other-value') },
    without: 'the exact value of the owner label',
    patches: [
      {
        file: 'src/owner.js',
        find: 'owns: ({ labels }) => bears(labels, owner)',
        put: 'owns: ({ labels }) => Object.hasOwn(labels, owner.label)',
      },
    ],
  },
  {
    rule: 'fresh-look',
    worlds: { setting: { hasHook: true, dryRun: false }, more: [leaks] },
    without: 'the last question before a request, and the expiry of verdicts',
    patches: [
      {
        file: 'src/supervision/tries.js',
        find: 'const objection = askLast(',
        put: 'const objection = undefined && askLast(',
      },
      {
        file: 'src/supervision/verdict-window.js',
        find: 'return this.#clock.now() - this.#endedMs > verdictLifeMs',
        put: 'return false',
      },
    ],
  },
  {
    rule: 'awake-time',
    worlds: {},
    without: 'the notice of stalls and outages',
    patches: [
      {
        file: 'src/awake.js',
        find: 'const stalled = gapMs > this.#stallMs || jumpMs > this.#stallMs',
        put: 'const stalled = false',
      },
      { file: 'src/awake.js', find: 'Math.min(gapMs, this.#heartbeatMs * 1.5)', put: 'gapMs' },
      { file: 'src/awake.js', find: 'this.#isPaused = true', put: '' },
      {
        file: 'src/supervision/verdict-window.js',
        find: 'this.#recoveryEndsMs = this.#awake.now() + this.#recoveryGraceMs',
        put: '',
      },
    ],
  },
  {
    rule: 'unknown-is-spared',
    worlds: { setting: { chaosMs: 2 * aMinute, dryRun: false }, more: [...moods, leaks] },
    without: 'the difference between no answer and no',
    patches: [
      {
        file: 'src/tracker.js',
        find: 'trouble = { reason, message }; return reason',
        put: "trouble = { reason, message }; return 'untracked'",
      },
    ],
  },
  {
    rule: 'exact-id',
    worlds: {
      setting: { dryRun: false },
      more: [leaks, { times: 2, act: { kind: 'lie', what: 'short-ids', ms: 3 * aMinute } }],
    },
    without: 'the form of an id',
    patches: [{ file: 'src/ids.js', find: 'fullId.test(text)', put: "text !== ''" }],
  },
  {
    rule: 'not-self',
    worlds: { setting: { chaosMs: aMinute / 2, dryRun: false, maxShare: undefined } },
    without: 'the agent in its own container',
    patches: [
      {
        file: 'src/judge.js',
        find: "settles: ({ isSelf }) => (isSelf ? spared('self') : undefined)",
        put: 'settles: () => undefined',
      },
    ],
  },
  {
    rule: 'own-label',
    worlds: { setting: { chaosMs: aMinute }, more: strangers('snapshot') },
    without: 'labels that came with an image',
    patches: [
      {
        file: 'src/judge.js',
        find: "settles: ({ labelOrigin }) => labelOrigin === 'container' || labelOrigin === 'unasked'",
        put: "settles: ({ labelOrigin }) => labelOrigin !== 'none'",
      },
    ],
  },
  {
    rule: 'protected',
    worlds: {
      setting: { chaosMs: aMinute },
      more: [...strangers('kept'), { times: 4, act: { kind: 'holder' } }],
    },
    without: 'the keep label and the guests of a network',
    patches: [
      {
        file: 'src/judge.js',
        find: "settles: ({ container, policy }) => (isKept(container, policy) ? spared('keep-label') : undefined)",
        put: 'settles: () => undefined',
      },
      { file: 'src/supervision/survey.js', find: '&& !isKept(one, policy)', put: '' },
      { file: 'src/judge.js', find: "if (protectingGuest) return spared('namespace-shared')", put: '' },
    ],
  },
  {
    rule: 'bounded-removal',
    worlds: {},
    without: 'places and batches',
    patches: [
      {
        file: 'src/supervision/removals.js',
        find: 'return young < this.#limits.maxConcurrent && this.#admittedAtMs.size < maxHung',
        put: 'return true',
      },
      {
        file: 'src/supervision/removals.js',
        find: 'if (this.#admittedThisLook >= this.#limits.maxPerLook ||',
        put: 'if (',
      },
    ],
  },
  {
    rule: 'dry-run',
    without: 'the engine port that cannot remove',
    patches: [{ file: 'src/reconciler.js', find: 'return settings.dryRun ? {', put: 'return false ? {' }],
    worlds: { setting: { dryRun: true } },
  },
  {
    rule: 'honest-clock',
    worlds: {
      more: [
        { times: 6, act: { kind: 'task', next: 'clock-jump', ms: 0 } },
        { times: 4, act: { kind: 'clock-excursion', jumpMs: 60 * aMinute, ms: 10_000 } },
      ],
    },
    without: "everything that keeps an engine's clock honest",
    patches: [
      {
        file: 'src/supervision/known.js',
        find: 'if (believedAgeMs > sinceLookMs) return seenMs + creationGraceMs',
        put: '',
      },
      {
        file: 'src/supervision/sightings.js',
        find: 'const hasClockChanged = this.#hasClockChanged(answered)',
        put: 'const hasClockChanged = false',
      },
    ],
  },
  {
    rule: 'quiet-stop',
    worlds: {
      setting: { dryRun: false, maxPerLook: 50 },
      more: [leaks, { times: 5, act: { kind: 'stop' } }],
    },
    without: 'the quiet after stop()',
    patches: [{ file: 'src/supervision/verdict-window.js', find: 'this.#isQuiet = true', put: '' }],
  },
  {
    rule: 'truthful',
    worlds: {
      setting: { dryRun: false },
      more: [leaks, { times: 3, act: { kind: 'leak', count: 8, trouble: 'ghost' } }],
    },
    without: 'the look that settles what an answer left open',
    patches: [
      { file: 'src/supervision/tries.js', find: "case 'gone':", put: "case 'gone': return done;" },
      { file: 'src/supervision/tries.js', find: "case 'timed-out':", put: "case 'timed-out': return done;" },
    ],
  },
]

/** Makes a copy of the compiled library with the mutation in it. Throws where the code to change is not found. */
export function plant({ rule, patches }: Mutation, soundFolder: string, folder: string): void {
  cpSync(soundFolder, folder, { recursive: true })
  for (const { file, find, put } of patches) {
    const path = join(folder, file)
    const code = readFileSync(path, 'utf8')
    const parts = code.split(loosely(find))
    if (parts.length !== 2)
      throw new Error(`${rule}: ${parts.length - 1} places in ${file} read ${JSON.stringify(find)}; one must`)
    writeFileSync(path, parts.join(put))
  }
}

/** The code with white space, semicolons at the ends of lines and braces' padding left open. */
function loosely(code: string): RegExp {
  const words = code.split(/\s+/).map((word) => word.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`))
  return new RegExp(words.join(String.raw`[\s;]*`))
}
