import type { Fleet } from '../containers/fleet.ts'
import type { ContainerSummary } from '../domain/container.ts'
import { ArgumentError } from '../domain/errors.ts'
import { parseContainerId } from '../domain/ids.ts'
import type { WatchingEngine } from '../engine/port.ts'
import { explainForeign, explainOwned, type Explanation } from '../policy/explain.ts'
import { inquire, judgeAll } from '../scanning/evidence.ts'
import type { Graces } from '../scanning/graces.ts'
import { withLastKnown } from '../scanning/last-known.ts'
import { type ScanContext, type EvidenceSources } from '../scanning/scan-context.ts'
import type { Sessions } from '../scanning/sessions.ts'
import { see } from '../scanning/stateless-scan.ts'

export interface ExplainerOptions {
  readonly sources: EvidenceSources
  readonly engine: WatchingEngine
  readonly creationGraceMs: number
  readonly sessionGraceMs: number
  readonly signal: AbortSignal
  /** The history that a running reconciler has recorded; undefined if none is running. */
  readonly past: Past | undefined
}

export interface Past {
  readonly fleet: Fleet
  readonly graces: Graces
  readonly sessions: Sessions
  readonly nowMs: number
}

/**
 * Explains the verdict on one container, based on a separate listing. Changes nothing and sends no events to actors.
 *
 * @throws ArgumentError if the engine lists no such container, or several
 */
export async function explain(called: string, options: ExplainerOptions): Promise<Explanation> {
  const sources = options.sources.aside()
  const seen = withPast(
    await see({ ...options, sources, hasHistory: options.past !== undefined }),
    options.past,
  )
  const { id } = theOne(called, seen.listing.containers)
  const context: ScanContext = {
    ...seen,
    // Only the container to explain is inspected.
    confirm: async (evidence) =>
      (evidence.container.id === id && (await seen.confirm?.(evidence))) || { evidence, failure: undefined },
  }
  const inquiry = await inquire(sources, context)
  const index = inquiry.owned.findIndex((one) => one.id === id)
  const evidence = inquiry.evidenceOn(index)
  const container = context.listing.containers.find((one) => one.id === id) as ContainerSummary
  const ownedBy = container.unreadable
    ? `its entry in the listing could not be read: ${container.unreadable}`
    : sources.ownership.seen(container)
  if (!evidence) return explainForeign(container, ownedBy)
  const judged = await judgeAll(sources, context, {
    ...inquiry,
    stillTracked: () => undefined,
    // The explanation and the verdict use the same evidence, even if a scan updates it in the meantime.
    evidenceOn: (at) => (at === index ? evidence : inquiry.evidenceOn(at)),
  })
  const verdict = judged.find((one) => one.container.id === id)?.verdict
  if (!verdict) throw new Error('unreachable: every case is judged')
  return explainOwned(evidence, ownedBy, verdict)
}

function withPast(context: ScanContext, past: Past | undefined): ScanContext {
  if (!past) return context
  const { fleet, graces, nowMs, sessions } = past
  return {
    ...context,
    listing: withLastKnown(context.listing, fleet),
    scanBeganMs: nowMs,
    noteLeases: (readings) => {
      const ofFirst = context.noteLeases?.(readings)
      return (id) => sessions.graceEndsMs(id) ?? nowMs + (ofFirst?.(id) ?? Infinity)
    },
    historyOf: (container, answer) => {
      const known = fleet.get(container.id)
      const history = graces.historyOf(known, nowMs)
      if (known) return history
      // A reconciler that has not seen the container yet would grant it the rest of the creation grace.
      const creationMs = nowMs + context.historyOf(container, answer).graceEnds.creationMs
      return { ...history, graceEnds: { ...history.graceEnds, creationMs } }
    },
  }
}

/** Finds a container by its full id, an unambiguous id prefix, or its name. */
function theOne(called: string, containers: readonly ContainerSummary[]): ContainerSummary {
  const name = called.replace(/^\//, '')
  const exact = containers.find(({ id, names }) => id === called || names.includes(name))
  if (exact) return exact
  const found =
    parseContainerId(called) || called === '' ? [] : containers.filter(({ id }) => id.startsWith(called))
  if (found[0] && found.length === 1) return found[0]
  const why =
    found.length > 1
      ? `${found.length} containers have an id with this prefix`
      : 'the engine lists no such container'
  throw new ArgumentError(
    `container ${JSON.stringify(called)}: ${why}; give a full id, an id prefix, or a name`,
  )
}
