import type { ContainerSummary, WatchingEngine } from '../engine/port.ts'
import { OptionError } from '../errors.ts'
import { explainForeign, explainOwned, type Explanation } from '../explain.ts'
import { parseContainerId, type ContainerId } from '../ids.ts'
import { see } from './glance.ts'
import type { Known } from './known.ts'
import { inquire, judgeAll, type Sight, type Surveyor } from './survey.ts'
import type { VerdictWindow } from './verdict-window.ts'

export interface ExplainerOptions {
  readonly surveyor: Surveyor
  readonly engine: WatchingEngine
  readonly creationGraceMs: number
  readonly signal: AbortSignal
  /** What a reconciler that runs knows of the past; undefined where there is none. */
  readonly past: Past | undefined
}

export interface Past {
  readonly memory: ReadonlyMap<ContainerId, Known>
  readonly window: VerdictWindow
  readonly restoreEndsMs: number | undefined
  readonly nowMs: number
}

/**
 * Explains one container by a listing of its own; changes nothing, and no actor hears of it.
 *
 * @throws OptionError where the engine lists no such container, or several
 */
export async function explain(called: string, options: ExplainerOptions): Promise<Explanation> {
  const { surveyor } = options
  const sight = withPast(await see(options), options.past)
  const { id } = theOne(called, sight.listing.containers)
  const inquiry = await inquire(surveyor, sight)
  const index = inquiry.owned.findIndex((one) => one.id === id)
  const evidence = inquiry.evidenceOn(index)
  const container = sight.listing.containers.find((one) => one.id === id) as ContainerSummary
  const seen = surveyor.ownership.seen(container)
  if (!evidence) return explainForeign(container, seen)
  const judged = await judgeAll(surveyor, sight, {
    owned: inquiry.owned,
    stillTracked: () => undefined,
    // What is told and what is judged rest on the same, whatever a look finds out meanwhile.
    evidenceOn: (at) => (at === index ? evidence : inquiry.evidenceOn(at)),
  })
  const verdict = judged.find((one) => one.container.id === id)?.verdict
  if (!verdict) throw new Error('unreachable: every case is judged')
  return explainOwned(evidence, seen, verdict)
}

function withPast(sight: Sight, past: Past | undefined): Sight {
  if (!past) return sight
  const { memory, nowMs, restoreEndsMs, window } = past
  return {
    ...sight,
    lookBeganMs: nowMs,
    historyOf: (container, answer) => {
      const known = memory.get(container.id)
      const fresh = sight.historyOf(container, answer)
      return {
        graceEnds: {
          creationMs: known?.creationGraceEndsMs ?? nowMs + fresh.graceEnds.creationMs,
          restoreMs: restoreEndsMs,
          releaseMs: known?.releaseGraceEndsMs,
          recoveryMs: window.recoveryEndsMs,
        },
        endedByUs: known?.endedByUs ?? false,
        hookRefusal: known?.hookRefusal?.reason,
      }
    },
  }
}

/** The one container that a full id, an unambiguous start of one, or a name calls. */
function theOne(called: string, containers: readonly ContainerSummary[]): ContainerSummary {
  const name = called.replace(/^\//, '')
  const exact = containers.find(({ id, names }) => id === called || names.includes(name))
  if (exact) return exact
  const found =
    parseContainerId(called) || called === '' ? [] : containers.filter(({ id }) => id.startsWith(called))
  if (found[0] && found.length === 1) return found[0]
  const why =
    found.length > 1
      ? `${found.length} containers have an id that starts so`
      : 'the engine lists no such container'
  throw new OptionError(
    'container',
    `container ${JSON.stringify(called)}: ${why}; give a full id, the start of one, or a name`,
  )
}
