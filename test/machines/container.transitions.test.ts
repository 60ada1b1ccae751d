import { describe, expect, test, vi } from 'vitest'
import type { AnyStateMachine } from 'xstate'
import { type AttemptAnswer, containerMachine, type ContainerContext } from '../../machines/index.ts'
import { arrowsOf, leavesOf, passingLeavesOf, Recorder } from './support/chart.ts'
import {
  admitted,
  answers,
  attemptAnswers,
  failureOf,
  hookAnswers,
  type Invoked,
  judged,
  judgementOf,
  pure,
  running,
  stateOf,
  verdicts,
  type WorldEvent,
} from './support/container-chart.ts'
import {
  events,
  recordEvents,
  routes,
  routeTo,
  type StateName,
  stateNames,
} from './support/container-routes.ts'

const chart = containerMachine as AnyStateMachine

/**
 * Where an event leads, and the effects that would be carried out, in order; `timer` and `no-timer` are set and dropped,
 * `ask-removal` begins an invocation and `end-ask` ends one.
 */
type Cell = string
type Row = Readonly<Record<string, Cell>>

const cell = (next: string, ...does: readonly string[]): Cell => `${next}: ${does.join(' ')}`.trim()

/** A new verdict, where it counts at once; `leave` is what leaving the state does. */
function sorts(leave: string, more: Row = {}): Row {
  return {
    'judged graced': cell('graced.waiting', leave, 'emitClassified timer'),
    'judged tracked': cell('classified.tracked', leave, 'emitClassified noteWell'),
    'judged spared': cell('classified.spared.settled', leave, 'emitClassified noteWell'),
    'judged unknown': cell('classified.spared.waiting', leave, 'emitClassified noteWell timer'),
    'judged dangling': cell('classified.queued', leave, 'emitClassified enqueue'),
    ...more,
  }
}

function ends(leave: string): Row {
  return {
    'missed, tracked': cell('gone', leave, 'emitLost'),
    'missed, untracked': cell('gone', leave),
    disowned: cell('gone', leave),
  }
}

const parked: Row = { ...sorts(''), ...ends('') }
const timed: Row = { ...sorts('no-timer'), ...ends('no-timer') }
const queued: Row = {
  ...sorts('dequeue'),
  ...ends('dequeue'),
  admitted: cell('deleting+taken', 'dequeue beginAttempt takeSlot timer ask-removal'),
}

/** A verdict of a scan counts once the attempt has its answer. */
function attempting(request: string, slot: string): Row {
  const stays = `${request}+${slot}: emitClassified`
  return {
    'judged graced': stays,
    'judged tracked': stays,
    'judged spared': stays,
    'judged unknown': stays,
    'judged dangling': stays,
    'request sent': `${request}+${slot}: noteRequestSent`,
    ...(slot === 'taken' && { 'slot time': `${request}+overdue: releaseSlot no-timer` }),
  }
}

/** Leaving an attempt releases its slot, unless it was overdue, and ends it. */
const left = (slot: string) =>
  slot === 'taken' ? 'end-ask releaseSlot no-timer endAttempt' : 'end-ask endAttempt'

function failsOrNot(from: Invoked, slot: string): Row {
  return {
    [`${from}: cancelled: tracked`]: cell('classified.tracked', left(slot), 'emitClassified noteWell'),
    [`${from}: cancelled: graced`]: cell('graced.waiting', left(slot), 'emitClassified timer'),
    [`${from}: cancelled: spared`]: cell('classified.spared.settled', left(slot), 'emitClassified noteWell'),
    [`${from}: stale`]: cell('classified.queued', left(slot), 'requestScan enqueue'),
    [`${from}: refused`]: cell('removing.backingOff.quick', left(slot), 'emitRemoveFailed timer'),
    [`${from}: failed at it`]: cell('removing.backingOff.quick', left(slot), 'emitRemoveFailed timer'),
    [`${from} throws`]: cell('removing.faulted', left(slot), 'noteFault timer'),
  }
}

const unsettledAnswers = [
  'ended',
  'gone',
  'in progress',
  'timed out',
  'unavailable, sent',
  'unavailable, not sent',
] as const
const allUnsettled = (from: Invoked, next: Cell): Row =>
  Object.fromEntries(unsettledAnswers.map((answer) => [`${from}: ${answer}`, next]))

function askingHook(slot: string): Row {
  return {
    ...attempting('askingHook', slot),
    ...ends(left(slot)),
    'hook: approved': `deleting+${slot}: end-ask ask-removal`,
    'hook: refused': cell('classified.spared.waiting', left(slot), 'emitClassified noteWell timer'),
    'hook throws': cell('removing.faulted', left(slot), 'noteFault timer'),
  }
}

// The answer to a pending request outweighs a scan that overtook it: `missed` and `disowned` do nothing here.
function stopping(slot: string): Row {
  const deletes = `deleting+${slot}: end-ask ask-removal`
  return {
    ...attempting('stopping', slot),
    ...failsOrNot('stop', slot),
    ...allUnsettled('stop', cell('removing.backingOff.quick', left(slot), 'emitRemoveFailed timer')),
    'stop: done': deletes,
    'stop: ended': deletes,
    'stop: gone': deletes,
    'stop: in progress': deletes,
  }
}

function deleting(slot: string): Row {
  return {
    ...attempting('deleting', slot),
    ...failsOrNot('removal', slot),
    ...allUnsettled('removal', cell('removing.confirming', left(slot), 'requestScan')),
    'removal: done': cell('gone', left(slot)),
  }
}

function unpausing(slot: string): Row {
  return {
    ...attempting('unpausing', slot),
    ...failsOrNot('unpause', slot),
    ...allUnsettled('unpause', cell('removing.confirming', left(slot), 'requestScan')),
    'unpause: done': `deleting+${slot}: end-ask ask-removal`,
  }
}

/** What every state does on every event. An event that a row does not name must do nothing at all there. */
const table: Readonly<Record<StateName, Row>> = {
  discovered: parked,
  'graced.waiting': { ...timed, 'grace time': 'graced.due: no-timer requestScan' },
  'graced.due': parked,
  'classified.tracked': parked,
  'classified.spared.settled': parked,
  'classified.spared.waiting': {
    ...timed,
    'recheck time': 'classified.spared.due: no-timer requestScan',
  },
  'classified.spared.due': parked,
  'classified.withheld': { ...parked, 'judged dangling': 'classified.withheld: emitClassified' },
  'classified.queued': queued,
  'classified.queuedAgain': {
    ...queued,
    'judged dangling': 'classified.queuedAgain: dequeue emitClassified enqueue',
  },
  'askingHook+taken': askingHook('taken'),
  'askingHook+overdue': askingHook('overdue'),
  'stopping+taken': stopping('taken'),
  'stopping+overdue': stopping('overdue'),
  'deleting+taken': deleting('taken'),
  'deleting+overdue': deleting('overdue'),
  'unpausing+taken': unpausing('taken'),
  'unpausing+overdue': unpausing('overdue'),
  'removing.confirming': {
    ...parked,
    'judged dangling': 'removing.backingOff.quick: emitClassified emitRemoveFailed timer',
  },
  'removing.backingOff.quick': {
    ...timed,
    'judged dangling': 'removing.backingOff.quick: emitClassified',
    'retry delay': 'removing.due: no-timer requestScan',
  },
  'removing.backingOff.stuck': {
    ...timed,
    'judged dangling': 'removing.backingOff.stuck: emitClassified',
    'retry delay': 'removing.due: no-timer requestScan',
  },
  'removing.faulted': {
    ...timed,
    'judged dangling': 'classified.queuedAgain: no-timer emitClassified enqueue',
    'fault pause': 'removing.due: no-timer requestScan',
  },
  'removing.due': { ...parked, 'judged dangling': 'classified.queuedAgain: emitClassified enqueue' },
  gone: {},
}

/** An invocation can only throw while it runs; elsewhere XState takes that for a fault of the machine itself. */
const asking: Readonly<Record<string, string>> = {
  'xstate.error.actor.hook': 'askingHook',
  'xstate.error.actor.stop': 'stopping',
  'xstate.error.actor.removal': 'deleting',
  'xstate.error.actor.unpause': 'unpausing',
}
const canCome = (state: StateName, { type }: WorldEvent) => state.startsWith(asking[type] ?? '')

const recorder = new Recorder(chart)

function found(state: StateName) {
  const { events: route, ...setting } = routeTo(state)
  const actor = running({ ...setting, inspect: recorder.inspect })
  actor.send(...route)
  return { before: pure.after(route, setting), actor }
}

/** Timers and invocations are seen by their own effects when an actor runs. */
const effectsIn = (does: string) =>
  does.split(' ').filter((word) => word !== '' && !/^(no-)?timer$|^ask-|^end-ask$/.test(word))

describe('each event in each state', () => {
  test('the table names every state that a container can be in', () => {
    const passing = passingLeavesOf(chart)
    const leaves = leavesOf(chart).filter((leaf) => !passing.includes(leaf))
    const short = leaves.map((leaf) => leaf.replace(/^removing\.attempting\.(request|slot)\./, ''))
    expect(new Set(stateNames.flatMap((state) => state.split('+')))).toEqual(new Set(short))
    expect(passing).toEqual([
      'classified.sorting',
      'classified.spared.choosing',
      'removing.attempting.request.choosing',
      'removing.expired',
      'removing.failed',
      'removing.backingOff.choosing',
    ])
  })

  test('the table names exactly the events that the chart accepts', () => {
    const taken = new Set(arrowsOf(chart).map(({ event }) => event))
    taken.delete('')
    const sent = [...Object.values(events), ...Object.values(recordEvents)].map(({ type }) => type as string)
    expect(new Set(sent)).toEqual(taken)
    const named = Object.values(table).flatMap((row) => Object.keys(row))
    expect(named.filter((name) => !(name in events))).toEqual([])
  })

  test.each(stateNames.filter((state) => state !== 'gone'))(
    '%s',
    (state) => {
      const { before, actor: bystander } = found(state)
      expect(stateOf(before)).toBe(state)
      const ignored = bystander.actor.getSnapshot()
      for (const [name, event] of Object.entries(events)) {
        if (!canCome(state, event)) continue
        const expected = table[state][name] ?? cell(state)
        const what = `${state} × ${name}`
        const { after, does } = pure.step(before, event)
        expect(cell(stateOf(after), ...does), what).toBe(expected.replace(/ +/g, ' '))
        if (!(name in table[state])) {
          expect(after.context, what).toBe(before.context)
          bystander.send(event)
          expect(bystander.actor.getSnapshot().context, what).toBe(ignored.context)
          continue
        }
        const { actor } = found(state)
        const didBefore = actor.did.length
        actor.send(event)
        expect(actor.state, what).toBe(stateOf(after))
        const effects = effectsIn(expected.slice(expected.indexOf(':') + 1))
        expect(actor.did.slice(didBefore), what).toEqual(effects)
      }
    },
    60_000,
  )

  test('gone is final, with an output: events sent to it have no effect', () => {
    const { actor } = found('gone')
    const snapshot = actor.actor.getSnapshot()
    expect(snapshot).toMatchObject({
      status: 'done',
      output: { outcome: 'vanished', isByAnswer: false, failures: 0 },
    })
    const did = actor.did.length
    // XState warns on the console that such an actor accepts no events.
    vi.spyOn(console, 'warn').mockImplementation(() => {})
    for (const event of [...Object.values(events), ...Object.values(recordEvents)]) {
      if (!event.type.startsWith('xstate.')) actor.send(event)
    }
    expect(actor.actor.getSnapshot()).toBe(snapshot)
    expect(actor.did).toHaveLength(did)
  })

  test('facts about a container are written to its record in every state, without a transition', () => {
    for (const state of stateNames.filter((name) => name !== 'gone')) {
      for (const [name, event] of Object.entries(recordEvents)) {
        const { before, actor } = found(state)
        const { after, does } = pure.step(before, event)
        expect(stateOf(after), `${state} × ${name}`).toBe(state)
        expect(does, name).toEqual(name === 'answered tracked, and it has ended' ? ['emitLost'] : [])
        actor.send(event)
        expect(actor.actor.getSnapshot().context, `${state} × ${name}`).toEqual(after.context)
      }
    }
  })

  test('the initial state has no side effects', () => {
    for (const policy of [{}, { dryRun: true }, { hasHook: true }, { stopsGracefully: true }]) {
      const actor = running({ policy })
      expect([actor.state, actor.did]).toEqual(['discovered', []])
    }
  })

  test('the table takes every transition of the chart, except those proven below, and enters every state', () => {
    expect(recorder.missedArrows).toEqual([
      ' --inspected [isNewLife]--> no other state',
      'removing.expired -- [isGraced]--> graced.due',
      'removing.backingOff.choosing -- [wasStuck]--> removing.backingOff.stuck',
    ])
    expect(recorder.missedLeaves).toEqual([])
  })
})

const context = (sent: readonly WorldEvent[], setting = {}): ContainerContext =>
  pure.after(sent, setting).context
const dangling = judged(verdicts.dangling)
const sent: WorldEvent = { type: 'request.sent' }
const missed: WorldEvent = { type: 'missed', isTracked: false }
const disowned: WorldEvent = { type: 'disowned' }
const removal = (answer: keyof typeof attemptAnswers) => answers('removal', attemptAnswers[answer])
const stop = (answer: keyof typeof attemptAnswers) => answers('stop', attemptAnswers[answer])
const retryDelay: WorldEvent = { type: 'xstate.after.retryDelay.container.removing.backingOff' }
const approved = answers('hook', hookAnswers.approved)

describe('truthful: the outcome', () => {
  const ending = { outcome: 'vanished', failures: 0, isByAnswer: false }

  test.each<[string, readonly WorldEvent[], Partial<typeof ending>, object?]>([
    [
      'removed, when the engine confirmed it',
      [dangling, admitted, sent, removal('done')],
      { outcome: 'removed', isByAnswer: true },
    ],
    [
      'removed, when our DELETE got no clear answer and a scan omits it',
      [dangling, admitted, sent, removal('timed out'), missed],
      { outcome: 'removed' },
    ],
    [
      'removed, when our DELETE met an outage and a later scan omits it',
      [dangling, admitted, sent, removal('unavailable, sent'), missed],
      { outcome: 'removed' },
    ],
    [
      'vanished, when our DELETE was refused',
      [dangling, admitted, sent, removal('refused'), missed],
      { outcome: 'vanished', failures: 1 },
    ],
    [
      'vanished, when the DELETE was never sent',
      [dangling, admitted, removal('unavailable, not sent'), missed],
      { outcome: 'vanished' },
    ],
    [
      'vanished, when the engine no longer had it when our DELETE arrived',
      [dangling, admitted, sent, removal('gone'), missed],
      { outcome: 'vanished' },
    ],
    [
      'removed, when a DELETE got no clear answer and the next one found the removal under way',
      [
        dangling,
        admitted,
        removal('timed out'),
        dangling,
        retryDelay,
        dangling,
        admitted,
        removal('in progress'),
        missed,
      ],
      { outcome: 'removed', failures: 1 },
    ],
    [
      'vanished, when only a graceful stop of ours was sent: that removes nothing',
      [dangling, admitted, sent, stop('timed out'), missed],
      { outcome: 'vanished', failures: 1 },
      { policy: { stopsGracefully: true } },
    ],
    [
      'vanished, when only an unpause of ours was sent',
      [
        dangling,
        admitted,
        sent,
        removal('refused'),
        sent,
        answers('unpause', attemptAnswers['timed out']),
        missed,
      ],
      { outcome: 'vanished' },
      { record: { listed: { id: 'x', name: 'x', state: 'paused' } } },
    ],
    ['vanished, when nothing was sent', [missed], { outcome: 'vanished' }],
    ['released, when it is no longer the owner’s', [dangling, disowned], { outcome: 'released' }],
    [
      'vanished, when the agent adopted it after our DELETE and it was removed later by another actor',
      [dangling, admitted, removal('timed out'), judged(verdicts.tracked), missed],
      { outcome: 'vanished' },
    ],
  ])('%s', (_, all, expected, setting = {}) => {
    const actor = running(setting)
    actor.send(...all)
    expect(actor.actor.getSnapshot()).toMatchObject({ status: 'done', output: { ...ending, ...expected } })
  })

  test('a loss is reported once, by whichever source comes first', () => {
    const ended = recordEvents['answered tracked, and it has ended'] as WorldEvent
    const untracked: WorldEvent = { type: 'answered', answer: 'untracked', atMs: 900, hasEnded: true }
    const losses = (...all: readonly WorldEvent[]) => {
      const actor = running()
      actor.send(judged(verdicts.tracked), ...all)
      return actor.did.filter((did) => did === 'emitLost').length
    }
    const missing = events['missed, tracked'] as WorldEvent
    expect(losses(missing)).toBe(1)
    expect(losses(ended, ended, missing)).toBe(1)
    expect(losses(recordEvents['answered tracked'] as WorldEvent, missed)).toBe(0)
    // A listing showed it again, and another one does not.
    const again = running({ record: { isVanishReported: true } })
    again.send(judged(verdicts.tracked), missing)
    expect(again.did).not.toContain('emitLost')
    // Released and tracked again, its loss is a new one.
    expect(losses(ended, untracked, ended)).toBe(2)
  })
})

describe('what a verdict records', () => {
  test('the verdict, its time, the scan it rests on and when it is worth judging again', () => {
    const unknown = { verdict: 'spared', reason: 'image-unknown' } as const
    const known = context([judged(unknown, { atMs: 77, scan: 9, recheckMs: 60_000 })])
    expect(known).toMatchObject({ verdict: unknown, judgedAtMs: 77, scan: 9, recheckMs: 60_000 })
    expect(known).not.toHaveProperty('atMs')
  })

  test('one that a scan gave while a request was pending counts once the answer arrives', () => {
    for (const [verdict, state] of [
      [verdicts.tracked, 'classified.tracked'],
      [verdicts.spared, 'classified.spared.settled'],
      [verdicts.graced, 'graced.due'],
      [verdicts.dangling, 'classified.queued'],
    ] as const) {
      const actor = running()
      actor.send(dangling, admitted, judged(verdict, { scan: 2 }))
      expect(actor.state).toBe('deleting+taken')
      actor.send(removal('stale'))
      expect([actor.state, actor.actor.getSnapshot().context.scan]).toEqual([state, 2])
      expect(actor.did.filter((did) => did === 'requestScan')).toHaveLength(1)
    }
  })

  test('one that a scan gave before the request failed ends the wait with the next scan that agrees', () => {
    const actor = running()
    actor.send(dangling, admitted, judged(verdicts.tracked), removal('refused'))
    expect(actor.state).toBe('removing.backingOff.quick')
    expect(actor.actor.getSnapshot().hasTag('awaitsVerdict')).toBe(true)
    actor.send(judged(verdicts.tracked))
    expect(actor.state).toBe('classified.tracked')
  })

  test('eventually-removed: a grace that began while a request was pending does not delay the next scan beyond its end', () => {
    // The verdict is as old as the attempt took since: only a new one says how much of the grace is left.
    const actor = running({ policy: { hasHook: true } })
    actor.send(dangling, admitted, judged({ ...verdicts.graced, endsAtMs: 30_000 }), approved)
    actor.send(removal('stale'))
    expect(actor.state).toBe('graced.due')
    expect(actor.actor.getSnapshot().hasTag('awaitsVerdict')).toBe(true)
  })

  test('fresh-scan: a removal rests on the verdict that admits it, however long the container waited', () => {
    const actor = running()
    const judgement = judgementOf(verdicts.dangling, { scan: 7, atMs: 99 })
    actor.send(dangling, { type: 'admitted', judgement })
    expect(actor.actor.getSnapshot().context).toMatchObject({ scan: 7, judgedAtMs: 99 })
  })

  test('a refusal by the hook stays on the record while it holds', () => {
    const refused = [dangling, admitted, answers('hook', hookAnswers.refused)]
    const known = context(refused, { policy: { hasHook: true } })
    expect(known.refusal).toEqual({ reason: 'hook-refused', untilMs: 300_100 })
    expect(known.verdict).toEqual({ verdict: 'spared', reason: 'hook-refused' })
  })

  test('only containers that the last verdict could move on wait for one', () => {
    const awaiting = stateNames.filter((state) => {
      const { events: route, ...setting } = routeTo(state)
      return pure.after(route, setting).hasTag('awaitsVerdict')
    })
    expect(awaiting).toEqual([
      'discovered',
      'graced.due',
      'classified.spared.due',
      'askingHook+taken',
      'askingHook+overdue',
      'stopping+taken',
      'stopping+overdue',
      'deleting+taken',
      'deleting+overdue',
      'unpausing+taken',
      'unpausing+overdue',
      'removing.confirming',
      'removing.backingOff.quick',
      'removing.backingOff.stuck',
      'removing.faulted',
      'removing.due',
    ])
  })
})

describe('not-ours-to-stop: what an answer writes to the record', () => {
  const gracefully = { policy: { stopsGracefully: true } }
  const out = [dangling, admitted, sent]

  test('a pending request may have ended its processes; an answered one may not', () => {
    expect(context([dangling, admitted]).isRequestOut).toBe(false)
    expect(context(out).isRequestOut).toBe(true)
    for (const answer of Object.keys(attemptAnswers) as (keyof typeof attemptAnswers)[])
      expect(context([...out, removal(answer)]).isRequestOut, answer).toBe(false)
    expect(context([...out, stop('done')], gracefully).isRequestOut).toBe(false)
    expect(context([...out, missed], { policy: { hasHook: true } }).isRequestOut).toBe(false)
  })

  test.each(Object.entries(attemptAnswers) as [keyof typeof attemptAnswers, AttemptAnswer][])(
    'a removal: %s',
    (name, answer) => {
      const { failure, stop: stopped } = context([...out, removal(name)], { record: { startId: 5 } })
      expect(stopped).toEqual('stop' in answer && answer.stop ? { ...answer.stop, startId: 5 } : undefined)
      expect(failure).toEqual('failure' in answer ? answer.failure : undefined)
    },
  )

  test.each([
    ['timed out', true],
    ['unavailable, sent', true],
    ['failed at it', true],
    ['unavailable, not sent', undefined],
    ['refused', undefined],
    ['gone', undefined],
    ['stale', undefined],
    ['cancelled: tracked', undefined],
  ] as const)('a removal that was %s may have left something that is ours: %s', (answer, mayHave) => {
    expect(context([...out, removal(answer)]).wasRemovalSent || undefined).toBe(mayHave)
    const again = [retryDelay, dangling, admitted, sent, removal('refused')]
    expect(context([...out, removal(answer), dangling, ...again]).wasRemovalSent || undefined).toBe(mayHave)
  })

  const startedAt = (startId: number): WorldEvent => ({
    type: 'inspected',
    inspected: {
      at: { atMs: 500, missedMs: 0 },
      start: {
        startId,
        ageMs: 86_400_000,
        isAtRest: false,
        restedUntil: undefined,
        isInCrashLoop: false,
      },
      objection: undefined,
      isStopOver: false,
    },
  })

  test('not-ours-to-stop: an answer that arrives after a new start is about the start before its request', () => {
    const steps = [dangling, startedAt(5), admitted, sent, startedAt(9), removal('timed out')]
    expect(context(steps).stop).toEqual({ failedAtMs: undefined, startId: 5 })
  })

  test.each([
    ['another start', 9, false],
    ['the same start', 5, true],
  ])('new-again: after %s approval, failures and claims are kept: %s', (_, startId, areKept) => {
    const hooked = { policy: { hasHook: true } }
    const failed = [startedAt(5), dangling, admitted, approved, sent, removal('timed out'), dangling]
    const { isApproved, failures, isSent } = context([...failed, startedAt(startId)], hooked)
    expect([isApproved, failures > 0, isSent]).toEqual([areKept, areKept, areKept])
  })

  test('the effect of an earlier request is not undone by one that did nothing', () => {
    const again = [retryDelay, dangling, admitted, sent, removal('refused')]
    expect(context([...out, removal('failed at it'), ...again]).stop).toMatchObject({ failedAtMs: 7 })
  })

  test('a completed graceful stop leaves it at rest, stopped by us, and is not repeated', () => {
    const known = context([...out, stop('done')], gracefully)
    expect(known).toMatchObject({
      listed: { state: 'exited' },
      stop: { failedAtMs: undefined, startId: undefined },
      gracefulStopAttempted: true,
      failures: 0,
    })
  })

  test('a stop that had nothing to do is not ours, and the removal that follows asks everything again', () => {
    const steps = [...out, stop('ended')]
    expect(context(steps, gracefully)).toMatchObject({ stop: undefined, isRequestOut: false })
    expect(stateOf(pure.after(steps, gracefully))).toBe('deleting+taken')
  })

  test.each<[keyof typeof attemptAnswers, boolean]>([
    ['done', true],
    ['ended', true],
    ['gone', true],
    ['in progress', true],
    ['timed out', true],
    ['refused', true],
    ['failed at it', true],
    ['unavailable, sent', false],
    ['unavailable, not sent', false],
    ['stale', false],
    ['cancelled: graced', false],
  ])('a stop that was %s: it is not attempted again: %s', (answer, attempted) => {
    expect(context([...out, stop(answer)], gracefully).gracefulStopAttempted).toBe(attempted)
  })

  test.each([
    ['running', 'stopping'],
    ['restarting', 'stopping'],
    ['exited', 'deleting'],
    ['created', 'deleting'],
    ['paused', 'deleting'],
    ['dead', 'deleting'],
  ])('what is %s is first asked: %s', (state, request) => {
    const listed = { id: 'x', name: 'x', state }
    expect(stateOf(pure.after([dangling, admitted], { ...gracefully, record: { listed } }))).toBe(
      `${request}+taken`,
    )
  })

  test('without a timeout of the owner, what is running is removed at once', () => {
    expect(stateOf(pure.after([dangling, admitted]))).toBe('deleting+taken')
  })

  test.each(['refused', 'failed at it', 'timed out', 'unavailable, sent', 'unavailable, not sent'] as const)(
    'a stop that was %s is no reason to remove at once',
    (answer) => {
      expect(stateOf(pure.after([...out, stop(answer)], gracefully))).toBe('removing.backingOff.quick')
    },
  )

  test.each([
    [true, 'stopped by us', [...out, stop('done'), removal('gone'), missed], 'removed'],
    [false, 'stopped by us', [...out, stop('done'), removal('gone'), missed], 'vanished'],
    [true, 'not yet stopped', [dangling, admitted, removal('gone'), missed], 'vanished'],
    [true, 'untouched', [dangling, missed], 'vanished'],
  ] as const)(
    'truthful: auto-removed %s and %s, when it is gone it is: %s',
    (isAutoRemoved, _, steps, outcome) => {
      const setting = { ...gracefully, record: { isAutoRemoved } }
      expect(context(steps, setting).outcome).toBe(outcome)
    },
  )

  test('an unpaused container is removed as a running one: a refusal does not unpause it twice', () => {
    const paused = { record: { listed: { id: 'x', name: 'x', state: 'paused' } } }
    const unpaused = [...out, removal('refused'), sent, answers('unpause', attemptAnswers.done)]
    expect(stateOf(pure.after(unpaused, paused))).toBe('deleting+taken')
    expect(context(unpaused, paused)).toMatchObject({ listed: { state: 'running' }, failures: 0 })
    expect(stateOf(pure.after([...unpaused, removal('refused')], paused))).toBe('removing.backingOff.quick')
  })

  test('a paused one whose removal failed otherwise is not unpaused', () => {
    const paused = { record: { listed: { id: 'x', name: 'x', state: 'paused' } } }
    const denied: AttemptAnswer = {
      answer: 'failed',
      failure: failureOf('misconfigured'),
      stop: undefined,
    }
    expect(stateOf(pure.after([...out, answers('removal', denied)], paused))).toBe(
      'removing.backingOff.quick',
    )
  })

  test('eventually-removed: an internal error after the request left may have ended it, one before has not', () => {
    const fault = events['removal throws'] as WorldEvent
    expect(context([...out, fault])).toMatchObject({
      stop: { failedAtMs: undefined },
      failure: { kind: 'fault', message: 'boom' },
      isSent: false,
    })
    expect(context([dangling, admitted, fault]).stop).toBeUndefined()
  })
})

describe('what a removal remembers about the hook', () => {
  const hooked = { policy: { hasHook: true } }

  test('the hook is asked once for a removal and its retries', () => {
    const all = [dangling, admitted, approved, removal('refused'), dangling, retryDelay, dangling, admitted]
    expect(stateOf(pure.after(all, hooked))).toBe('deleting+taken')
  })

  test('the hook is asked first, then the container is stopped, then removed', () => {
    const actor = running({ policy: { hasHook: true, stopsGracefully: true } })
    actor.send(dangling, admitted)
    expect(actor.state).toBe('askingHook+taken')
    actor.send(approved)
    expect(actor.state).toBe('stopping+taken')
    actor.send(sent, stop('done'))
    expect(actor.state).toBe('deleting+taken')
    actor.send(sent, removal('done'))
    expect(actor.state).toBe('gone')
    const attempt = ['beginAttempt', 'takeSlot', 'releaseSlot', 'endAttempt']
    expect(actor.did.filter((did) => attempt.includes(did))).toEqual(attempt)
  })

  test.each([
    ['graced', judged(verdicts.graced)],
    ['tracked', judged(verdicts.tracked)],
    ['spared', judged(verdicts.spared)],
  ])('the hook is asked again after it was %s, also when that was seen during a removal', (_, between) => {
    for (const all of [
      [admitted, approved, removal('refused'), between, dangling],
      [admitted, approved, removal('stale'), between, dangling],
      [admitted, approved, between, removal('stale'), dangling],
      [admitted, between, approved, removal('stale'), dangling],
    ])
      expect(stateOf(pure.after([dangling, ...all, admitted], hooked))).toBe('askingHook+taken')
  })

  test('a container that the agent adopted starts over', () => {
    const known = context([dangling, admitted, removal('timed out'), dangling, judged(verdicts.tracked)])
    expect(known).toMatchObject({
      failures: 0,
      failure: undefined,
      isApproved: false,
      isSent: false,
      isStuck: false,
    })
  })
})

describe('no-head-of-line: a container whose removal failed waits behind the others', () => {
  test.each<[string, readonly WorldEvent[], string]>([
    ['nothing was attempted', [], 'queued'],
    ['the verdict expired', [admitted, removal('stale')], 'queued'],
    ['the request was refused', [admitted, removal('refused'), retryDelay], 'queuedAgain'],
    [
      'the request got no clear answer',
      [admitted, removal('timed out'), dangling, retryDelay],
      'queuedAgain',
    ],
    ['something of ours threw', [admitted, events['removal throws'] as WorldEvent], 'queuedAgain'],
  ])('%s', (_, all, queue) => {
    expect(stateOf(pure.after([dangling, ...all, dangling]))).toBe(`classified.${queue}`)
  })

  test('dry-run: a container is withheld, and no event takes it further', () => {
    const actor = running({ policy: { dryRun: true, hasHook: true, stopsGracefully: true } })
    actor.send(dangling, admitted, dangling, admitted)
    expect([actor.state, actor.did]).toEqual(['classified.withheld', ['emitClassified', 'emitClassified']])
  })
})

test('each route names the state that it leads to', () => {
  for (const [state, { events: route, ...setting }] of Object.entries(routes) as [
    StateName,
    (typeof routes)[StateName],
  ][])
    expect(stateOf(pure.after(route, setting))).toBe(state)
})
