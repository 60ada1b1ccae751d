import { assign, setup } from 'xstate'

/** What the owner asked for; fixed for one life. */
export interface Wishes {
  readonly hasHook: boolean
  readonly stopsGracefully: boolean
  readonly dryRun: boolean
}

/** What is true of the one container and its world, whether or not Flotsam has seen it yet. */
export interface Facts extends Wishes {
  readonly isTracked: boolean
  readonly isListed: boolean
  readonly isOwned: boolean
  readonly isKept: boolean
  /** Some grace of it is not over. */
  readonly isGraced: boolean
  /** The last scan, or the last question, found it tracked. */
  readonly wasTracked: boolean
  readonly isRefused: boolean
  /** Its last inspection said something else than the listing, less than a minute ago. */
  readonly isObjected: boolean
  readonly isApproved: boolean
  /** A removal or a stop of ours may have ended it. */
  readonly isEndedByUs: boolean
  /** It no longer runs. */
  readonly hasEnded: boolean
  readonly isEngineDown: boolean
  /** The last scan is young enough to act upon. */
  readonly isFresh: boolean
  /** Another removal has the only slot. */
  readonly isBusy: boolean
  readonly hasRival: boolean
  readonly failures: number
  readonly seen: Verdict
}

export type Verdict = 'tracked' | 'spared' | 'graced' | 'dangling'

export type LifeEvent =
  | { readonly type: 'start with a young one' }
  | { readonly type: 'start with an old one' }
  | { readonly type: 'start with a tracked one' }
  | { readonly type: 'agent adopts it' }
  | { readonly type: 'agent lets it go' }
  | { readonly type: 'owner puts the keep label on it' }
  | { readonly type: 'owner takes the keep label off' }
  | { readonly type: 'another client removes it' }
  | { readonly type: 'the owner label is taken off' }
  | { readonly type: 'scan' }
  | { readonly type: 'graces end' }
  | { readonly type: 'graces end while another has the slot' }
  | { readonly type: 'the other releases its slot' }
  | { readonly type: 'the other takes too long' }
  | { readonly type: 'engine fails' }
  | { readonly type: 'engine returns' }
  | { readonly type: 'process stalls' }
  | { readonly type: 'verdict ages' }
  | { readonly type: 'hook approves' }
  | { readonly type: 'hook refuses' }
  | { readonly type: 'hook says nothing' }
  | { readonly type: 'refusal expires' }
  | { readonly type: 'stop: done' }
  | { readonly type: 'stop: refused' }
  | { readonly type: 'stop: timed out' }
  | { readonly type: 'stop: cut off' }
  | { readonly type: 'stop: not found' }
  | { readonly type: 'DELETE: done' }
  | { readonly type: 'DELETE: not found' }
  | { readonly type: 'DELETE: in progress' }
  | { readonly type: 'DELETE: refused' }
  | { readonly type: 'DELETE: timed out' }
  | { readonly type: 'DELETE: cut off' }
  | { readonly type: 'retry is due' }

export type LifeState =
  | 'not begun'
  | 'graced'
  | 'tracked'
  | 'spared'
  | 'withheld'
  | 'queued'
  | 'asking the hook'
  | 'ending'
  | 'deleting'
  | 'unsettled'
  | 'failed'
  | 'gone'

/** What a scan would say: the same order of precedence as the rules have. */
function verdictOf({ isTracked, isKept, isGraced, isRefused, isObjected }: Facts): Verdict {
  if (isTracked) return 'tracked'
  if (isKept) return 'spared'
  if (isGraced) return 'graced'
  return isRefused || isObjected ? 'spared' : 'dangling'
}

const setFacts = (facts: Partial<Facts>) => assign<Facts, LifeEvent, undefined, LifeEvent, never>(facts)

/** A scan learns the facts. That the agent stopped tracking a container is detected by a scan, and starts a grace. */
function scan(before: Facts, changed: Partial<Facts> = {}): Facts {
  const facts = { ...before, ...changed }
  if (!facts.isListed || !facts.isOwned) return { ...facts, isFresh: true }
  const known: Facts = facts.isTracked
    ? { ...facts, wasTracked: true, isRefused: false, isEndedByUs: false }
    : { ...facts, wasTracked: false, isGraced: facts.isGraced || facts.wasTracked }
  return { ...known, isFresh: true, seen: verdictOf(known) }
}

const seeWith = (changed: Partial<Facts> = {}) =>
  assign<Facts, LifeEvent, undefined, LifeEvent, never>(({ context }) => scan(context, changed))

/**
 * The life of one container as seen from outside: what happens in the world, and where that leaves the container.
 * Knows scans, facts and answers, but not how Flotsam works.
 */
export const lifeModel = setup({
  types: { context: {} as Facts, input: {} as Wishes, events: {} as LifeEvent },
  actions: {
    see: seeWith(),
    seeAfterGraces: seeWith({ isGraced: false, isObjected: false, isBusy: false }),
    seeAfterRefusal: seeWith({ isGraced: false, isRefused: false, isObjected: false, isBusy: false }),
    seeAfterOutage: seeWith({ isEngineDown: false, isGraced: true }),
    seeWhileBusy: seeWith({ isGraced: false, isObjected: false, isBusy: true, hasRival: false }),
    /** The slot is free when the verdict has just expired. */
    seeWithSlot: seeWith({ isBusy: false }),
    failAgain: assign(({ context }) => ({ failures: context.failures + 1, isFresh: true })),
    /** Asked last, the agent says that it knows it. */
    adoptAtLast: setFacts({ wasTracked: true, isRefused: false, isEndedByUs: false, seen: 'tracked' }),
    /** Inspected last, it is not what the listing said. */
    objectAtLast: setFacts({ isObjected: true, seen: 'spared' }),
    startAfresh: setFacts({ failures: 0, isApproved: false, isFresh: true }),
    forgetApproval: setFacts({ isApproved: false, isFresh: true }),
    send: setFacts({ isEndedByUs: true }),
  },
  guards: {
    isUp: ({ context }) => !context.isEngineDown,
    isDown: ({ context }) => context.isEngineDown,
    isMissing: ({ context }) => !context.isListed || !context.isOwned,
    isGone: ({ context }) => !context.isListed,
    /** Since the scan that called it dangling, its labels have changed. */
    hasOtherLabels: ({ context }) => context.isKept || !context.isOwned,
    isTracked: ({ context }) => context.isTracked,
    isSeenTracked: ({ context }) => context.seen === 'tracked',
    isSeenSpared: ({ context }) => context.seen === 'spared',
    isSeenGraced: ({ context }) => context.seen === 'graced',
    isDryRun: ({ context }) => context.dryRun,
    isBusy: ({ context }) => context.isBusy,
    mayNotAct: ({ context }) => !context.isFresh || context.isEngineDown || context.seen !== 'dangling',
    mustAsk: ({ context }) => context.hasHook && !context.isApproved,
    mustEnd: ({ context }) => context.stopsGracefully && !context.isEndedByUs && !context.hasEnded,
    canBeDue: ({ context }) => context.isGraced && !context.isEngineDown && !context.isRefused,
    canBeRivalled: ({ context }) => context.hasRival && !context.isEngineDown && canDangle(context),
    canBePlaced: ({ context }) => context.isBusy && !context.isEngineDown && context.isFresh,
    canBeAskedAgain: ({ context }) => (context.isRefused || context.isObjected) && !context.isEngineDown,
    canFailAgain: ({ context }) => context.failures < 2,
    isStillFailing: ({ context }) => context.seen === 'dangling' && verdictAtScan(context) === 'dangling',
    failsForReal: ({ context }) => context.seen === 'dangling',
    isThere: ({ context }) => context.isListed,
  },
}).createMachine({
  id: 'life',
  context: ({ input }) => ({
    ...input,
    isTracked: false,
    isListed: true,
    isOwned: true,
    isKept: false,
    isGraced: false,
    wasTracked: false,
    isRefused: false,
    isObjected: false,
    isApproved: false,
    isEndedByUs: false,
    hasEnded: false,
    isEngineDown: false,
    isFresh: true,
    isBusy: false,
    hasRival: true,
    failures: 0,
    seen: 'graced',
  }),
  initial: 'not begun',
  on: {
    'agent adopts it': {
      guard: ({ context }) => !context.isTracked && context.isListed && context.isOwned,
      actions: setFacts({ isTracked: true }),
    },
    'agent lets it go': { guard: 'isTracked', actions: setFacts({ isTracked: false }) },
    'owner puts the keep label on it': {
      guard: ({ context }) => !context.isKept && context.isListed && context.isOwned,
      actions: setFacts({ isKept: true }),
    },
    'owner takes the keep label off': {
      guard: ({ context }) => context.isKept && context.isListed && context.isOwned,
      actions: setFacts({ isKept: false }),
    },
    'another client removes it': { guard: 'isThere', actions: setFacts({ isListed: false }) },
    'the owner label is taken off': {
      guard: ({ context }) => context.isOwned && context.isListed,
      actions: setFacts({ isOwned: false }),
    },
    'engine fails': { guard: 'isUp', actions: setFacts({ isEngineDown: true, isFresh: false }) },
  },
  states: {
    'not begun': {
      on: {
        'start with a young one': { target: 'judging', actions: seeWith({ isGraced: true }) },
        'start with an old one': { target: 'judging', actions: 'see' },
        'start with a tracked one': { target: 'judging', actions: seeWith({ isTracked: true }) },
        'agent adopts it': {},
        'agent lets it go': {},
        'owner puts the keep label on it': {},
        'owner takes the keep label off': {},
        'another client removes it': {},
        'the owner label is taken off': {},
        'engine fails': {},
      },
    },
    judging: {
      always: [{ guard: 'isMissing', target: 'gone' }, { target: 'parking' }],
    },
    /** Where the last verdict leads. */
    parking: {
      always: [
        { guard: 'isSeenTracked', target: 'tracked' },
        { guard: 'isSeenSpared', target: 'spared' },
        { guard: 'isSeenGraced', target: 'graced' },
        { guard: 'isDryRun', target: 'withheld' },
        { guard: 'mayNotAct', target: 'queued' },
        { guard: 'isBusy', target: 'queued' },
        { target: 'trying' },
      ],
    },
    trying: {
      always: [{ guard: 'mustAsk', target: 'asking the hook' }, { target: 'asking last' }],
    },
    'asking last': {
      always: [
        { guard: 'mayNotAct', target: 'parking' },
        { guard: 'isGone', target: 'unsettled' },
        { guard: 'hasOtherLabels', target: 'spared', actions: 'objectAtLast' },
        { guard: 'isTracked', target: 'tracked', actions: 'adoptAtLast' },
        { guard: 'mustEnd', target: 'ending' },
        { target: 'deleting' },
      ],
    },
    tracked: {
      entry: 'startAfresh',
      on: {
        scan: { guard: 'isUp', target: 'judging', actions: 'see' },
        'graces end': { guard: 'canBeDue', target: 'judging', actions: 'seeAfterGraces' },
        'engine returns': { guard: 'isDown', target: 'judging', actions: 'seeAfterOutage' },
      },
    },
    spared: {
      entry: 'forgetApproval',
      on: {
        scan: { guard: 'isUp', target: 'judging', actions: 'see' },
        'graces end': { guard: 'canBeDue', target: 'judging', actions: 'seeAfterGraces' },
        'refusal expires': { guard: 'canBeAskedAgain', target: 'judging', actions: 'seeAfterRefusal' },
        'engine returns': { guard: 'isDown', target: 'judging', actions: 'seeAfterOutage' },
      },
    },
    graced: {
      entry: 'forgetApproval',
      on: {
        scan: { guard: 'isUp', target: 'judging', actions: 'see' },
        'graces end': { guard: 'canBeDue', target: 'judging', actions: 'seeAfterGraces' },
        'graces end while another has the slot': {
          guard: 'canBeRivalled',
          target: 'judging',
          actions: 'seeWhileBusy',
        },
        'engine returns': { guard: 'isDown', target: 'judging', actions: 'seeAfterOutage' },
      },
    },
    withheld: {
      on: {
        scan: { guard: 'isUp', target: 'judging', actions: 'see' },
        'process stalls': { guard: 'isUp', actions: setFacts({ isGraced: true }) },
        'engine returns': { guard: 'isDown', target: 'judging', actions: 'seeAfterOutage' },
      },
    },
    queued: {
      on: {
        scan: { guard: 'isUp', target: 'judging', actions: 'see' },
        'the other releases its slot': {
          guard: 'canBePlaced',
          target: 'trying',
          actions: setFacts({ isBusy: false }),
        },
        'the other takes too long': { guard: 'canBePlaced', target: 'judging', actions: 'seeWithSlot' },
        'process stalls': {
          guard: 'canBePlaced',
          actions: setFacts({ isGraced: true, isFresh: false, isBusy: false }),
        },
        'engine returns': { guard: 'isDown', target: 'judging', actions: 'seeAfterOutage' },
      },
    },
    'asking the hook': {
      on: {
        scan: [{ guard: 'isDown' }, { guard: 'isMissing', target: 'gone' }, { actions: 'see' }],
        'engine returns': [
          { guard: 'isUp' },
          { guard: 'isMissing', target: 'gone' },
          { actions: 'seeAfterOutage' },
        ],
        'process stalls': { guard: 'isUp', actions: setFacts({ isGraced: true, isFresh: false }) },
        'verdict ages': { guard: ({ context }) => context.isFresh, actions: setFacts({ isFresh: false }) },
        'hook approves': { target: 'asking last', actions: setFacts({ isApproved: true }) },
        'hook refuses': { target: 'spared', actions: setFacts({ isRefused: true, seen: 'spared' }) },
        'hook says nothing': { target: 'spared', actions: setFacts({ isRefused: true, seen: 'spared' }) },
      },
    },
    ending: {
      on: {
        scan: { guard: 'isUp', actions: 'see' },
        'engine returns': { guard: 'isDown', actions: 'seeAfterOutage' },
        'process stalls': { guard: 'isUp', actions: setFacts({ isGraced: true, isFresh: false }) },
        'verdict ages': { guard: ({ context }) => context.isFresh, actions: setFacts({ isFresh: false }) },
        'stop: done': {
          guard: 'isThere',
          target: 'asking last',
          actions: setFacts({ isEndedByUs: true, hasEnded: true }),
        },
        'stop: refused': {
          guard: 'canFailAgain',
          target: 'failed',
          actions: ['failAgain', setFacts({ isEndedByUs: true })],
        },
        'stop: timed out': {
          guard: 'canFailAgain',
          target: 'failed',
          actions: ['failAgain', setFacts({ isEndedByUs: true })],
        },
        // Whether it arrived is unknown: it is sent again.
        'stop: cut off': { guard: 'canFailAgain', target: 'failed', actions: 'failAgain' },
        'stop: not found': { target: 'asking last', actions: setFacts({ isEndedByUs: true }) },
      },
    },
    deleting: {
      entry: 'send',
      on: {
        scan: { guard: 'isUp', actions: 'see' },
        'engine returns': { guard: 'isDown', actions: 'seeAfterOutage' },
        'process stalls': { guard: 'isUp', actions: setFacts({ isGraced: true, isFresh: false }) },
        'DELETE: done': { guard: 'isThere', target: 'gone' },
        'DELETE: not found': 'unsettled',
        'DELETE: in progress': 'unsettled',
        'DELETE: refused': { guard: 'canFailAgain', target: 'failed', actions: 'failAgain' },
        'DELETE: timed out': 'unsettled',
        'DELETE: cut off': 'unsettled',
      },
    },
    unsettled: {
      entry: setFacts({ isFresh: true }),
      on: {
        scan: [
          { guard: ({ context }) => context.isEngineDown || context.failures >= 2 },
          { target: 'settling', actions: 'see' },
        ],
        'engine returns': { guard: 'isDown', target: 'judging', actions: 'seeAfterOutage' },
      },
    },
    settling: {
      always: [
        { guard: 'isMissing', target: 'gone' },
        { guard: 'failsForReal', target: 'failed', actions: 'failAgain' },
        { target: 'parking' },
      ],
    },
    failed: {
      on: {
        scan: [
          { guard: 'isDown' },
          { guard: 'isMissing', target: 'gone' },
          { guard: 'isStillFailing', actions: 'see' },
          { target: 'judging', actions: 'see' },
        ],
        'retry is due': { guard: 'isUp', target: 'judging', actions: 'see' },
        'engine returns': { guard: 'isDown', target: 'judging', actions: 'seeAfterOutage' },
      },
    },
    gone: {
      type: 'final',
    },
  },
})

function verdictAtScan(facts: Facts): Verdict {
  return scan(facts).seen
}

/** At the end of its graces it would be removed if another did not have the slot. */
function canDangle(facts: Facts): boolean {
  const { isListed, isOwned } = facts
  return (
    isListed &&
    isOwned &&
    !facts.dryRun &&
    scan(facts, { isGraced: false, isObjected: false }).seen === 'dangling' &&
    facts.isGraced
  )
}
