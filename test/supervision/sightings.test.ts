import { describe, expect, test } from 'vitest'

import { AwakeClock } from '../../src/awake.ts'
import type { ContainerSummary } from '../../src/engine/port.ts'
import type { ContainerId } from '../../src/ids.ts'
import type { TrackerAnswer, Verdict } from '../../src/judge.ts'
import type { Known } from '../../src/supervision/known.ts'
import { LeftOut } from '../../src/supervision/left-out.ts'
import { type Answered, Sightings } from '../../src/supervision/sightings.ts'
import type { Judged } from '../../src/supervision/survey.ts'
import { VerdictWindow } from '../../src/supervision/verdict-window.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { summary } from '../support/summary.ts'

const container = summary({ name: 'web' })
const tracked: Verdict = { verdict: 'tracked', reason: 'tracked' }
const dangling: Verdict = { verdict: 'dangling', reason: 'untracked', endedGuests: [] }
const judged: Judged = { container, answer: 'tracked', verdict: tracked }
const answered: Answered = {
  number: 1,
  listing: { containers: [container], engineNowMs: undefined, bytes: 0 },
  answeredMs: 0,
  beganAwakeMs: 0,
  seenAwakeMs: 0,
  missedBeforeMs: 0,
  missedMs: 0,
  durationMs: 0,
  engineOffsetMs: undefined,
}

/** A container that the first look judged to be tracked. */
function afterOneLook() {
  const clock = createFakeClock()
  const memory = new Map<ContainerId, Known>()
  const awake = new AwakeClock({ clock, stallMs: 3000, onStall: () => undefined })
  const sightings = new Sightings({
    memory,
    leftOut: new LeftOut(),
    window: new VerdictWindow(clock, awake, 30_000),
    report: () => undefined,
    graces: { creationMs: 1000, restoreMs: 1000, releaseMs: 1000 },
  })
  sightings.historiesAt(answered)(container, 'tracked')
  const known = memory.get(container.id) as Known
  known.verdict = tracked
  known.judgedTracked = judged
  return { known, memory, stillTracked: sightings.stillTrackedAt({ ...answered, number: 2 }) }
}

describe('only what is tracked as it was is not judged again', () => {
  test('listed and tracked as before: it is the same judgement', () => {
    expect(afterOneLook().stillTracked(container, 'tracked')).toBe(judged)
  })

  test.each<TrackerAnswer>(['untracked', 'tracker-unknown', 'tracker-failed', 'tracker-timed-out'])(
    'the agent answers %s: it is judged',
    (answer) => {
      expect(afterOneLook().stillTracked(container, answer)).toBeUndefined()
    },
  )

  test.each<[string, ContainerSummary]>([
    ['something of it has changed', { ...container, state: 'exited' }],
    ['it is listed in the same words by another listing', { ...container }],
  ])('%s: it is judged', (_what, listed) => {
    expect(afterOneLook().stillTracked(listed, 'tracked')).toBeUndefined()
  })

  test.each<[string, Partial<Known>]>([
    ['it was not tracked when it was judged', { judgedTracked: undefined }],
    [
      'it was called dangling when it was judged, and the agent has adopted it since',
      { judgedTracked: { container, answer: 'untracked', verdict: dangling } },
    ],
  ])('%s: it is judged', (_what, changed) => {
    const { known, stillTracked } = afterOneLook()
    Object.assign(known, changed)
    expect(stillTracked(container, 'tracked')).toBeUndefined()
  })

  test('it is not known any more: it is judged', () => {
    const { memory, stillTracked } = afterOneLook()
    memory.clear()
    expect(stillTracked(container, 'tracked')).toBeUndefined()
  })

  test('a removal of ours that may have ended it is forgotten, as it is where it is judged', () => {
    const { known, stillTracked } = afterOneLook()
    Object.assign(known, { endedByUs: true, hasHadItsTime: true, releaseGraceEndsMs: 5 })
    stillTracked(container, 'tracked')
    expect(known).toMatchObject({ endedByUs: false, hasHadItsTime: false, releaseGraceEndsMs: undefined })
  })

  test('it is remembered as it is listed now, whatever a look that failed half way has seen of it', () => {
    const { known, stillTracked } = afterOneLook()
    known.summary = { ...container, state: 'paused' }
    stillTracked(container, 'tracked')
    expect(known.summary).toBe(container)
  })
})
