import { expect, test } from 'vitest'
import type { Fleet } from '../../src/containers/fleet.ts'
import { RecentlyGone } from '../../src/containers/recently-gone.ts'
import { ownedByLabel } from '../../src/policy/ownership.ts'
import { evidenceSources } from '../../src/scanning/evidence.ts'
import { Graces } from '../../src/scanning/graces.ts'
import { createImageLabels } from '../../src/scanning/images.ts'
import { createNamespaceFacts } from '../../src/scanning/namespace-facts.ts'
import { Sessions } from '../../src/scanning/sessions.ts'
import { createTracker } from '../../src/scanning/tracker.ts'
import { explain, type Past } from '../../src/supervision/explainer.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { createFakeEngine, ownerLabel, ownerValue } from '../support/fake-engine.ts'
import { noSelf } from '../support/self-tests.ts'

test('the rules and the verdict rest on the same evidence, whatever a scan finds meanwhile', async () => {
  const clock = createFakeClock()
  const engine = createFakeEngine(clock)
  const { id } = engine.add({ ageMs: 600_000 })
  const sources = evidenceSources({
    clock,
    ownership: ownedByLabel({ label: ownerLabel, value: ownerValue }),
    policy: { keepLabel: 'flotsam.keep', states: new Set(['running']), orchestrated: false },
    tracker: createTracker(new Set(), clock, 5000),
    images: createImageLabels({ engine, clock, deadlineMs: 10_000, marks: [ownerLabel] }),
    engine,
    namespaces: createNamespaceFacts(engine, clock, 10_000),
    self: noSelf,
    maxDanglingShare: undefined,
  })
  const nowMs = 1000
  let readings = 0
  const known = {
    id,
    creationGraceEndsMs: 0,
    // from the second reading on, the agent has just stopped tracking it
    get releaseGraceEndsMs() {
      return readings++ === 0 ? undefined : nowMs + 30_000
    },
  }
  const fleet = { get: (asked: string) => (asked === id ? known : undefined) } as unknown as Fleet
  const graces = new Graces({
    fleet,
    recentlyGone: new RecentlyGone(),
    creationGraceMs: 10_000,
    restoreGraceMs: 0,
    releaseGraceMs: 30_000,
    recoveryEndsMs: () => undefined,
  })
  const sessions = new Sessions({ sessionGraceMs: 60_000, ownId: undefined })
  const past: Past = { fleet, graces, sessions, nowMs }
  const { signal } = new AbortController()
  const explaining = explain(id, {
    sources,
    engine,
    creationGraceMs: 10_000,
    sessionGraceMs: 60_000,
    signal,
    past,
  })
  await clock.settle()
  const { rules, verdict, reason } = await explaining
  const first = rules.find((rule) => rule.verdict !== null)
  expect({ verdict, reason }).toEqual(first?.verdict)
  expect(verdict).toBe('dangling')
})
