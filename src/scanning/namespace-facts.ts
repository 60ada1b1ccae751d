import type { Failure } from '../../machines/failure-streaks.ts'
import type { Clock } from '../domain/clock.ts'
import type { ContainerSummary, Inspection, SharedNamespaces, Shares } from '../domain/container.ts'
import { EngineError } from '../domain/errors.ts'
import { type ContainerId, shortId } from '../domain/ids.ts'
import { inSlices } from '../domain/slices.ts'
import type { WatchingEngine } from '../engine/port.ts'
import { ListingFaults } from '../policy/listing-faults.ts'
import {
  isGuest,
  type Joining,
  mayHaveJoined,
  namesIn,
  pathsIn,
  rejoins,
  type Sharer,
  type Sharing,
  sharingAmong,
} from '../policy/namespaces.ts'
import { type Named, type Rejoined, rejoined } from '../policy/rejoining.ts'
import { failedAgain, type FailedQuestion, extendedDeadlineMs, untilNextMs } from './failed-questions.ts'

/** Guests that are remembered although the last listing does not show them; the oldest is forgotten first. */
const mostMissing = 4096

/** The maximum number of concurrent container inspections. */
export const inspectionsAtOnce = 8
/** What a scan's second listing shows. */
export interface ListedAgain {
  /** Whether a container may be listed. */
  has(id: ContainerId): boolean
  /** Whether it is certainly listed, and its id is reliable there. */
  isSound(id: ContainerId): boolean
  readonly containers: readonly ContainerSummary[]
}

/** An entry without an id may be any container. */
const unidentifiedAgain: ListedAgain = { has: () => true, isSound: () => false, containers: [] }

/** The known namespace use of one listing's containers. */
export interface NamespacesKnown {
  readonly sharing: Sharing
  /** Whether a container that could not be inspected, or whose holder is unknown, may use this one's namespaces. */
  readonly mayBeNeeded: (container: ContainerSummary) => boolean
  /** The result of the second listing, if there was one. */
  readonly listedAgain: ListedAgain | undefined
  /** Why it is unknown what a container uses; undefined if all is known. */
  readonly failure: Failure | undefined
}

/**
 * Determines which namespaces and cgroups containers share. Listings omit most of it (pid, ipc and uts namespaces, cgroups,
 * and on Podman the network), but it never changes during a container's life. Each listed container, including foreign
 * ones, is therefore inspected once. Only guests that refer to their holder by name or path are inspected for each listing.
 * Facts about missing containers are dropped, except for the latest guests.
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

/** What a container shares. */
interface GuestFact {
  readonly namespaces: SharedNamespaces
  /** Set if its holder may be another one after each start, so that it is inspected for each listing. */
  readonly rejoined: Rejoined | undefined
}

/** For a container without dependencies, only that fact is kept. */
type Fact = GuestFact | 'no-dependency'

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
      await inSlices(containers, clock, signal, (container) => {
        const fact = known.get(container.id)
        if (fact && !mayRejoin(fact) && !isNameUnread(container)) facts.set(container.id, fact)
        else unknown.push(container)
      })
      const nowMs = clock.now()
      const due = unknown.filter(({ id }) => (failedQuestions.get(id)?.untilMs ?? nowMs) <= nowMs)
      // Previously failed inspections come last, so that they do not delay the others.
      due.sort((one, other) => Number(failedQuestions.has(one.id)) - Number(failedQuestions.has(other.id)))
      const failures = new Map<ContainerId, Failure>()
      const names = new Map<ContainerId, string>()
      const gone = new Set<ContainerSummary>()
      const rejoining = new Map<ContainerSummary, Shares>()
      const deadlineOf = (id: ContainerId) => extendedDeadlineMs(deadlineMs, failedQuestions.get(id))
      const asking = { engine, deadlineOf, facts, failures, gone, names, rejoining, signal, noteInspection }
      await askAll(due, asking)
      const listed = await namedAmong(containers, asking)
      for (const [guest, inspection] of rejoining) {
        const before = guestFact(known.get(guest.id))?.rejoined
        const { namespaces } = inspection
        facts.set(guest.id, { namespaces, rejoined: rejoined(guest, inspection, listed, before) })
      }
      // A container reported as gone is not cached; if a later listing shows it, it is inspected again.
      known = new Map([...missingGuests(known, facts), ...facts])
      const listedAgain = gone.size > 0 ? await confirmGone(asking, deadlineMs) : undefined
      const added = await addedTo(containers, listedAgain, asking)
      const unasked = [...unknown, ...added].filter(({ id }) => !facts.has(id))
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
      const mayBeHolder = mayHaveJoined([
        ...unasked.map((one) => joiningOf(one, known.get(one.id))),
        ...[...facts.values()].flatMap((fact) => guestFact(fact)?.rejoined?.unknown ?? []),
      ])
      const bearsItsId = bearerOfIds(containers, names)
      const failed = [...failedQuestions.values()].find(({ isStarting }) => !isStarting)
      return {
        sharing: sharingAmong(sharersOf([...containers, ...added], facts)),
        mayBeNeeded: (container) =>
          // The second listing no longer shows it, or lists it twice.
          (listedAgain !== undefined && !listedAgain.isSound(container.id) && !gone.has(container)) ||
          mayBeHolder(container, guestFact(facts.get(container.id))?.namespaces) ||
          bearsItsId(container),
        listedAgain,
        failure: failed?.failure ?? failureOfUnknownHolder(containers, facts),
      }
    },
    engineIsBack: () => failedQuestions.clear(),
    untilAskedAgainMs: () => untilNextMs(failedQuestions.values(), clock.now()),
    isGuest: (id) => typeof known.get(id) === 'object',
    aside: () => createNamespaceFacts(engine, clock, deadlineMs, known),
  }
}

/**
 * exact-id: whether a container whose entry could not be read has another one's id as its name, or may have it because it
 * could not be inspected.
 */
function bearerOfIds(
  containers: readonly ContainerSummary[],
  names: ReadonlyMap<ContainerId, string>,
): (container: ContainerSummary) => boolean {
  const called = new Map<string, ContainerId>()
  const unknown: ContainerId[] = []
  for (const container of containers) {
    if (!isNameUnread(container)) continue
    const { id } = container
    const name = names.get(id)
    if (name === undefined) unknown.push(id)
    else called.set(name, id)
  }
  return ({ id }) =>
    unknown.length > 1 ||
    (unknown.length === 1 && unknown[0] !== id) ||
    (called.has(id) && called.get(id) !== id)
}

function isNameUnread({ names, unreadable }: ContainerSummary): boolean {
  return unreadable !== undefined && names.length === 0
}

function guestFact(fact: Fact | undefined): GuestFact | undefined {
  return typeof fact === 'object' ? fact : undefined
}

function mayRejoin(fact: Fact): boolean {
  return guestFact(fact)?.rejoined !== undefined
}

/** What a container that could not be inspected may have joined: an older one, or what it found at its last start. */
function joiningOf({ createdAtMs, id, networkMode }: ContainerSummary, fact: Fact | undefined): Joining {
  const mayBeYounger = (fact && mayRejoin(fact)) || rejoins({ ...sharesNothing, network: networkMode })
  return { guest: id, beforeMs: mayBeYounger ? undefined : createdAtMs }
}

/**
 * The listed containers by name, with the names that the listing omits from their inspections. Made once for all guests,
 * since there may be as many of these as containers.
 */
async function namedAmong(containers: readonly ContainerSummary[], asking: Asking): Promise<Named> {
  const { names, rejoining } = asking
  const isNamed = (one: ContainerSummary) => one.names.length > 0
  const refersByName = ({ namespaces }: Shares) => namesIn(namespaces).length > 0
  if (![...rejoining.values()].some(refersByName))
    return { byName: () => [], oldestWithId: () => undefined, areNamed: true }
  const nameless = containers.filter((one) => !isNamed(one) && !names.has(one.id))
  // Only the names are needed; what these containers share is already known.
  await askAll(nameless, {
    ...asking,
    facts: new Map(),
    failures: new Map(),
    gone: new Set(),
    rejoining: new Map(),
  })
  const named = new Map<string, ContainerSummary[]>()
  for (const container of containers) {
    for (const name of new Set([...container.names, names.get(container.id) ?? ''])) {
      const known = named.get(name)
      if (known) known.push(container)
      else named.set(name, [container])
    }
  }
  const prefixed = new Map<number, ReadonlyMap<string, ContainerSummary>>()
  return {
    byName: (name) => (name === '' ? [] : (named.get(name) ?? [])),
    oldestWithId: (prefix) => {
      const known = prefixed.get(prefix.length) ?? oldestByPrefix(containers, prefix.length)
      prefixed.set(prefix.length, known)
      return prefix === '' ? undefined : known.get(prefix)
    },
    areNamed: containers.every((one) => isNamed(one) || names.has(one.id)),
  }
}

function oldestByPrefix(
  containers: readonly ContainerSummary[],
  length: number,
): ReadonlyMap<string, ContainerSummary> {
  const oldest = new Map<string, ContainerSummary>()
  for (const container of containers) {
    const prefix = container.id.slice(0, length)
    const { createdAtMs = -Infinity } = oldest.get(prefix) ?? { createdAtMs: Infinity }
    if ((container.createdAtMs ?? -Infinity) <= createdAtMs) oldest.set(prefix, container)
  }
  return oldest
}

/** Reports the first guest whose holder is unknown. */
function failureOfUnknownHolder(
  containers: readonly ContainerSummary[],
  facts: ReadonlyMap<ContainerId, Fact>,
): Failure | undefined {
  for (const container of containers) {
    const fact = guestFact(facts.get(container.id))
    if (!fact?.rejoined?.unknown) continue
    const [name] = namesIn(fact.namespaces)
    const why =
      pathsIn(fact.namespaces).length > 0
        ? 'it has joined a namespace by path, which may be that of any of them; to prevent this, join a container by its id'
        : `it has joined a container that was called ${name?.called} when it started, and that may be any of them; stop it, or restart it when a container has that name`
    const message = `whose namespaces ${container.name || shortId(container.id)} uses is unknown, so nothing that was created before its last start is removed: ${why}`
    return { about: 'namespaces', kind: 'unknown-holder', message }
  }
  return undefined
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
  /** The inspections of guests whose holders may be other ones after each start. */
  readonly rejoining: Map<ContainerSummary, Shares>
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
  const { engine, deadlineOf, facts, failures, gone, names, rejoining, signal, noteInspection } = asking
  const { id } = container
  const inspect = async (...asked: Parameters<WatchingEngine['inspect']>) => {
    const inspection = await engine.inspect(...asked)
    noteInspection(inspection)
    return inspection
  }
  try {
    const call = { deadlineMs: deadlineOf(id), signal }
    const shares = container.unreadable ? await engine.shares(id, call) : await inspect(id, call)
    const { name, namespaces } = shares
    names.set(id, name)
    if (rejoins(namespaces)) rejoining.set(container, shares)
    else facts.set(id, isGuest(namespaces) ? { namespaces, rejoined: undefined } : 'no-dependency')
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
    const { containers, unidentified } = await engine.list({ deadlineMs, signal })
    listed = unidentified === undefined ? listedWithFaults(containers) : unidentifiedAgain
    if (unidentified)
      doubt = { kind: 'invalid-answer', message: `it may still be there: ${unidentified.first}` }
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
  const ids = new Set(containers.map(({ id }) => id))
  return { has: (id) => ids.has(id), isSound: (id) => ids.has(id) && !found.has(id), containers }
}

/**
 * protected: what the second listing shows and the first did not, because it is new or the first was incomplete. Each may be
 * a guest, so it is inspected, too. A guest by name or path stays unknown until the next scan.
 */
async function addedTo(
  containers: readonly ContainerSummary[],
  listedAgain: ListedAgain | undefined,
  asking: Asking,
): Promise<readonly ContainerSummary[]> {
  if (!listedAgain) return []
  const ids = new Set(containers.map(({ id }) => id))
  const added = listedAgain.containers.filter(({ id }) => !ids.has(id))
  await askAll(added, { ...asking, gone: new Set(), rejoining: new Map() })
  return added
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
  for (const [id, fact] of known) if (guestFact(fact) && !listed.has(id)) missing.push([id, fact])
  return missing.slice(-mostMissing)
}

function failureOf({ id, name }: ContainerSummary, kind: string, why: string): Failure {
  const message = `what ${name || shortId(id)} shares with other containers is unknown, so no older container is removed: ${why}`
  return { about: 'namespaces', kind, message }
}

/** Containers that depend on another one, according to their inspection or the listing. */
function sharersOf(
  containers: readonly ContainerSummary[],
  facts: ReadonlyMap<ContainerId, Fact>,
): readonly Sharer[] {
  const sharers: Sharer[] = []
  for (const container of containers) {
    const fact = guestFact(facts.get(container.id))
    if (fact) sharers.push({ container, namespaces: withHolders(fact) })
    if (container.networkMode.startsWith('container:'))
      sharers.push({ container, namespaces: { ...sharesNothing, network: container.networkMode } })
  }
  return sharers
}

/** A holder that was renamed is found by its id. */
function withHolders({ namespaces, rejoined: found }: GuestFact): SharedNamespaces {
  return found ? { ...namespaces, dependencies: [...namespaces.dependencies, ...found.holders] } : namespaces
}

const sharesNothing: SharedNamespaces = {
  network: '',
  pid: '',
  ipc: '',
  uts: '',
  cgroupParent: '',
  dependencies: [],
}
