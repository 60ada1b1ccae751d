import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { getShortestPaths } from 'xstate/graph'
import { containerMachine, type ContainerPolicy } from '../../machines/index.ts'
import {
  admitted,
  answers,
  attemptAnswers,
  type ContainerSnapshot,
  hookAnswers,
  id,
  judged,
  policyOf,
  pure,
  recordOf,
  running,
  stateOf,
  verdicts,
  type WorldEvent,
} from './support/container-chart.ts'
import { events, recordEvents } from './support/container-routes.ts'
import { canCome, placeOf, shortestEnds } from './support/ways-to-removal.ts'

const policies: Readonly<Record<string, Partial<ContainerPolicy>>> = {
  'nothing is asked first': {},
  'a hook is asked': { hasHook: true },
  'it is stopped gracefully': { stopsGracefully: true },
  'a hook is asked, and it is stopped gracefully': { hasHook: true, stopsGracefully: true },
  'in a dry run': { dryRun: true, hasHook: true, stopsGracefully: true },
}

const attempts = ['ask-hook', 'ask-stop', 'ask-removal', 'ask-unpause']

/** A witness that sees only a container's effects and says where they contradict each other or the rules. */
class Witness {
  #slots = 0
  #attempts = 0
  #queued = 0
  #asking = 0
  #slotsOfAttempt = 0
  #stuck = 0
  /** The last verdict of all, and the one by which its removal was admitted. */
  #verdict: string | undefined
  readonly #policy: Partial<ContainerPolicy>
  readonly breaches: string[] = []

  constructor(policy: Partial<ContainerPolicy>) {
    this.#policy = policy
  }

  /** One that has seen the same, for another way to go on. */
  fork(): Witness {
    const other = new Witness(this.#policy)
    other.#slots = this.#slots
    other.#attempts = this.#attempts
    other.#queued = this.#queued
    other.#asking = this.#asking
    other.#slotsOfAttempt = this.#slotsOfAttempt
    other.#stuck = this.#stuck
    other.#verdict = this.#verdict
    other.breaches.push(...this.breaches)
    return other
  }

  note(
    before: ContainerSnapshot,
    event: WorldEvent,
    after: ContainerSnapshot,
    does: readonly string[],
  ): void {
    if (event.type === 'judged') this.#verdict = event.judgement.verdict.verdict
    const wasAttempting = before.matches({ removing: 'attempting' })
    for (const effect of does) this.#count(effect)
    const asked = does.filter((effect) => attempts.includes(effect))
    if (asked.length > 0 && !wasAttempting) {
      if (event.type !== 'admitted') this.#breach(`fresh-scan: ${asked[0]} on ${event.type}`)
      if (this.#verdict !== 'dangling') this.#breach(`${asked[0]} although it was judged ${this.#verdict}`)
    }
    if (asked.length > 0 && this.#policy.dryRun) this.#breach(`dry-run: ${asked[0]}`)
    if (asked.includes('ask-removal') && this.#policy.hasHook && !after.context.isApproved)
      this.#breach('a removal that the hook has not approved')
    this.#balance(after)
    if (does.includes('emitStuck')) this.#stuck++
    if (does.includes('noteWell')) this.#stuck = 0
    if (this.#stuck > 1) this.#breach('one-line-per-change: stuck is emitted twice')
  }

  #count(effect: string): void {
    if (effect === 'takeSlot') {
      this.#slots++
      this.#slotsOfAttempt++
    }
    if (effect === 'releaseSlot') this.#slots--
    if (effect === 'beginAttempt') {
      this.#attempts++
      this.#slotsOfAttempt = 0
    }
    if (effect === 'endAttempt') {
      this.#attempts--
      if (this.#slotsOfAttempt !== 1) this.#breach(`an attempt took ${this.#slotsOfAttempt} slots`)
    }
    if (effect === 'enqueue') this.#queued++
    if (effect === 'dequeue') this.#queued--
    if (effect.startsWith('ask-')) this.#asking++
    if (effect === 'end-ask') this.#asking--
  }

  #balance(after: ContainerSnapshot): void {
    const expected = {
      slots: Number(after.matches({ removing: { attempting: { slot: 'taken' } } })),
      attempts: Number(after.matches({ removing: 'attempting' })),
      queued: Number(after.matches({ classified: 'queued' }) || after.matches({ classified: 'queuedAgain' })),
      asking: Number(after.matches({ removing: 'attempting' })),
    }
    const found = {
      slots: this.#slots,
      attempts: this.#attempts,
      queued: this.#queued,
      asking: this.#asking,
    }
    if (JSON.stringify(found) !== JSON.stringify(expected))
      this.#breach(`in ${stateOf(after)}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`)
    if (after.context.isRequestOut && !after.matches({ removing: 'attempting' }))
      this.#breach(`a request is out in ${stateOf(after)}`)
  }

  #breach(text: string): void {
    this.breaches.push(text)
  }
}

const all: readonly WorldEvent[] = [...Object.values(events), ...Object.values(recordEvents)]

function follow(policy: Partial<ContainerPolicy>, sent: readonly WorldEvent[], record = {}) {
  const witness = new Witness(policy)
  let snapshot = pure.initial({ policy, record })
  for (const event of sent) {
    if (snapshot.status !== 'active') break
    if (!canCome(snapshot, event)) continue
    const { after, does } = pure.step(snapshot, event)
    witness.note(snapshot, event, after, does)
    snapshot = after
  }
  return { witness, snapshot }
}

describe('whatever happens, a slot is taken and released once per attempt, and no request breaks a rule', () => {
  test.each(Object.entries(policies))(
    'on every edge of the chart, by a shortest path to where it begins: %s',
    (_, policy) => {
      const plans = getShortestPaths(containerMachine, {
        input: { id, policy: policyOf(policy), record: recordOf() },
        events: Object.values(events) as never,
        filterEvents: (snapshot, event) => snapshot.status === 'active' && canCome(snapshot, event),
        serializeState: placeOf,
        limit: 1_000_000,
      })
      expect(plans.length).toBeGreaterThan(policy.dryRun ? 9 : 30)
      for (const { state, steps } of plans) {
        if (state.status !== 'active') continue
        const way = steps.slice(1).map(({ event }) => event as WorldEvent)
        const { snapshot, witness: sofar } = follow(policy, way)
        for (const event of all.filter((one) => canCome(snapshot, one))) {
          const witness = sofar.fork()
          const { after, does } = pure.step(snapshot, event)
          witness.note(snapshot, event, after, does)
          if (witness.breaches.length > 0)
            expect(witness.breaches, [...way, event].map(({ type }) => type).join(' → ')).toEqual([])
        }
      }
    },
    120_000,
  )

  test.each(Object.entries(policies))(
    'on long random lives: %s',
    (_, policy) => {
      const states = fc.constantFrom('running', 'paused', 'exited')
      // Those that take it on come often.
      const likely = [
        events['judged dangling'],
        events['admitted'],
        events['request sent'],
        events['removal: refused'],
        events['removal: in progress'],
        events['retry delay'],
      ] as WorldEvent[]
      const event = fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom(...likely) },
        { weight: 2, arbitrary: fc.constantFrom(...all) },
      )
      const lives = fc.array(event, { minLength: 20, maxLength: 80 })
      fc.assert(
        fc.property(states, lives, (state, sent) => {
          const { witness } = follow(policy, sent, { listed: { id, name: 'task', state } })
          expect(witness.breaches).toEqual([])
        }),
        { numRuns: 150 },
      )
    },
    120_000,
  )

  test.each(Object.entries(policies))(
    'truthful: each shortest path to an end reports the true outcome: %s',
    (_, policy) => {
      for (const { state, steps } of shortestEnds({ policy })) {
        const sent = steps.slice(1).map(({ event }) => event as WorldEvent)
        const last = sent.at(-1)
        const { outcome, isByAnswer } = state.output ?? {}
        const expected =
          last?.type === 'disowned'
            ? ['released', false]
            : last?.type === 'missed'
              ? [state.context.isSent ? 'removed' : 'vanished', false]
              : ['removed', true]
        expect([outcome, isByAnswer]).toEqual(expected)
        if (outcome === 'removed') {
          // Some DELETE was out, by an admission after a verdict; none of it in a dry run.
          expect(policy.dryRun).toBeFalsy()
          expect(sent.map(({ type }) => type)).toContain('xstate.done.actor.removal')
          expect(sent.map(({ type }) => type)).toContain('admitted')
        }
      }
    },
  )

  test('the witness detects a slot that is not released, and a removal without a verdict', () => {
    const witness = new Witness({ hasHook: true })
    const [before, after] = [pure.initial(), pure.after([judged(verdicts.dangling), admitted])]
    witness.note(before, { type: 'request.sent' }, before, ['takeSlot', 'ask-removal'])
    witness.note(before, admitted, after, ['beginAttempt', 'endAttempt', 'emitStuck', 'emitStuck'])
    expect(witness.breaches.length).toBeGreaterThan(3)
  })
})

const dangling = judged(verdicts.dangling)
const removal = (answer: keyof typeof attemptAnswers) => answers('removal', attemptAnswers[answer])
const secondMs = 1000
const minuteMs = 60 * secondMs

/** Fails so many times; returns when each retry was due, and how often stuck was emitted by then. */
function failing(times: number, fail: readonly WorldEvent[]) {
  const life = running()
  life.send(dangling)
  const requests = () => life.did.filter((did) => did === 'requestScan').length
  const waits: number[] = []
  const stuck: number[] = []
  for (let failures = 1; failures <= times; failures++) {
    life.send(admitted, ...fail)
    expect(life.actor.getSnapshot().context.failures).toBe(failures)
    expect(life.did.filter((did) => did === 'emitRemoveFailed')).toHaveLength(failures)
    stuck.push(life.did.filter((did) => did === 'emitStuck').length)
    const [before, sinceMs] = [requests(), life.clock.now()]
    while (requests() === before && life.clock.now() - sinceMs < 3_600_000) life.clock.increment(500)
    waits.push(life.clock.now() - sinceMs)
    expect(life.state).toBe('removing.due')
    life.send(dangling)
    expect(life.state).toBe('classified.queuedAgain')
  }
  return { life, waits, stuck }
}

describe('eventually-removed: a removal that fails is retried with increasing backoff and never given up', () => {
  test('after 1, 5 and 30 s, 2, 4, 8 and 15 minutes; stuck is emitted once, after four', () => {
    const { waits, stuck } = failing(9, [removal('refused')])
    const minutes = [2, 4, 8, 15, 15, 15].map((count) => count * minuteMs)
    expect(waits).toEqual([1000, 5000, 30_000, ...minutes])
    expect(stuck).toEqual([0, 0, 0, 1, 1, 1, 1, 1, 1])
  })

  test('a container whose removal is already in progress is reported stuck only after six', () => {
    const { stuck } = failing(7, [removal('in progress'), dangling])
    expect(stuck).toEqual([0, 0, 0, 0, 0, 1, 1])
  })

  test('another dangling verdict neither ends the wait nor extends it', () => {
    const life = running()
    life.send(dangling, admitted, removal('refused'))
    life.clock.increment(900)
    life.send(dangling, dangling)
    expect(life.state).toBe('removing.backingOff.quick')
    life.clock.increment(100)
    expect(life.state).toBe('removing.due')
  })

  test.each([
    ['tracked', verdicts.tracked, 1, 0],
    ['spared', verdicts.spared, 2, 4],
  ])(
    'after it was %s stuck may be emitted again, at the count that is its own',
    (_, verdict, emitted, failures) => {
      const { life } = failing(4, [removal('refused')])
      life.send(judged(verdict))
      expect(life.actor.getSnapshot().context).toMatchObject({ failures, isStuck: false })
      life.send(dangling, admitted, removal('refused'))
      expect(life.did.filter((did) => did === 'emitStuck')).toHaveLength(emitted)
    },
  )

  test('a grace in between does not reset the failures', () => {
    const { life } = failing(2, [removal('refused')])
    life.send(judged(verdicts.graced), dangling)
    expect(life.state).toBe('classified.queuedAgain')
  })
})

describe('eventually-removed: a waiting container requests one scan when it is due', () => {
  const scansAfter = (sent: readonly WorldEvent[], ms: number, setting = {}) => {
    const life = running(setting)
    life.send(...sent)
    life.clock.increment(ms)
    return life.did.filter((did) => did === 'requestScan').length
  }

  test.each<[string, readonly WorldEvent[], number, object?]>([
    [
      'a grace, from the verdict on',
      [judged({ ...verdicts.graced, endsAtMs: 90_000 }, { atMs: 30_000 })],
      60_000,
    ],
    [
      'a grace that was found to be longer',
      [judged({ ...verdicts.graced, endsAtMs: 10_000 }), judged({ ...verdicts.graced, endsAtMs: 60_000 })],
      60_000,
    ],
    ['a grace that is over when it is judged', [judged({ ...verdicts.graced, endsAtMs: 5 }, { atMs: 9 })], 0],
    [
      'what is unknown',
      [judged({ verdict: 'spared', reason: 'image-unknown' }, { recheckMs: 60_000 })],
      60_000,
    ],
    [
      'a refusal of the hook',
      [dangling, admitted, answers('hook', hookAnswers.refused)],
      300_000,
      { policy: { hasHook: true } },
    ],
    ['a fault of ours', [dangling, admitted, events['removal throws'] as WorldEvent], 60_000],
  ])('%s', (_, sent, ms, setting) => {
    if (ms > 0) expect(scansAfter(sent, ms - 1, setting)).toBe(0)
    expect(scansAfter(sent, ms, setting)).toBe(1)
    expect(scansAfter(sent, ms + 3_600_000, setting)).toBe(1)
  })

  test('an endless grace sets no timer longer than a timer can wait', () => {
    const life = running()
    life.send(judged({ ...verdicts.graced, endsAtMs: Infinity }))
    life.clock.increment(2 ** 30 - 1)
    expect(life.state).toBe('graced.waiting')
    life.clock.increment(1)
    expect(life.state).toBe('graced.due')
  })

  test('one that is spared for good, tracked, withheld or queued requests none', () => {
    for (const verdict of [verdicts.spared, verdicts.tracked, verdicts.dangling])
      expect(scansAfter([judged(verdict)], 86_400_000)).toBe(0)
    expect(scansAfter([dangling], 86_400_000, { policy: { dryRun: true } })).toBe(0)
  })

  test('no-head-of-line: an attempt keeps its slot for 5 s, whatever it requests meanwhile', () => {
    const life = running({ policy: { hasHook: true, stopsGracefully: true } })
    life.send(dangling, admitted)
    life.clock.increment(2500)
    life.send(answers('hook', hookAnswers.approved))
    life.clock.increment(2499)
    expect(life.state).toBe('stopping+taken')
    life.clock.increment(1)
    expect(life.state).toBe('stopping+overdue')
    life.send(answers('stop', attemptAnswers.done), removal('done'))
    expect(life.did.filter((did) => did === 'releaseSlot')).toHaveLength(1)
  })
})
