import type { Fleet } from '../containers/fleet.ts'
import type { ContainerSummary } from '../domain/container.ts'
import { EngineError } from '../domain/errors.ts'
import type { ContainerId } from '../domain/ids.ts'
import { inBatches } from '../domain/slices.ts'
import type { Listing, WatchingEngine } from '../engine/port.ts'
import { inspectionsAtOnce } from './namespace-facts.ts'

/** Inspections of missing containers in one scan. */
const askedAtOnce = 64

const mayBeIt = 'an entry of the listing without an id may be this container'

/**
 * unknown-is-spared: lets an entry that cannot be read stand for what is known of its container, which thereby stays known and is
 * spared. If an entry does not even have an id, each known container that the listing does not show may be the one.
 */
export function withLastKnown(
  { containers, ...rest }: Listing,
  fleet: Pick<Fleet, 'get' | 'all'>,
  gone: ReadonlySet<ContainerId> = new Set(),
): Listing {
  const isRead = ({ unreadable }: ContainerSummary) => unreadable === undefined
  const known = containers.map((one) => (isRead(one) ? one : lastKnown(one, fleet)))
  // What follows from a listing is computed once for each array.
  const shown = known.every((one, at) => one === containers[at]) ? containers : known
  if (rest.unidentified === undefined) return { ...rest, containers: shown }
  const missing = missingFrom(containers, fleet).filter(({ id }) => !gone.has(id))
  return { ...rest, containers: [...shown, ...missing.map((one) => asUnreadable(one, mayBeIt))] }
}

function lastKnown(entry: ContainerSummary, fleet: Pick<Fleet, 'get'>): ContainerSummary {
  const listed = fleet.get(entry.id)?.listed
  return listed ? asUnreadable(listed, entry.unreadable) : entry
}

/** The same object for as long as nothing changes. */
function asUnreadable(listed: ContainerSummary, why: string | undefined): ContainerSummary {
  return listed.unreadable === why ? listed : { ...listed, unreadable: why }
}

function missingFrom(
  containers: readonly ContainerSummary[],
  fleet: Pick<Fleet, 'all'>,
): readonly ContainerSummary[] {
  const ids = new Set(containers.map(({ id }) => id))
  return [...fleet.all()].map(({ listed }) => listed).filter(({ id }) => !ids.has(id))
}

/**
 * truthful: finds out which containers that a listing does not show are gone, where it has entries without an id. Otherwise
 * nothing could ever be said to be gone beside such an entry. It inspects some of them in each scan, in turn.
 */
export class MissingContainers {
  readonly #engine: WatchingEngine
  readonly #fleet: Pick<Fleet, 'all'>
  readonly #deadlineMs: number
  #asked = new Set<ContainerId>()

  constructor(engine: WatchingEngine, fleet: Pick<Fleet, 'all'>, deadlineMs: number) {
    this.#engine = engine
    this.#fleet = fleet
    this.#deadlineMs = deadlineMs
  }

  async goneFrom(
    { containers, unidentified }: Listing,
    signal: AbortSignal,
  ): Promise<ReadonlySet<ContainerId>> {
    const gone = new Set<ContainerId>()
    if (unidentified === undefined) return gone
    const missing = missingFrom(containers, this.#fleet)
    const isNext = ({ id }: ContainerSummary) => !this.#asked.has(id)
    // When all had their turn, the turns begin again.
    if (!missing.some(isNext)) this.#asked = new Set()
    const next = missing.filter(isNext).slice(0, askedAtOnce)
    let isAnswering = true
    await inBatches(next, inspectionsAtOnce, signal, async ({ id }) => {
      // After one failure the engine may hang on every inspection.
      if (!isAnswering) return
      this.#asked.add(id)
      try {
        await this.#engine.shares(id, { deadlineMs: this.#deadlineMs, signal })
      } catch (thrown) {
        if (!(thrown instanceof EngineError)) throw thrown
        if (thrown.kind === 'gone') gone.add(id)
        else isAnswering = false
      }
    })
    return gone
  }
}
