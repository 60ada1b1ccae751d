import { expect, test } from 'vitest'
import { Settlement } from '../../src/cli/settlement.ts'
import { sweepReport } from '../../src/cli/sweep-report.ts'
import type { ReportedContainer, ScanReport } from '../../src/index.ts'

const id = 'a'.repeat(64)
const about = { id, name: 'one', image: 'busybox:test' }
const origin = { at: 1000, engine: 'unix:///run/docker.sock', owner: 'a=b' }
const found: ReportedContainer = {
  ...about,
  state: 'running',
  createdAt: 0,
  ageMs: 1000,
  verdict: 'dangling',
  reason: 'untracked',
}
const scan = (containers: readonly ReportedContainer[]): ScanReport => ({
  beganAt: 0,
  endedAt: 1,
  containers,
})
const settings = {
  isDryRun: false,
  graceMs: (reason: string) => (reason === 'creation-grace' ? 300_000 : 30_000),
}

test('what became graced during the sweep has at most a whole grace before it', () => {
  const settlement = new Settlement([found])
  settlement.receive({
    type: 'classified',
    ...about,
    ...origin,
    verdict: 'graced',
    reason: 'release-grace',
    dryRun: false,
  })
  expect(sweepReport(scan([found]), settlement, settings)).toMatchObject({
    removed: [],
    graced: [{ id, reason: 'release-grace', until: 31_000 }],
  })
})

test('a grace whose end is unknown has none', () => {
  const graced: ReportedContainer = { ...found, verdict: 'graced', reason: 'creation-grace' }
  expect(sweepReport(scan([graced]), new Settlement([]), settings).graced).toEqual([
    { id, reason: 'creation-grace' },
  ])
})

test('truthful: of an interrupted sweep only what was begun is unknown', () => {
  const other = { ...found, id: 'b'.repeat(64), name: 'two' }
  const settlement = new Settlement([found, other])
  expect(settlement.mayBegin(id)).toBe(true)
  expect(sweepReport(scan([found, other]), settlement, settings)).toMatchObject({
    removed: [],
    unknown: [id],
    failed: [{ id: other.id, error: 'its removal had not begun' }],
  })
})
