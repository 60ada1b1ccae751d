import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Stranger, Worlds } from './plan.ts'
import type { SafetyRule } from './safety/life.ts'

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
  /** What of the rule is taken out, where that is not all of it. */
  readonly part?: string
  readonly without: string
  readonly patches: readonly Patch[]
  /** Worlds in which the rule matters often. */
  readonly worlds: Worlds
}

const aMinute = 60_000
/** Short graces, so that leaks are removed while there are many faults. */
const soon = {
  creationGraceMs: 10_000,
  recoveryGraceMs: 10_000,
  restoreGraceMs: 0,
  dryRun: false,
  maxShare: undefined,
  maxPerScan: 50,
} as const
const leaks = { times: 4, act: { kind: 'leak', count: 8, removalFault: undefined } } as const
const strangers = (what: Stranger) => [{ times: 6, act: { kind: 'stranger', what, count: 6 } }] as const
const moods = (['undefined', 'rejects', 'not-a-boolean', 'throws'] as const).map(
  (mood) => ({ times: 1, act: { kind: 'tracker', mood, ms: aMinute } }) as const,
)

/** Many that live, and a store that forgets them for a while. */
const sessionsAlone = { ...soon, hasSessions: true, hasHook: false, periodMs: 15_000 } as const
const sessions = { times: 6, act: { kind: 'session', count: 4 } } as const
const flushes = [{ times: 8, act: { kind: 'store', mood: 'flushed', ms: aMinute } }] as const

export const mutations: readonly Mutation[] = [
  {
    rule: 'owned-only',
    worlds: { setting: { chaosMs: aMinute }, more: strangers('other-value') },
    without: 'the exact value of the owner label',
    patches: [
      {
        file: 'src/policy/ownership.js',
        find: 'owns: ({ labels }) => bears(labels, owner)',
        put: 'owns: ({ labels }) => Object.hasOwn(labels, owner.label)',
      },
    ],
  },
  {
    rule: 'fresh-scan',
    worlds: { setting: { ...soon, hasHook: true }, more: [leaks, leaks] },
    without: 'the last question before a request, and the expiry of verdicts',
    patches: [
      {
        file: 'src/removing/attempt.js',
        find: 'const found = askLast(candidate, options)',
        put: 'const found = undefined',
      },
      {
        file: 'src/containers/freshness.js',
        find: '&& clock.now() <= snapshot.context.verdicts.expireAtMs',
        put: '',
      },
    ],
  },
  {
    rule: 'awake-time',
    worlds: { setting: { knownBy: 'id' } },
    without: 'the detection of stalls and outages',
    patches: [
      {
        file: 'src/domain/awake.js',
        find: 'const stalled = gapMs > this.#stallMs || jumpMs > this.#stallMs',
        put: 'const stalled = false',
      },
      { file: 'src/domain/awake.js', find: 'Math.min(gapMs, this.#heartbeatMs * 1.5)', put: 'gapMs' },
      { file: 'src/domain/awake.js', find: 'stalled || this.#isEngineDown()', put: 'stalled' },
      {
        file: 'machines/supervisor.machine.js',
        find: "startRecovery: assign(({ context, event }) => 'awakeMs' in event",
        put: 'startRecovery: assign(({ context, event }) => false',
      },
    ],
  },
  {
    rule: 'unknown-is-spared',
    worlds: { setting: { ...soon, hasHook: false, maxConcurrent: 3 }, more: [...moods, ...moods, leaks] },
    without: 'the difference between "unknown" and "no"',
    patches: [
      {
        file: 'src/scanning/tracker.js',
        find: 'answer : answer.reason',
        put: "answer : 'untracked'",
      },
    ],
  },
  {
    rule: 'exact-id',
    worlds: {
      setting: { dryRun: false },
      more: [leaks, { times: 2, act: { kind: 'lie', what: 'short-ids', ms: 3 * aMinute } }],
    },
    without: 'the form of an id, and listings with an ambiguous one',
    patches: [
      { file: 'src/domain/ids.js', find: 'fullId.test(text)', put: "text !== ''" },
      { file: 'src/policy/second-source.js', find: 'inspection.id === listed.id &&', put: '' },
      { file: 'src/policy/listing-faults.js', find: 'found() {', put: 'found() { return new Map();' },
    ],
  },
  {
    rule: 'not-self',
    worlds: { setting: { chaosMs: aMinute / 2, dryRun: false, maxShare: undefined } },
    without: 'the agent in its own container',
    patches: [
      {
        file: 'src/policy/judge.js',
        find: "settles: ({ isSelf }) => (isSelf ? spared('self') : undefined)",
        put: 'settles: () => undefined',
      },
      { file: 'src/policy/second-source.js', find: "if (self !== 'not-self')", put: 'if (self === 0)' },
      {
        file: 'src/scanning/inspections.js',
        find: "const isSelf = self.judge(inspection) === 'self'",
        put: 'const isSelf = false',
      },
    ],
  },
  {
    rule: 'own-label',
    worlds: { setting: { chaosMs: aMinute }, more: strangers('snapshot') },
    without: 'labels that came with an image',
    patches: [
      {
        file: 'src/policy/judge.js',
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
        file: 'src/policy/judge.js',
        find: "settles: ({ container, policy }) => (isKept(container, policy) ? spared('keep-label') : undefined)",
        put: 'settles: () => undefined',
      },
      { file: 'src/scanning/label-origins.js', find: '&& !isKept(one, policy)', put: '' },
      {
        file: 'src/policy/judge.js',
        find: "if (protectingGuest) return spared('namespace-shared')",
        put: '',
      },
    ],
  },
  {
    rule: 'positive-evidence',
    worlds: { setting: { chaosMs: 2 * aMinute, dryRun: false }, more: strangers('image-gone') },
    without: 'the difference between an unknown image and one without the label',
    patches: [
      {
        file: 'src/policy/judge.js',
        find: "settles: ({ labelOrigin }) => labelOrigin === 'container' || labelOrigin === 'unasked'",
        put: "settles: ({ labelOrigin }) => labelOrigin !== 'image'",
      },
    ],
  },
  {
    rule: 'second-source',
    worlds: {
      setting: { chaosMs: 2 * aMinute, dryRun: false },
      more: [
        ...strangers('unlabelled'),
        { times: 3, act: { kind: 'lie', what: 'mixes-up', ms: 2 * aMinute } },
      ],
    },
    without: 'the objections of an inspection to a removal',
    patches: [
      {
        file: 'src/scanning/inspections.js',
        find: "if (objection === 'self-unknown')\n            this.#reportSelf(known);\n        return objection;",
        put: 'return undefined;',
      },
    ],
  },
  {
    rule: 'new-again',
    worlds: {
      setting: {
        ...soon,
        creationGraceMs: 30_000,
        states: ['created', 'running', 'paused', 'restarting', 'exited', 'dead'],
      },
      more: [
        leaks,
        { times: 10, act: { kind: 'start-old' } },
        // Restart policies bring back unregistered containers.
        { times: 60, act: { kind: 'exit' } },
      ],
    },
    without: 'the start of a container at rest',
    patches: [
      {
        file: 'machines/container.record.js',
        find: '...(endsMs > record.creationGraceEndsMs &&',
        put: '...(endsMs > Infinity &&',
      },
    ],
  },
  {
    rule: 'not-ours-to-stop',
    worlds: {
      setting: { ...soon, states: ['running'], hasHook: false, stopTimeoutMs: 0, maxConcurrent: 3 },
      more: [
        { times: 4, act: { kind: 'leak', count: 8, removalFault: 'denied' } },
        { times: 80, act: { kind: 'exit' } },
      ],
    },
    without: 'the difference between a completed request and a refused one',
    patches: [
      {
        file: 'src/removing/attempt.js',
        find: 'if (isRefusal(thrown)) return undefined',
        put: 'return { failedAtMs: undefined }',
      },
    ],
  },
  {
    rule: 'bounded-removal',
    worlds: {},
    without: 'slots and batches',
    patches: [
      {
        file: 'src/containers/removal-queue.js',
        find: 'return this.#slots.size < this.#limits.maxConcurrent && this.#inFlightSinceMs.size < maxHung',
        put: 'return true',
      },
      {
        file: 'src/containers/removal-queue.js',
        find: 'if (this.#admittedThisScan >= this.#limits.maxPerScan ||',
        put: 'if (',
      },
    ],
  },
  {
    rule: 'dry-run',
    without: 'the engine port that cannot remove',
    patches: [
      { file: 'src/reconciler.js', find: 'return settings.dryRun ? {', put: 'return false ? {' },
      {
        file: 'machines/container.machine.js',
        find: 'isDryRun: ({ context }) => context.policy.dryRun',
        put: 'isDryRun: () => false',
      },
    ],
    worlds: { setting: { dryRun: true } },
  },
  {
    rule: 'honest-clock',
    worlds: {
      setting: { ...soon, creationGraceMs: 60_000, hasHook: false, knownBy: 'id' },
      more: [
        { times: 12, act: { kind: 'task', next: 'clock-jump', ms: 0 } },
        { times: 4, act: { kind: 'clock-excursion', jumpMs: 60 * aMinute, ms: 10_000 } },
      ],
    },
    without: "everything that keeps an engine's clock honest",
    patches: [
      {
        file: 'machines/container.record.js',
        find: 'if (minimumAgeMs > sinceMs) return seenMs + creationGraceMs',
        put: '',
      },
      {
        file: 'src/scanning/graces.js',
        find: 'const hasClockChanged = this.#hasClockChanged(listed)',
        put: 'const hasClockChanged = false',
      },
      {
        file: 'src/scanning/inspections.js',
        find: 'if (before !== undefined && Math.abs(offsetMs - before) > clockToleranceMs) return undefined',
        put: '',
      },
    ],
  },
  {
    rule: 'quiet-stop',
    worlds: {
      setting: soon,
      more: [leaks, { times: 10, act: { kind: 'stop' } }],
    },
    without: 'the end of requests after stop()',
    patches: [
      {
        file: 'src/containers/freshness.js',
        find: "snapshot.hasTag('mayRemove') &&",
        put: "(snapshot.hasTag('mayRemove') || snapshot.matches('stopping')) &&",
      },
    ],
  },
  {
    rule: 'truthful',
    worlds: {
      setting: { dryRun: false },
      more: [leaks, { times: 3, act: { kind: 'leak', count: 8, removalFault: 'ghost' } }],
    },
    without: 'the scan that settles an unclear answer',
    patches: [
      {
        file: 'src/removing/attempt.js',
        find: "case 'gone':",
        put: "case 'gone': return { answer: 'done' };",
      },
      {
        file: 'src/removing/attempt.js',
        find: "case 'timed-out':",
        put: "case 'timed-out': return { answer: 'done' };",
      },
    ],
  },
  {
    rule: 'live-session',
    worlds: {
      setting: { ...soon, chaosMs: 2 * aMinute, hasSessions: true },
      more: [
        { times: 3, act: { kind: 'session', count: 4 } },
        { times: 2, act: { kind: 'store', mood: 'unknown', ms: aMinute / 2 } },
      ],
    },
    without: 'the question whether a session is alive',
    patches: [
      {
        file: 'src/policy/judge.js',
        find: "if (session === undefined || session === 'ended') return undefined",
        put: 'return undefined',
      },
      { file: 'src/policy/judge.js', find: "['session-grace', (ends) => ends.sessionMs],", put: '' },
    ],
  },
]

/** Parts of rules, each switched off separately. */
export const partMutations: readonly (Mutation & { readonly part: string })[] = [
  {
    rule: 'protected',
    part: 'orchestrated',
    worlds: { setting: { chaosMs: 2 * aMinute, dryRun: false }, more: strangers('orchestrated') },
    without: 'the labels of orchestrators',
    patches: [{ file: 'src/policy/judge.js', find: '!policy.orchestrated &&', put: 'false &&' }],
  },
  {
    rule: 'protected',
    part: 'pid-and-ipc',
    worlds: {
      setting: { chaosMs: 2 * aMinute, dryRun: false },
      more: [{ times: 12, act: { kind: 'holder' } }],
    },
    without: 'the guests of a pid, ipc or uts namespace',
    patches: [
      {
        file: 'src/policy/namespaces.js',
        find: "const spaces = ['network', 'pid', 'ipc', 'uts']",
        put: "const spaces = ['network']",
      },
    ],
  },
  {
    rule: 'unknown-is-spared',
    part: 'tracker-emptied',
    worlds: {
      setting: {
        creationGraceMs: 10_000,
        recoveryGraceMs: 10_000,
        dryRun: false,
        hasHook: false,
        tracker: 'at-once',
        maxShare: undefined,
      },
      more: [
        { times: 40, act: { kind: 'task', next: undefined, ms: 0 } },
        { times: 12, act: { kind: 'tracker', mood: 'forgets-suddenly', ms: 15_000 } },
      ],
    },
    without: 'the doubt about a tracker that suddenly knows nothing',
    patches: [
      {
        file: 'src/scanning/graces.js',
        find: 'if (forgotten >= suspiciouslyMany) this.#emptiedMs = seenAwakeMs',
        put: 'if (forgotten < 0) this.#emptiedMs = seenAwakeMs',
      },
    ],
  },
  {
    rule: 'live-session',
    part: 'session-grace',
    worlds: { setting: sessionsAlone, more: [sessions, ...flushes] },
    without: 'the session grace between two readings',
    patches: [{ file: 'src/policy/judge.js', find: "['session-grace', (ends) => ends.sessionMs],", put: '' }],
  },
  {
    rule: 'live-session',
    part: 'sessions-ended',
    worlds: { setting: sessionsAlone, more: [sessions, ...flushes] },
    without: 'the doubt about a store that suddenly knows no session',
    patches: [
      {
        file: 'src/scanning/sessions.js',
        find: 'this.#doubted.has(id) ? 2 : 1',
        put: '1',
      },
    ],
  },
]

/** As it is called on the command line and in the output. */
export function nameOf({ rule, part }: Mutation): string {
  return part ?? rule
}

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
