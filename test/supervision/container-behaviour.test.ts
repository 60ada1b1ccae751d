import { describe, expect, test } from 'vitest'
import { createActor } from 'xstate'
import type { ContainerPolicy } from '../../machines/container.machine.ts'
import type { SupervisorEvent } from '../../machines/supervisor.machine.ts'
import type { AttemptAnswer } from '../../machines/types.ts'
import { RemovalQueue } from '../../src/containers/removal-queue.ts'
import type { UnstampedEvent } from '../../src/domain/events.ts'
import type { Verdict } from '../../src/domain/verdict.ts'
import { noGuests } from '../../src/policy/namespaces.ts'
import type { Attempts } from '../../src/removing/attempt.ts'
import { containerBehaviour } from '../../src/supervision/container-behaviour.ts'
import { admitted, recordOf } from '../machines/support/container-chart.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { fakeId } from '../support/fake-engine.ts'
import { summary } from '../support/summary.ts'

const dangling: Verdict = { verdict: 'dangling', reason: 'untracked', endedGuests: noGuests }
const who = { id: fakeId(1), name: 'web', image: 'nginx:1' }

const record = recordOf({ listed: summary({ name: 'web', image: 'nginx:1' }) })

/** One container's actor with its real effects and their recipients. */
function life(answer: () => Promise<AttemptAnswer> = () => new Promise(() => {}), dryRun = false) {
  const clock = createFakeClock()
  const queue = new RemovalQueue(clock, { maxConcurrent: 1, maxPerScan: 1 })
  const reports: UnstampedEvent[] = []
  const reported: SupervisorEvent[] = []
  const noted: string[] = []
  const attempts = {
    askHook: answer,
    stopGracefully: answer,
    unpause: answer,
    remove: answer,
  } as never as Attempts
  const machine = containerBehaviour({
    attempts: dryRun ? undefined : attempts,
    clock,
    queue,
    dryRun,
    isScanRequested: () => false,
    emit: (event) => reports.push(event),
    toSupervisor: (event) => reported.push(event),
    fleet: {
      noteFailing: (id) => noted.push(`failing ${id.slice(0, 2)}`),
      noteFault: (id, message) => noted.push(`fault ${id.slice(0, 2)} ${message}`),
      noteWell: (id) => noted.push(`well ${id.slice(0, 2)}`),
    },
  })
  const policy: ContainerPolicy = {
    dryRun,
    hasHook: false,
    stopsGracefully: false,
    creationGraceMs: 0,
    releaseGraceMs: 0,
  }
  const actor = createActor(machine, { clock, input: { id: fakeId(1), policy, record } })
  actor.start()
  const judge = (...verdicts: readonly Verdict[]) => {
    for (const verdict of verdicts)
      actor.send({ type: 'judged', judgement: { verdict, atMs: 0, scan: 1, recheckMs: undefined } })
  }
  return { actor, clock, judge, noted, queue, reports, reported }
}

describe('one-line-per-change: a verdict is reported when it differs', () => {
  test('the first one, and each with another verdict or reason', () => {
    const { judge, reports } = life()
    judge(
      { verdict: 'graced', reason: 'creation-grace', endsAtMs: 1 },
      { verdict: 'graced', reason: 'creation-grace', endsAtMs: 2 },
      { verdict: 'graced', reason: 'restore-grace', endsAtMs: 3 },
      dangling,
      { ...dangling, endedGuests: () => [summary({ id: fakeId(2) })] },
    )
    expect(reports.map((event) => 'reason' in event && event.reason)).toEqual([
      'creation-grace',
      'restore-grace',
      'untracked',
    ])
  })

  test('spared is an event of its own as well', () => {
    const { judge, reports } = life(undefined, true)
    judge({ verdict: 'spared', reason: 'keep-label' }, { verdict: 'spared', reason: 'self' })
    expect(reports).toEqual([
      { type: 'classified', ...who, verdict: 'spared', reason: 'keep-label', dryRun: true },
      { type: 'spared', ...who, reason: 'keep-label' },
      { type: 'classified', ...who, verdict: 'spared', reason: 'self', dryRun: true },
      { type: 'spared', ...who, reason: 'self' },
    ])
  })
})

describe('a failed removal', () => {
  const failing = (kind: string, answer: 'failed' | 'unsettled' = 'failed') => {
    const failure = { kind, message: 'busy' }
    return () => Promise.resolve({ answer, isOurs: false, failure, stop: undefined } as AttemptAnswer)
  }

  test('is reported with its next attempt, counted by the supervisor, and releases its slot', async () => {
    const { actor, clock, judge, noted, queue, reports, reported } = life(failing('refused'))
    judge(dangling)
    expect(queue.admitNext()).toBe(fakeId(1))
    actor.send(admitted)
    expect([queue.inFlightCount, queue.admitNext()]).toEqual([1, undefined])
    await clock.settle()
    expect(reports.at(-1)).toEqual({
      type: 'removeFailed',
      ...who,
      kind: 'refused',
      message: 'busy',
      failures: 1,
      retryInMs: 1000,
    })
    expect(reported).toEqual([
      { type: 'removals.changed', inFlight: 1 },
      { type: 'degraded', about: 'removal', kind: 'refused', message: 'web: busy', atMs: clock.now() },
      { type: 'removals.changed', inFlight: 0 },
    ])
    expect(noted).toEqual([`failing ${fakeId(1).slice(0, 2)}`])
    await clock.advance(1000)
    expect(reported.at(-1)).toEqual({ type: 'scan.requested' })
    judge(dangling)
    // After all those that have not failed.
    queue.enqueue(fakeId(2), false)
    queue.startBatch()
    expect(queue.admitNext()).toBe(fakeId(2))
  })

  test('is not reported as a failure when another client is removing it', async () => {
    const { actor, clock, judge, noted, reports } = life(failing('in-progress', 'unsettled'))
    judge(dangling)
    actor.send(admitted)
    await clock.settle()
    judge(dangling)
    expect(actor.getSnapshot().context.failures).toBe(1)
    expect([reports.map(({ type }) => type), noted]).toEqual([['classified'], []])
  })

  test('an internal error is contained: the actor continues, and waits behind the others', async () => {
    const { actor, clock, judge, noted, queue } = life(() => Promise.reject(new TypeError('a fault of ours')))
    judge(dangling)
    actor.send(admitted)
    await clock.settle()
    expect(noted).toEqual([`fault ${fakeId(1).slice(0, 2)} a fault of ours`])
    judge(dangling)
    queue.enqueue(fakeId(2), false)
    expect(queue.admitNext()).toBe(fakeId(2))
  })
})

test('dry-run: no code path could remove, and nothing is queued', () => {
  const { actor, judge, queue } = life(undefined, true)
  judge(dangling)
  actor.send(admitted)
  expect([actor.getSnapshot().matches({ classified: 'withheld' }), queue.queued]).toEqual([true, 0])
})
