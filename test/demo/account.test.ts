import { describe, expect, it } from 'vitest'
import { type Account, readOwnedSet } from '../../src/demo/account.ts'
import type { Evidence } from '../../src/demo/stage.ts'

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
  asked: new Set([lost]),
  living: new Set([kept]),
  bystanders: new Set([stranger]),
}

function mismatches(change: Partial<Account>, other: Partial<Evidence> = {}): readonly string[] {
  return readOwnedSet('an engine', { ...account, ...change }, { ...evidence, ...other }).check.mismatches
}

describe('the account', () => {
  it('passes when Flotsam and the engine agree', () => {
    expect(readOwnedSet('an engine', account, evidence)).toEqual({
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
    expect(readOwnedSet('an engine', account, { ...evidence, removed: [] }).ok).toBe(false)
  })

  const [down, up] = account.outageLines as [Account['outageLines'][0], Account['outageLines'][0]]
  const [removal] = account.removals as [Account['removals'][0]]
  const cases: readonly (readonly [string, Partial<Account>, Partial<Evidence>, readonly string[]])[] = [
    [
      'a removal that the engine does not know',
      {},
      { removed: [] },
      ['Flotsam says that it removed job-1, and the log knows nothing of it'],
    ],
    [
      'a removal that Flotsam did not report',
      {},
      { removed: [lost, stranger] },
      ['the log has a removal of cccccccccccc that Flotsam did not report'],
    ],
    ['the same removal twice', {}, { removed: [lost, lost] }, ['the log has more than one removal of job-1']],
    [
      'the same removal reported twice',
      { removals: [removal, removal] },
      {},
      ['Flotsam reported one removal more than once'],
    ],
    [
      'a requested removal of a foreign container',
      {},
      { asked: new Set([lost, stranger]) },
      ['a removal of cccccccccccc was requested, although it was not lost'],
    ],
    [
      'a removed container that is still there',
      {},
      { living: new Set([kept, lost]) },
      ['job-1 was removed and is still there', 'aaaaaaaaaaaa is left, and no agent tracks it'],
    ],
    [
      'a removed container that predates the demo',
      {},
      { bystanders: new Set([lost]) },
      ['job-1 was removed, and had been there before the demo'],
    ],
    ['a spared one that is gone', {}, { living: new Set() }, ['web-1 was to be spared and is gone']],
    [
      'a spared container whose removal was requested',
      {},
      { asked: new Set([lost, kept]) },
      [
        'a removal of bbbbbbbbbbbb was requested, although it was not lost',
        'web-1 was to be spared, and its removal was asked for',
      ],
    ],
    [
      'a leak that stays',
      { removals: [] },
      { removed: [], asked: new Set() },
      ['job-1 leaked and was not removed'],
    ],
    ['a removal of what had not leaked', { leaks: [] }, {}, ['job-1 was removed and had not leaked']],
    [
      'an outage reported twice',
      { outageLines: [down, down, up] },
      {},
      ['one outage was reported in 2 lines that it began and 1 that it ended, and in 1 events'],
    ],
    [
      'an outage whose end is not reported',
      { outageLines: [down], outages: [] },
      {},
      ['one outage was reported in 1 lines that it began and 0 that it ended, and in 0 events'],
    ],
  ]

  it.each(cases)('finds %s', (_title, change, other, found) => {
    expect(mismatches(change, other)).toEqual(found)
  })
})
