import { describe, expect, it } from 'vitest'
import { type Account, summarize } from '../../../src/cli/demo/account.ts'
import type { Evidence } from '../../../src/cli/demo/stage.ts'

const lost = 'a'.repeat(64)
const kept = 'b'.repeat(64)
const stranger = 'c'.repeat(64)

const account: Account = {
  leaks: [{ name: 'job-1', how: 'its answer was lost', atMs: 100.4 }],
  survivors: [{ id: kept, name: 'web-1', why: 'tracked' }],
  removals: [{ id: lost, name: 'job-1', atMs: 3200.6 }],
  outages: [{ lastedMs: 2000, failedScans: 4 }],
  outageLines: [
    { level: 'warn', event: 'engineDown', message: 'down' },
    { level: 'info', event: 'engineUp', message: 'up' },
  ],
  durationMs: 9000,
}

const evidence: Evidence = {
  source: 'the log',
  removed: [lost],
  requested: new Set([lost]),
  living: new Set([kept]),
  bystanders: new Set([stranger]),
}

function mismatches(change: Partial<Account>, other: Partial<Evidence> = {}): readonly string[] {
  return summarize('an engine', { ...account, ...change }, { ...evidence, ...other }).check.mismatches
}

describe('the account', () => {
  it('passes when Flotsam and the engine agree', () => {
    expect(summarize('an engine', account, evidence)).toEqual({
      ok: true,
      engine: 'an engine',
      durationMs: 9000,
      leaked: [{ name: 'job-1', id: lost, how: 'its answer was lost', leakedAtMs: 100, removedAtMs: 3201 }],
      removed: [lost],
      spared: [{ id: kept, name: 'web-1', why: 'tracked' }],
      outage: { lastedMs: 2000, failedScans: 4, logLines: 2 },
      check: { source: 'the log', mismatches: [] },
    })
  })

  it('fails on any mismatch', () => {
    expect(summarize('an engine', account, { ...evidence, removed: [] }).ok).toBe(false)
  })

  const [down, up] = account.outageLines as [Account['outageLines'][0], Account['outageLines'][0]]
  const [removal] = account.removals as [Account['removals'][0]]
  const cases: readonly (readonly [string, Partial<Account>, Partial<Evidence>, readonly string[]])[] = [
    [
      'a removal that the engine does not know',
      {},
      { removed: [] },
      ['Flotsam reported that it removed job-1, which the log does not show'],
    ],
    [
      'a removal that Flotsam did not report',
      {},
      { removed: [lost, stranger] },
      ['the log shows a removal of cccccccccccc that Flotsam did not report'],
    ],
    [
      'the same removal twice',
      {},
      { removed: [lost, lost] },
      ['the log shows more than one removal of job-1'],
    ],
    [
      'the same removal reported twice',
      { removals: [removal, removal] },
      {},
      ['Flotsam reported one removal more than once'],
    ],
    [
      'a requested removal of a foreign container',
      {},
      { requested: new Set([lost, stranger]) },
      ['a removal of cccccccccccc was requested, although it had not leaked'],
    ],
    [
      'a removed container that is still there',
      {},
      { living: new Set([kept, lost]) },
      ['job-1 was removed and is still there', 'aaaaaaaaaaaa is still there, and no agent tracks it'],
    ],
    [
      'a removed container that predates the demo',
      {},
      { bystanders: new Set([lost]) },
      ['job-1 was removed, although it existed before the demo'],
    ],
    [
      'a spared one that is gone',
      {},
      { living: new Set() },
      ['web-1 is gone, although it should have been spared'],
    ],
    [
      'a spared container whose removal was requested',
      {},
      { requested: new Set([lost, kept]) },
      [
        'a removal of bbbbbbbbbbbb was requested, although it had not leaked',
        'the removal of web-1 was requested, although it should have been spared',
      ],
    ],
    [
      'a leak that stays',
      { removals: [] },
      { removed: [], requested: new Set() },
      ['job-1 leaked and was not removed'],
    ],
    [
      'a removal of what had not leaked',
      { leaks: [] },
      {},
      ['job-1 was removed, although it had not leaked'],
    ],
    [
      'an outage reported twice',
      { outageLines: [down, down, up] },
      {},
      ['one outage caused 2 engineDown lines, 1 engineUp lines and 1 engineUp events'],
    ],
    [
      'an outage whose end is not reported',
      { outageLines: [down], outages: [] },
      {},
      ['one outage caused 1 engineDown lines, 0 engineUp lines and 0 engineUp events'],
    ],
  ]

  it.each(cases)('finds %s', (_title, change, other, found) => {
    expect(mismatches(change, other)).toEqual(found)
  })
})
