import { eventNames, type EventName } from '../../src/domain/events.ts'
import type { Reason } from '../../src/domain/verdict.ts'
import {
  type Act,
  faults,
  hookMoods,
  lies,
  mischiefs,
  outages,
  podmansStates,
  spaces,
  storeMoods,
  strangers,
  trackerMoods,
  removalFaults,
} from './plan.ts'

const acts = [
  'task',
  'leak',
  'holder',
  'release',
  'adopt',
  'crash',
  'stop',
  'vanish',
  'exit',
  'pause',
  'unpause',
  'rename',
  'start-old',
  'scan',
  'finish',
  'session',
  'session-task',
  'end-session',
  'freeze',
  'suspend',
  'lag',
  'wall-jump',
  'clock-jump',
  'clock-excursion',
  'flood',
] as const satisfies readonly Act['kind'][]

/** What the process under test asks, and how the world refuses it. */
const verbs = ['list', 'identity', 'imageLabels', 'inspect', 'events', 'remove', 'stop', 'unpause'] as const
const statuses = [400, 403, 404, 409, 500, 503] as const
const reactions = [
  'registers-late',
  'gives-up-waiting',
  'restores',
  'adopts-at-the-worst-moment',
  'stops-at-the-worst-moment',
  'removes-itself',
  'comes-back-by-policy',
  'guest-of-a-guest',
  'own-guest',
  'frozen-agent',
  'timers-before-input',
  'input-before-timers',
  'starts-old',
  'restarts',
  'starts-what-we-ended',
  'restores-checkpoint',
  'registers-before-creation',
  'known-by-name',
  'known-by-label',
  'asked-without-name',
  'names-image',
  'names-snapshot',
] as const

/** What real engines were found to do. */
const ways = [
  'listing-behind',
  'inspection-races-removal',
  'refuses-dependents',
  'starts-again-by-orchestrator',
  'loses-image',
  'loses-tracked-image',
  'lists-failed-removals',
  'half-removes',
  'half-removed-finished',
  'removes-what-ended',
  'looks-up-holder',
  'looks-up-holder-again',
  'finds-no-holder',
  'over-limit',
] as const
/** The last question, when the connection stands. */
const lastQuestions = ['asked-last', 'withheld'] as const

const reasons = [
  'tracked',
  'creation-grace',
  'restore-grace',
  'release-grace',
  'recovery-grace',
  'untracked',
  'self',
  'keep-label',
  'label-from-image',
  'image-unknown',
  'state-not-covered',
  'state-unknown',
  'namespace-shared',
  'namespace-unknown',
  'infra-container',
  'dangling-share',
  'hook-refused',
  'hook-failed',
  'hook-timed-out',
  'tracker-unknown',
  'tracker-failed',
  'tracker-timed-out',
  'tracker-not-ready',
  'tracker-invalid',
  'tracker-wrong-keys',
  'tracker-emptied',
  'session-alive',
  'session-unknown',
  'session-grace',
  'listed-twice',
  'id-is-a-name',
  'orchestrated',
  'inspection-disagrees',
  'half-removed',
  'entry-unreadable',
] as const satisfies readonly Reason[]

const checks = [
  'survives-outage',
  'eventually-removed',
  'prompt',
  'prompt-by-event',
  'no-head-of-line',
  'lost-image',
  'scans-bounded-in-a-flood',
  'silent-when-quiet',
  'flat',
  'quiet-stop',
] as const

const groups = {
  act: acts,
  removalFault: removalFaults,
  outage: outages,
  fault: faults,
  lie: lies,
  mischief: mischiefs,
  tracker: trackerMoods,
  hook: hookMoods,
  store: storeMoods,
  stranger: strangers,
  space: spaces,
  engine: ways,
  podman: podmansStates,
  wire: lastQuestions,
  agent: reactions,
  asks: verbs,
  refusal: statuses,
  says: eventNames.filter((name): name is Exclude<EventName, 'crashed'> => name !== 'crashed'),
  reason: reasons,
  check: checks,
} as const

type Groups = typeof groups
/** One thing that can happen in the world, or come of it. */
export type Word = { [TGroup in keyof Groups]: `${TGroup}:${Groups[TGroup][number]}` }[keyof Groups]

/** Everything that must happen in the worlds of a long run: what never does proves nothing. */
export const vocabulary: readonly Word[] = Object.entries(groups).flatMap(([group, names]) =>
  names.map((name) => `${group}:${name}` as Word),
)

const words: ReadonlySet<string> = new Set(vocabulary)

export function isWord(text: string): text is Word {
  return words.has(text)
}

/** How often each thing happened. */
export type Counts = Readonly<Partial<Record<Word, number>>>

/** Counts what happens in one world, or in many. */
export class Tally {
  readonly #counts = new Map<Word, number>()

  note(word: Word, times = 1): void {
    this.#counts.set(word, (this.#counts.get(word) ?? 0) + times)
  }

  add(counts: Counts): void {
    for (const [word, times] of Object.entries(counts)) this.note(word as Word, times)
  }

  get counts(): Counts {
    return Object.fromEntries(this.#counts)
  }

  get missing(): readonly Word[] {
    return vocabulary.filter((word) => !this.#counts.has(word))
  }

  /** A line for each group. */
  lines(): readonly string[] {
    return Object.entries(groups).map(([group, names]) => {
      const counted = names.map((name) => `${name} ${this.#counts.get(`${group}:${name}` as Word) ?? 0}`)
      return `${group.padEnd(9)} ${counted.join(', ')}`
    })
  }
}
