import type { Failure } from '../../machines/failure-streaks.ts'
import type { Clock } from '../domain/clock.ts'
import type { ContainerSummary, Inspection, SharedNamespaces } from '../domain/container.ts'
import { EngineError } from '../domain/errors.ts'
import { type ContainerId, parseContainerId } from '../domain/ids.ts'
import type { ListingFault } from '../domain/verdict.ts'
import type { WatchingEngine } from '../engine/port.ts'
import { ListingFaults } from '../policy/listing-faults.ts'
import {
  hasEnded,
  holdersOf,
  isGuest,
  mayHaveJoined,
  type Sharer,
  type Sharing,
  sharingAmong,
} from '../policy/namespaces.ts'
import { failedAgain, type FailedQuestion, extendedDeadlineMs, untilNextMs } from './failed-questions.ts'

/** Guests that are remembered although the last listing does not show them; the oldest is forgotten first. */
const mostMissing = 4096

/** The maximum number of concurrent container inspections. */
export const inspectionsAtOnce = 8
/** The containers of a scan's second listing, each with the fault of its id, if any. */
export type ListedAgain = ReadonlyMap<ContainerId, ListingFault | undefined>

/** The known namespace use of one listing's containers. */
export interface NamespacesKnown {
  readonly sharing: Sharing
  /** Whether a container that could not be inspected may use this one's namespaces. */
  readonly mayBeNeeded: (container: ContainerSummary) => boolean
  /** The result of the second listing, if there was one. */
  readonly listedAgain: ListedAgain | undefined
  /** Why a container could not be inspected; undefined if all were inspected. */
  readonly failure: Failure | undefined
}

/**
 * Determines which namespaces and cgroups containers share. Listings omit most of it (pid, ipc and uts namespaces, cgroups,
 * and on Podman the network), but it never changes during a container's life. Each listed container, including foreign
 * ones, is therefore inspected once. Facts about missing containers are dropped, except for the latest guests.
 */
export interface NamespaceFacts {
  of(
    containers: readonly ContainerSummary[],
    signal: AbortSignal,
    /** Called with each inspection made. */
    noteInspection?: (inspection: Inspection) => void,
  ): Promise<NamespacesKnown>
  /** Called after an outage: failures during the outage are discarded. */
  engineIsBack(): void
  /** Milliseconds until a failed inspection may be repeated; undefined if none failed. */
  untilAskedAgainMs(): number | undefined
  /** Whether a container from an earlier listing depends on another one. */
  isGuest(id: ContainerId): boolean
  /** The facts known so far for a query beside the scans, which changes none and whose failures are not theirs. */
  aside(): NamespaceFacts
}

/** A container that could not be inspected. */
interface NotInspected extends FailedQuestion {
  readonly failure: Failure
  /** The container is probably still starting, so the failure is not reported. */
  readonly isStarting: boolean
}

/** For a container without dependencies, only that fact is kept. */
type Fact = SharedNamespaces | 'no-dependency'

export function createNamespaceFacts(
  engine: WatchingEngine,
  clock: Clock,
  deadlineMs: number,
  knownBefore: ReadonlyMap<ContainerId, Fact> = new Map(),
): NamespaceFacts {
  let known = knownBefore
  let failedQuestions = new Map<ContainerId, NotInspected>()

  return {
    async of(containers, signal, noteInspection = () => {}) {
      // Local to this listing, so that a concurrent query for another listing cannot drop a guest.
      const facts = new Map<ContainerId, Fact>()
      const unknown: ContainerSummary[] = []
      for (const container of containers) {
        const fact = known.get(container.id)
        if (fact) facts.set(container.id, fact)
        else unknown.push(container)
      }
      const nowMs = clock.now()
      const due = unknown.filter(({ id }) => (failedQuestions.get(id)?.untilMs ?? nowMs) <= nowMs)
      // Previously failed inspections come last, so that they do not delay the others.
      due.sort((one, other) => Number(failedQuestions.has(one.id)) - Number(failedQuestions.has(other.id)))
      const failures = new Map<ContainerId, Failure>()
      const names = new Map<ContainerId, string>()
      const gone = new Set<ContainerSummary>()
      const deadlineOf = (id: ContainerId) => extendedDeadlineMs(deadlineMs, failedQuestions.get(id))
      const asking = { engine, deadlineOf, facts, failures, gone, names, signal, noteInspection }
      await askAll(due, asking)
      const callers = due.filter(({ id }) => refersByName(facts.get(id)))
      if (callers.length > 0) await askNames(containers, asking)
      const areNamed = containers.every((one) => isNamed(one) || names.has(one.id))
      const named = namedAmong(callers.length > 0 ? containers : [], names)
      for (const caller of callers) {
        const fact = facts.get(caller.id)
        const unresolved = areNamed && refersByName(fact) ? unresolvedHolders(fact, named) : undefined
        if (unresolved === undefined || (unresolved.length > 0 && !hasEnded(caller))) facts.delete(caller.id)
        else if (refersByName(fact)) facts.set(caller.id, withIds(fact, named))
        if (unresolved?.[0] !== undefined && !hasEnded(caller))
          failures.set(
            caller.id,
            failureOf(
              caller,
              'unknown-holder',
              `it refers to a container ${unresolved[0]}, which does not exist`,
            ),
          )
      }
      // A container reported as gone is not cached; if a later listing shows it, it is inspected again.
      known = new Map([...missingGuests(known, facts), ...facts])
      const listedAgain = gone.size > 0 ? await confirmGone(asking, deadlineMs) : undefined
      const unasked = unknown.filter(({ id }) => !facts.has(id))
      failedQuestions = new Map(
        unasked.flatMap((container) => {
          const { id } = container
          const failure = failures.get(id)
          const before = failedQuestions.get(id)
          if (!failure) return before ? [[id, before] as const] : []
          const isStarting = !before && container.state === 'created' && failure.kind === 'timed-out'
          return [[id, { ...failedAgain(before, clock.now()), failure, isStarting }] as const]
        }),
      )
      const mayBeHolder = mayHaveJoined(unasked)
      const failed = [...failedQuestions.values()].find(({ isStarting }) => !isStarting)
      return {
        sharing: sharingAmong(sharersOf(containers, facts)),
        mayBeNeeded: (container) =>
          // The second listing no longer shows it, or lists it twice.
          (listedAgain !== undefined && !isSoundIn(listedAgain, container.id) && !gone.has(container)) ||
          mayBeHolder(container),
        listedAgain,
        failure: failed?.failure,
      }
    },
    engineIsBack: () => failedQuestions.clear(),
    untilAskedAgainMs: () => untilNextMs(failedQuestions.values(), clock.now()),
    isGuest: (id) => typeof known.get(id) === 'object',
    aside: () => createNamespaceFacts(engine, clock, deadlineMs, known),
  }
}

/** Whether a container refers to its holder by name or by an id prefix. */
function refersByName(fact: Fact | undefined): fact is SharedNamespaces {
  return typeof fact === 'object' && [...holdersOf(fact)].some((reference) => !parseContainerId(reference))
}

function isNamed({ names }: ContainerSummary): boolean {
  return names.length > 0
}

/** A guest may refer by name to a holder that the listing does not name; inspections supply those names. */
async function askNames(containers: readonly ContainerSummary[], asking: Asking): Promise<void> {
  const nameless = containers.filter((one) => !isNamed(one) && !asking.names.has(one.id))
  // Only the names are needed; what these containers share is already known.
  await askAll(nameless, { ...asking, facts: new Map(), failures: new Map(), gone: new Set() })
}

/** The shortest id prefix that engines show. */
const certainLength = 12
/** An id or a prefix of one, which does not change if the container is renamed. */
const isIdOrPrefix = /^[0-9a-f]{12,64}$/

/** The containers that guests may refer to by name, or by an id prefix too short to be certain. */
interface Named {
  idsOf(name: string): readonly ContainerId[]
  isOne(reference: string): boolean
}

/** Made once for all callers, since there may be as many of these as containers. */
function namedAmong(
  containers: readonly ContainerSummary[],
  inspected: ReadonlyMap<ContainerId, string>,
): Named {
  const ids = new Map<string, ContainerId[]>()
  for (const { id, names } of containers) {
    for (const name of new Set([...names, inspected.get(id) ?? ''])) {
      const known = ids.get(name)
      if (known) known.push(id)
      else ids.set(name, [id])
    }
  }
  const prefixes = new Map<number, ReadonlySet<string>>()
  const isPrefix = (reference: string) => {
    const { length } = reference
    if (length >= certainLength) return false
    const known = prefixes.get(length) ?? new Set(containers.map(({ id }) => id.slice(0, length)))
    prefixes.set(length, known)
    return known.has(reference)
  }
  return {
    idsOf: (name) => ids.get(name) ?? [],
    isOne: (reference) => ids.has(reference) || isPrefix(reference),
  }
}

/**
 * protected: returns the references to holders that match no container. If the guest is running, its holder was renamed
 * before the guest was first inspected and may be any older container. An ended guest uses nothing.
 */
function unresolvedHolders(fact: SharedNamespaces, named: Named): readonly string[] {
  return [...holdersOf(fact)].filter((reference) => !isIdOrPrefix.test(reference) && !named.isOne(reference))
}

/** Replaces holder names with ids, because a holder may be renamed. */
function withIds(fact: SharedNamespaces, named: Named): Fact {
  const ids = new Set([...holdersOf(fact)].flatMap((reference) => named.idsOf(reference)))
  return ids.size === 0 ? fact : { ...fact, dependencies: [...fact.dependencies, ...ids] }
}

interface Asking {
  readonly engine: WatchingEngine
  readonly deadlineOf: (id: ContainerId) => number
  readonly facts: Map<ContainerId, Fact>
  readonly failures: Map<ContainerId, Failure>
  /** Containers whose inspection returned that the engine does not know them. */
  readonly gone: Set<ContainerSummary>
  /** Names from the inspections; empty if the container is gone. */
  readonly names: Map<ContainerId, string>
  readonly signal: AbortSignal
  readonly noteInspection: (inspection: Inspection) => void
}

async function askAll(unknown: readonly ContainerSummary[], asking: Asking): Promise<void> {
  for (let from = 0; from < unknown.length; from += inspectionsAtOnce) {
    await Promise.all(unknown.slice(from, from + inspectionsAtOnce).map((one) => ask(one, asking)))
    asking.signal.throwIfAborted()
    // After one failure the engine may hang on every inspection; the rest wait for the next scan.
    if (asking.failures.size > 0) return
  }
}

async function ask(container: ContainerSummary, asking: Asking): Promise<void> {
  const { engine, deadlineOf, facts, failures, gone, names, signal, noteInspection } = asking
  const { id } = container
  try {
    const inspection = await engine.inspect(id, { deadlineMs: deadlineOf(id), signal })
    noteInspection(inspection)
    const { namespaces } = inspection
    names.set(id, inspection.name)
    facts.set(id, isGuest(namespaces) ? namespaces : 'no-dependency')
  } catch (thrown) {
    if (!(thrown instanceof EngineError)) throw thrown
    if (thrown.kind !== 'gone')
      return void failures.set(id, failureOf(container, thrown.kind, thrown.message))
    names.set(id, '')
    gone.add(container)
  }
}

/**
 * positive-evidence: a container that is gone no longer protects its holder, so a second listing must confirm that it is
 * gone. A container that is listed but cannot be inspected, as behind a filtering proxy, is unknown. Returns what the
 * second listing shows; undefined if it failed.
 */
async function confirmGone(
  { engine, facts, failures, gone, signal }: Asking,
  deadlineMs: number,
): Promise<ListedAgain | undefined> {
  let doubt: { readonly kind: string; readonly message: string } = {
    kind: 'invalid-answer',
    message: 'the engine lists it, but reports that there is no such container',
  }
  let listed: ListedAgain | undefined
  try {
    const { containers } = await engine.list({ deadlineMs, signal })
    listed = listedWithFaults(containers)
  } catch (thrown) {
    if (!(thrown instanceof EngineError)) throw thrown
    doubt = thrown
  }
  signal.throwIfAborted()
  for (const container of gone) {
    if (listed && !listed.has(container.id)) facts.set(container.id, 'no-dependency')
    else failures.set(container.id, failureOf(container, doubt.kind, doubt.message))
  }
  return listed
}

function listedWithFaults(containers: readonly ContainerSummary[]): ListedAgain {
  const faults = new ListingFaults()
  for (const container of containers) faults.note(container)
  const found = faults.found()
  return new Map(containers.map(({ id }) => [id, found.get(id)]))
}

function isSoundIn(listedAgain: ListedAgain, id: ContainerId): boolean {
  return listedAgain.has(id) && listedAgain.get(id) === undefined
}

/**
 * The guests of earlier listings that are missing from this one. They are kept because a listing may omit a guest whose
 * holder is renamed before the guest is listed again; its inspection would then name a container that does not exist.
 */
function missingGuests(
  known: ReadonlyMap<ContainerId, Fact>,
  listed: ReadonlyMap<ContainerId, Fact>,
): readonly (readonly [ContainerId, Fact])[] {
  const missing: (readonly [ContainerId, Fact])[] = []
  for (const [id, fact] of known) if (typeof fact === 'object' && !listed.has(id)) missing.push([id, fact])
  return missing.slice(-mostMissing)
}

function failureOf({ id, name }: ContainerSummary, kind: string, why: string): Failure {
  const message = `what ${name || id.slice(0, 12)} shares with other containers is unknown, so no older container is removed: ${why}`
  return { about: 'namespaces', kind, message }
}

/** Containers that depend on another one, according to their inspection or the listing. */
function sharersOf(
  containers: readonly ContainerSummary[],
  facts: ReadonlyMap<ContainerId, Fact>,
): readonly Sharer[] {
  const sharers: Sharer[] = []
  for (const container of containers) {
    const fact = facts.get(container.id)
    if (typeof fact === 'object') sharers.push({ container, namespaces: fact })
    if (container.networkMode.startsWith('container:'))
      sharers.push({ container, namespaces: { ...sharesNothing, network: container.networkMode } })
  }
  return sharers
}

const sharesNothing: SharedNamespaces = {
  network: '',
  pid: '',
  ipc: '',
  uts: '',
  cgroupParent: '',
  dependencies: [],
}
