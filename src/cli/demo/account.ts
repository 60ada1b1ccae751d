import { shortId } from '../../domain/ids.ts'
import type { LogLine, OutageEnd, Removal } from './ledger.ts'
import type { Evidence } from './stage.ts'

/** A container that the agent lost, as the story recorded it. */
export interface Leak {
  readonly name: string
  readonly how: string
  /** When the agent lost it, in milliseconds since the demo began. */
  readonly atMs: number
}

/** A container that must not be removed, and why. */
export interface Survivor {
  readonly id: string
  readonly name: string
  readonly why: string
}

/** What the story did and what Flotsam reported, before it is checked against the engine. */
export interface Account {
  readonly leaks: readonly Leak[]
  readonly survivors: readonly Survivor[]
  readonly removals: readonly Removal[]
  readonly outages: readonly OutageEnd[]
  readonly outageLines: readonly LogLine[]
  readonly durationMs: number
}

/** The result, as `--json` prints it. Times are in milliseconds since the demo began. */
export interface Summary {
  readonly ok: boolean
  readonly engine: string
  readonly durationMs: number
  readonly leaked: readonly {
    readonly name: string
    readonly id: string | null
    readonly how: string
    readonly leakedAtMs: number
    readonly removedAtMs: number | null
  }[]
  readonly removed: readonly string[]
  readonly spared: readonly { readonly name: string; readonly id: string; readonly why: string }[]
  readonly outage: { readonly lastedMs: number; readonly failedScans: number; readonly logLines: number }
  readonly check: { readonly source: string; readonly mismatches: readonly string[] }
}

/** Summarizes the account and checks it against the engine's own evidence. Pure. */
export function summarize(engine: string, account: Account, evidence: Evidence): Summary {
  const mismatches = [
    ...removalMismatches(account, evidence),
    ...survivorMismatches(account, evidence),
    ...leakMismatches(account),
    ...outageMismatches(account),
  ]
  const removalsByName = new Map(account.removals.map((removal) => [removal.name, removal]))
  return {
    ok: mismatches.length === 0,
    engine,
    durationMs: Math.round(account.durationMs),
    leaked: account.leaks.map(({ name, how, atMs }) => {
      const removal = removalsByName.get(name)
      const removedAtMs = removal ? Math.round(removal.atMs) : null
      return { name, id: removal?.id ?? null, how, leakedAtMs: Math.round(atMs), removedAtMs }
    }),
    removed: account.removals.map(({ id }) => id),
    spared: account.survivors.map(({ id, name, why }) => ({ name, id, why })),
    outage: {
      lastedMs: Math.round(account.outages.reduce((sum, { lastedMs }) => sum + lastedMs, 0)),
      failedScans: account.outages.reduce((sum, { failedScans }) => sum + failedScans, 0),
      logLines: account.outageLines.length,
    },
    check: { source: evidence.source, mismatches },
  }
}

function removalMismatches(
  { removals }: Account,
  { removed, requested, living, bystanders, source }: Evidence,
): string[] {
  const reported = new Map(removals.map(({ id, name }) => [id, name]))
  const confirmed = new Set(removed)
  return [
    ...removals
      .filter(({ id }) => !confirmed.has(id))
      .map(({ name }) => `Flotsam reported that it removed ${name}, which ${source} does not show`),
    ...[...confirmed]
      .filter((id) => !reported.has(id))
      .map((id) => `${source} shows a removal of ${shortId(id)} that Flotsam did not report`),
    ...removed
      .filter((id, index) => removed.indexOf(id) !== index)
      .map((id) => `${source} shows more than one removal of ${reported.get(id) ?? shortId(id)}`),
    ...(removals.length === reported.size ? [] : ['Flotsam reported one removal more than once']),
    ...[...requested]
      .filter((id) => !reported.has(id))
      .map((id) => `a removal of ${shortId(id)} was requested, although it had not leaked`),
    ...removals
      .filter(({ id }) => living.has(id))
      .map(({ name }) => `${name} was removed and is still there`),
    ...removals
      .filter(({ id }) => bystanders.has(id))
      .map(({ name }) => `${name} was removed, although it existed before the demo`),
  ]
}

function survivorMismatches({ survivors }: Account, { living, requested }: Evidence): string[] {
  const known = new Set(survivors.map(({ id }) => id))
  return [
    ...survivors
      .filter(({ id }) => !living.has(id))
      .map(({ name }) => `${name} is gone, although it should have been spared`),
    ...survivors
      .filter(({ id }) => requested.has(id))
      .map(({ name }) => `the removal of ${name} was requested, although it should have been spared`),
    ...[...living]
      .filter((id) => !known.has(id))
      .map((id) => `${shortId(id)} is still there, and no agent tracks it`),
  ]
}

function leakMismatches({ leaks, removals }: Account): string[] {
  const leaked = new Set(leaks.map(({ name }) => name))
  const removed = new Set(removals.map(({ name }) => name))
  return [
    ...leaks.filter(({ name }) => !removed.has(name)).map(({ name }) => `${name} leaked and was not removed`),
    ...removals
      .filter(({ name }) => !leaked.has(name))
      .map(({ name }) => `${name} was removed, although it had not leaked`),
  ]
}

/** An outage must cause one log line at its beginning and one at its end, however many scans fail. */
function outageMismatches({ outageLines, outages }: Account): string[] {
  const count = (event: string) => outageLines.filter((line) => line.event === event).length
  const down = count('engineDown')
  const up = count('engineUp')
  return down === 1 && up === 1 && outages.length === 1
    ? []
    : [
        `one outage caused ${down} engineDown lines, ${up} engineUp lines and ${outages.length} engineUp events`,
      ]
}
