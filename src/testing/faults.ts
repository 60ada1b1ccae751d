import type { Container } from './model.ts'

/** Which calls a fault is for; what is left out is not asked about. */
export interface CallMatch {
  /** `GET`, `POST`, `DELETE`, … */
  readonly method?: string
  /** The path without the API's version; a text must be the whole of it, for example `/containers/json`. */
  readonly path?: string | RegExp
  /** Only calls that name this container in their path: its full id, its name, or a question about it. */
  readonly container?: string | ((container: Container) => boolean)
  /** How many times it strikes; without it, until it is cleared. */
  readonly count?: number
  /** How many matching calls it lets pass first. */
  readonly after?: number
}

/** What happens to a call. */
export type CallFault = CallMatch &
  (
    | {
        /** Everything takes so much longer. */
        readonly kind: 'latency'
        readonly delayMs: number
      }
    | {
        /** Accepted, never carried out and never answered. */
        readonly kind: 'hang'
      }
    | {
        /** Carried out, and the answer never comes. */
        readonly kind: 'no-answer'
      }
    | {
        /** Carried out, and the connection closes without an answer, or in the middle of it: after so many bytes of the body, by default after half. */
        readonly kind: 'close'
        readonly afterBytes?: number
        /** Closes before anything was carried out or written. */
        readonly early?: boolean
      }
    | {
        /** Not carried out; this status and message instead. */
        readonly kind: 'error'
        readonly status: number
        readonly message: string
        /** `dead`: the container that the call names was killed before the call failed, and is left dead. */
        readonly leaves?: 'untouched' | 'dead'
      }
    | {
        /** Not carried out; a page for people instead, as a proxy gives. */
        readonly kind: 'html'
        readonly status?: number
      }
    | {
        /** Carried out; the answer is whole as HTTP and its JSON is cut in half. */
        readonly kind: 'cut-json'
      }
    | {
        /** Not carried out; 200 with this body instead, by default `null`. */
        readonly kind: 'body'
        readonly body?: string
      }
  )

/** What a listing of containers gets wrong. */
export type ListingFault = Pick<CallMatch, 'count' | 'after'> &
  (
    | {
        /** The label filter is ignored. */
        readonly kind: 'deaf-label-filter'
      }
    | {
        /** Answers what was there when the fault was added. */
        readonly kind: 'stale-listing'
      }
    | {
        /** Leaves these containers out. */
        readonly kind: 'omit'
        readonly container: string | ((container: Container) => boolean)
      }
    | {
        /** Still shows those that were removed after the fault was added. */
        readonly kind: 'ghosts'
      }
    | {
        /** Shows containers twice; without `container` all of them. */
        readonly kind: 'duplicate'
        readonly container?: string | ((container: Container) => boolean)
      }
  )

/** What is wrong with the engine as a whole. */
export type EngineFault =
  | {
      /** Removals take so long; meanwhile the container is `removing`, and further removals of it are refused. */
      readonly kind: 'slow-removal'
      /** `Infinity`: until `containers.finishRemoval(id)`. */
      readonly delayMs: number
      readonly container?: string | ((container: Container) => boolean)
      readonly count?: number
    }
  | {
      /** Its wall clock is ahead of the true one by so much; behind, if less than zero. */
      readonly kind: 'clock-offset'
      readonly offsetMs: number
    }
  | {
      /** How events reach a listener: so many in one chunk, or each of them in pieces of at most so many bytes. */
      readonly kind: 'event-chunks'
      readonly joined?: number
      readonly splitBytes?: number
    }

export type Fault = CallFault | ListingFault | EngineFault

export interface FaultHandle {
  readonly fault: Fault
  /** How many times it has struck. */
  readonly struck: number
  /** Ends it. What it has already hung stays hung. */
  clear(): void
}

/** What a fault is asked about. */
export interface FacedCall {
  readonly method: string
  readonly path: string
  /** How the path named a container, when it did. */
  readonly reference: string | undefined
  readonly container: Container | undefined
}

class ActiveFault implements FaultHandle {
  readonly fault: Fault
  readonly #end: (fault: ActiveFault) => void
  /** The containers there were when it was added, for those kinds that need to remember. */
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

  /** Whether it strikes this time; counts. */
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

/** The faults of one engine: none, until they are added. */
export class Faults {
  readonly #active = new Set<ActiveFault>()
  readonly #containers: () => Iterable<Container>
  readonly #ghosts = new Map<ActiveFault, Container[]>()

  constructor(containers: () => Iterable<Container>) {
    this.#containers = containers
  }

  /**
   * From now on this goes wrong. Faults of different kinds add up; of those that end a call, the one added first wins.
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
    })
    this.#active.add(active)
    if (fault.kind === 'ghosts') this.#ghosts.set(active, [])
    return active
  }

  /** Ends all of them. */
  clear(): void {
    this.#active.clear()
    this.#ghosts.clear()
  }

  /** Those that strike this call. */
  strikeCall(call: FacedCall): CallFault[] {
    const struck: CallFault[] = []
    for (const active of this.#active) {
      const { fault } = active
      if (isCallFault(fault) && matchesCall(fault, call) && active.strikes()) struck.push(fault)
    }
    return struck
  }

  /** What this listing shows, in the place of what is there; and whether it hears label filters. */
  strikeListing(true_: readonly Container[]): { containers: readonly Container[]; isDeaf: boolean } {
    let containers = true_
    let isDeaf = false
    for (const active of this.#active) {
      const { fault } = active
      if (fault.kind === 'deaf-label-filter') isDeaf = active.strikes() || isDeaf
      else if (fault.kind === 'stale-listing') containers = active.strikes() ? active.remembered : containers
      else if (fault.kind === 'ghosts') {
        const ghosts = this.#ghosts.get(active) ?? []
        if (active.strikes()) containers = [...containers, ...ghosts]
      } else if (fault.kind === 'omit' && active.strikes()) {
        containers = containers.filter((container) => !isMeant(fault.container, container))
      } else if (fault.kind === 'duplicate' && active.strikes()) {
        const { container: which } = fault
        containers = containers.flatMap((one) =>
          which === undefined || isMeant(which, one) ? [one, one] : [one],
        )
      }
    }
    return { containers, isDeaf }
  }

  /** Told of each container that is gone, for the faults that go on showing it. */
  noteRemoved(container: Container): void {
    for (const ghosts of this.#ghosts.values()) ghosts.push(container)
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
