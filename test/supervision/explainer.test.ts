import { expect, test } from 'vitest'

import { explain, type Past } from '../../src/supervision/explainer.ts'
import { createImageLabels } from '../../src/supervision/images.ts'
import type { Known } from '../../src/supervision/known.ts'
import { createNetworkModes } from '../../src/supervision/networks.ts'
import { createSurveyor } from '../../src/supervision/survey.ts'
import { VerdictWindow } from '../../src/supervision/verdict-window.ts'
import { AwakeClock } from '../../src/awake.ts'
import { ownedByLabel } from '../../src/owner.ts'
import { createTracker } from '../../src/tracker.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { createFakeEngine, ownerLabel, ownerValue } from '../support/fake-engine.ts'

test('the rules and the verdict rest on the same evidence, whatever a look finds out meanwhile', async () => {
  const clock = createFakeClock()
  const engine = createFakeEngine(clock)
  const { id } = engine.add({ ageMs: 600_000 })
  const surveyor = createSurveyor({
    clock,
    ownership: ownedByLabel({ label: ownerLabel, value: ownerValue }),
    policy: { keepLabel: 'flotsam.keep', states: new Set(['running']) },
    tracker: createTracker(new Set(), clock, 5000),
    images: createImageLabels(engine, clock, 10_000),
    networks: createNetworkModes(engine, 10_000),
    isSelf: () => false,
    maxDanglingShare: undefined,
  })
  const nowMs = 1000
  let readings = 0
  const known = {
    creationGraceEndsMs: 0,
    // from the second reading on, the agent has just let go of it
    get releaseGraceEndsMs() {
      return readings++ === 0 ? undefined : nowMs + 30_000
    },
  } as unknown as Known
  const awake = new AwakeClock({ clock, stallMs: 3000, onStall: () => {} })
  const past: Past = {
    memory: new Map([[id, known]]),
    window: new VerdictWindow(clock, awake, 30_000),
    restoreEndsMs: 0,
    nowMs,
  }
  const { signal } = new AbortController()
  const explaining = explain(id, { surveyor, engine, creationGraceMs: 10_000, signal, past })
  await clock.settle()
  const { rules, verdict, reason } = await explaining
  const first = rules.find((rule) => rule.verdict !== null)
  expect({ verdict, reason }).toEqual(first?.verdict)
  expect(verdict).toBe('dangling')
})
