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
const judged: Judged = { container, answer: 'tracked', verdict: tracked }
const answered: Answered = {
  number: 2,
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
  known.judged = judged
  return { known, memory, standing: sightings.standingAt(answered) }
}

describe('what the look before judged stands only for what is tracked as it was', () => {
  test('listed and tracked as before: it is the same judgement', () => {
    expect(afterOneLook().standing(container, 'tracked')).toBe(judged)
  })

  test.each<TrackerAnswer>(['untracked', 'tracker-unknown', 'tracker-failed', 'tracker-timed-out'])(
    'the agent answers %s: it is judged',
    (answer) => {
      expect(afterOneLook().standing(container, answer)).toBeUndefined()
    },
  )

  test.each<[string, ContainerSummary]>([
    ['something of it has changed', { ...container, state: 'exited' }],
    ['it is listed in the same words by another listing', { ...container }],
  ])('%s: it is judged', (_what, listed) => {
    expect(afterOneLook().standing(listed, 'tracked')).toBeUndefined()
  })

  test.each<[string, Partial<Known>]>([
    ['its verdict has changed since', { verdict: { verdict: 'spared', reason: 'tracker-failed' } }],
    ['it was not tracked at the look before', { judged: undefined }],
  ])('%s: it is judged', (_what, changed) => {
    const { known, standing } = afterOneLook()
    Object.assign(known, changed)
    expect(standing(container, 'tracked')).toBeUndefined()
  })

  test('it is not known any more: it is judged', () => {
    const { memory, standing } = afterOneLook()
    memory.clear()
    expect(standing(container, 'tracked')).toBeUndefined()
  })

  test('a removal of ours that may have ended it is forgotten, as it is where it is judged', () => {
    const { known, standing } = afterOneLook()
    Object.assign(known, { endedByUs: true, hasHadItsTime: true, releaseGraceEndsMs: 5 })
    standing(container, 'tracked')
    expect(known).toMatchObject({ endedByUs: false, hasHadItsTime: false, releaseGraceEndsMs: undefined })
  })
})
