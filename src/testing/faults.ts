import type { Clock } from '../domain/clock.ts'
import type { CallFault, CallMatch, Fault, FaultHandle, Patch, PatchFault } from './fault.ts'
import { ListingHistory } from './listing-history.ts'
import type { Container, Image } from './model.ts'

/** A call, as faults match it. */
export interface FacedCall {
  readonly method: string
  readonly path: string
  /** The reference to a container in the path, if any. */
  readonly reference: string | undefined
  readonly container: Container | undefined
}

/** One entry of a listing: a container, and the changes to its values. */
export interface ShownContainer {
  readonly container: Container
  readonly patches: readonly Patch[]
}

class ActiveFault implements FaultHandle {
  readonly fault: Fault
  readonly #end: (fault: ActiveFault) => void
  /** The containers at the time when the fault was added, for the kinds that need them. */
  readonly remembered: readonly Container[]
  struck = 0
  #toPass: number
  #left: number

  constructor(fault: Fault, remembered: readonly Container[], end: (fault: ActiveFault) => void) {
    this.fault = fault
    this.remembered = remembered
    this.#end = end
    this.#toPass = 'after' in fault ? (fault.after ?? 0) : 0
    this.#left = 'count' in fault ? (fault.count ?? Infinity) : Infinity
  }

  clear(): void {
    this.#end(this)
  }

  /** Whether the fault occurs this time. Counts the calls. */
  strikes(): boolean {
    if (this.#toPass > 0) {
      this.#toPass -= 1
      return false
    }
    if (this.#left <= 0) return false
    this.struck += 1
    this.#left -= 1
    if (this.#left === 0) this.#end(this)
    return true
  }
}

const callKinds: ReadonlySet<string> = new Set([
  'latency',
  'hang',
  'no-answer',
  'close',
  'error',
  'html',
  'cut-json',
  'body',
] satisfies CallFault['kind'][])

/** The active faults of an engine. */
export class Faults {
  readonly #active = new Set<ActiveFault>()
  readonly #clock: Clock
  readonly #containers: () => Iterable<Container>
  readonly #ghosts = new Map<ActiveFault, Container[]>()
  readonly #histories = new Map<ActiveFault, ListingHistory>()
  #cameUpAtMs = -Infinity

  constructor(clock: Clock, containers: () => Iterable<Container>) {
    this.#clock = clock
    this.#containers = containers
  }

  /**
   * Adds a fault. Faults of different kinds are combined; of several that end a call, the first one added applies.
   *
   * @example
   * const busy = engine.faults.add({
   *   kind: 'error', method: 'DELETE', container: id, status: 500, message: 'device or resource busy', count: 3,
   * })
   * busy.clear()
   */
  add(fault: Fault): FaultHandle {
    const remembered = fault.kind === 'stale-listing' ? [...this.#containers()] : []
    const active = new ActiveFault(fault, remembered, (ended) => {
      this.#active.delete(ended)
      this.#ghosts.delete(ended)
      this.#histories.delete(ended)
    })
    this.#active.add(active)
    if (fault.kind === 'ghosts') this.#ghosts.set(active, [])
    if (fault.kind === 'late-listing')
      this.#histories.set(active, new ListingHistory(this.#clock, fault.delayMs))
    return active
  }

  /** Ends all faults. */
  clear(): void {
    this.#active.clear()
    this.#ghosts.clear()
    this.#histories.clear()
  }

  /** Returns the faults that apply to this call. */
  strikeCall(call: FacedCall): CallFault[] {
    const struck: CallFault[] = []
    for (const active of this.#active) {
      const { fault } = active
      if (isCallFault(fault) && matchesCall(fault, call) && active.strikes()) struck.push(fault)
    }
    return struck
  }

  /** Returns what this listing shows, and whether it ignores label filters. */
  strikeListing(true_: readonly Container[]): { shown: readonly ShownContainer[]; ignoresLabels: boolean } {
    let shown = true_.map((container): ShownContainer => ({ container, patches: [] }))
    let ignoresLabels = false
    for (const active of this.#active) {
      const { fault } = active
      if (fault.kind === 'ignored-label-filter') ignoresLabels = active.strikes() || ignoresLabels
      else if (isListingFault(fault) && active.strikes()) shown = this.#distort(active, shown)
    }
    return { shown, ignoresLabels }
  }

  #distort(active: ActiveFault, shown: ShownContainer[]): ShownContainer[] {
    const { fault, remembered } = active
    const asIs = (container: Container): ShownContainer => ({ container, patches: [] })
    switch (fault.kind) {
      case 'stale-listing':
        return remembered.map(asIs)
      case 'ghosts':
        return [...shown, ...(this.#ghosts.get(active) ?? []).map(asIs)]
      case 'omit':
        return shown.filter(({ container }) => !isMeant(fault.container, container))
      case 'duplicate':
        return shown.flatMap((one) =>
          isMeantOrAll(fault.container, one.container)
            ? [one, { ...one, patches: fault.with ? [...one.patches, fault.with] : one.patches }]
            : [one],
        )
      case 'late-listing': {
        const history = this.#histories.get(active)
        return shown.map((one) => {
          const isLate = isMeantOrAll(fault.container, one.container)
          return isLate ? { ...one, container: history?.past(one.container) ?? one.container } : one
        })
      }
      default:
        return shown
    }
  }

  /** Returns the changes to a container's values in this answer. */
  strikeContainer(of: 'listing' | 'inspection', container: Container): Patch[] {
    return this.#strikePatches((fault) => fault.of === of && isMeantOrAll(fault.container, container))
  }

  strikeImage({ id, tags }: Image): Patch[] {
    return this.#strikePatches(
      ({ of, image }) => of === 'image' && (image === undefined || image === id || tags.includes(image)),
    )
  }

  #strikePatches(asks: (fault: PatchFault) => boolean): Patch[] {
    const patches: Patch[] = []
    for (const active of this.#active) {
      const { fault } = active
      if (fault.kind === 'patch' && asks(fault) && active.strikes()) patches.push(fault.with)
    }
    return patches
  }

  /** Called with the previous version of each container that changes. */
  noteReplaced(before: Container): void {
    for (const history of this.#histories.values()) history.note(before)
  }

  noteUp(): void {
    this.#cameUpAtMs = this.#clock.now()
  }

  /** How long calls must still wait after the engine came up. */
  get startingMs(): number {
    let delayMs = 0
    for (const active of this.#active) {
      const { fault } = active
      if (fault.kind !== 'slow-start') continue
      const leftMs = this.#cameUpAtMs + fault.delayMs - this.#clock.now()
      if (leftMs <= 0) continue
      active.struck += 1
      delayMs = Math.max(delayMs, leftMs)
    }
    return delayMs
  }

  /** The delay after which a removed container is recreated; undefined if it is not. */
  strikeRespawn(container: Container): number | undefined {
    for (const active of this.#active) {
      const { fault } = active
      if (fault.kind === 'respawn' && isMeant(fault.container, container) && active.strikes())
        return fault.delayMs
    }
    return undefined
  }

  /** Called with each removed container, for the faults that still show it. */
  noteRemoved(container: Container): void {
    for (const ghosts of this.#ghosts.values()) ghosts.push(container)
    for (const history of this.#histories.values()) history.forget(container.id)
  }

  strikeRemoval(container: Container): number {
    for (const active of this.#active) {
      const { fault } = active
      if (fault.kind !== 'slow-removal') continue
      if (fault.container !== undefined && !isMeant(fault.container, container)) continue
      if (active.strikes()) return fault.delayMs
    }
    return 0
  }

  get clockOffsetMs(): number {
    let offsetMs = 0
    for (const { fault } of this.#active) if (fault.kind === 'clock-offset') offsetMs += fault.offsetMs
    return offsetMs
  }

  get eventChunks(): { joined: number; splitBytes: number } {
    const chunks = { joined: 1, splitBytes: Infinity }
    for (const { fault } of this.#active) {
      if (fault.kind !== 'event-chunks') continue
      chunks.joined = Math.max(chunks.joined, fault.joined ?? 1)
      chunks.splitBytes = Math.min(chunks.splitBytes, fault.splitBytes ?? Infinity)
    }
    return chunks
  }
}

const listingKinds: ReadonlySet<string> = new Set([
  'stale-listing',
  'omit',
  'ghosts',
  'duplicate',
  'late-listing',
])

function isListingFault(fault: Fault): boolean {
  return listingKinds.has(fault.kind)
}

function isCallFault(fault: Fault): fault is CallFault {
  return callKinds.has(fault.kind)
}

function matchesCall(fault: CallMatch, call: FacedCall): boolean {
  if (fault.method !== undefined && fault.method.toUpperCase() !== call.method) return false
  if (typeof fault.path === 'string' && fault.path !== call.path) return false
  if (fault.path instanceof RegExp && call.path.search(fault.path) < 0) return false
  if (fault.container === undefined) return true
  if (call.container) return isMeant(fault.container, call.container)
  return call.reference !== undefined && fault.container === call.reference
}

function isMeant(which: string | ((container: Container) => boolean), container: Container): boolean {
  return typeof which === 'string' ? which === container.id || which === container.name : which(container)
}

function isMeantOrAll(
  which: string | ((container: Container) => boolean) | undefined,
  container: Container,
): boolean {
  return which === undefined || isMeant(which, container)
}
