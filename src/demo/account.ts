import type { LogLine, OutageEnd, Removal } from './ledger.ts'
import type { Evidence } from './stage.ts'

/** A container that the agent lost, as the story knows it. */
export interface Leak {
  readonly name: string
  readonly how: string
  /** When the agent lost it, in milliseconds since the demo began. */
  readonly atMs: number
}

/** A container that has to outlive the account, and why. */
export interface Survivor {
  readonly id: string
  readonly name: string
  readonly why: string
}

/** All that the story and Flotsam say, before it is held against the engine. */
export interface Account {
  readonly leaks: readonly Leak[]
  readonly survivors: readonly Survivor[]
  readonly removals: readonly Removal[]
  readonly outages: readonly OutageEnd[]
  readonly outageLines: readonly LogLine[]
  readonly durationMs: number
}

/** How it all ended, as `--json` prints it. Times are milliseconds since the demo began. */
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

/** Draws up the account and holds it against what the engine itself knows. Pure. */
export function readOwnedSet(engine: string, account: Account, evidence: Evidence): Summary {
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
  { removed, asked, living, bystanders, source }: Evidence,
): string[] {
  const reported = new Map(removals.map(({ id, name }) => [id, name]))
  const confirmed = new Set(removed)
  return [
    ...removals
      .filter(({ id }) => !confirmed.has(id))
      .map(({ name }) => `Flotsam says that it removed ${name}, and ${source} knows nothing of it`),
    ...[...confirmed]
      .filter((id) => !reported.has(id))
      .map((id) => `${source} has a removal of ${id.slice(0, 12)} that Flotsam did not report`),
    ...removed
      .filter((id, index) => removed.indexOf(id) !== index)
      .map((id) => `${source} has more than one removal of ${reported.get(id) ?? id.slice(0, 12)}`),
    ...(removals.length === reported.size ? [] : ['Flotsam reported one removal more than once']),
    ...[...asked]
      .filter((id) => !reported.has(id))
      .map((id) => `a removal of ${id.slice(0, 12)} was requested, although it was not lost`),
    ...removals
      .filter(({ id }) => living.has(id))
      .map(({ name }) => `${name} was removed and is still there`),
    ...removals
      .filter(({ id }) => bystanders.has(id))
      .map(({ name }) => `${name} was removed, and had been there before the demo`),
  ]
}

function survivorMismatches({ survivors }: Account, { living, asked }: Evidence): string[] {
  const known = new Set(survivors.map(({ id }) => id))
  return [
    ...survivors
      .filter(({ id }) => !living.has(id))
      .map(({ name }) => `${name} was to be spared and is gone`),
    ...survivors
      .filter(({ id }) => asked.has(id))
      .map(({ name }) => `${name} was to be spared, and its removal was asked for`),
    ...[...living]
      .filter((id) => !known.has(id))
      .map((id) => `${id.slice(0, 12)} is left, and no agent tracks it`),
  ]
}

function leakMismatches({ leaks, removals }: Account): string[] {
  const leaked = new Set(leaks.map(({ name }) => name))
  const removed = new Set(removals.map(({ name }) => name))
  return [
    ...leaks.filter(({ name }) => !removed.has(name)).map(({ name }) => `${name} leaked and was not removed`),
    ...removals
      .filter(({ name }) => !leaked.has(name))
      .map(({ name }) => `${name} was removed and had not leaked`),
  ]
}

/** One line when the engine goes and one when it is back, however many scans fail in between. */
function outageMismatches({ outageLines, outages }: Account): string[] {
  const count = (event: string) => outageLines.filter((line) => line.event === event).length
  const down = count('engineDown')
  const up = count('engineUp')
  return down === 1 && up === 1 && outages.length === 1
    ? []
    : [
        `one outage was reported in ${down} lines that it began and ${up} that it ended, and in ${outages.length} events`,
      ]
}
