import type { Container } from './model.ts'

/** The calls that a fault applies to. An omitted property matches every call. */
export interface CallMatch {
  /** `GET`, `POST`, `DELETE`, … */
  readonly method?: string
  /** The path without the API version. A string must match it completely, for example `/containers/json`. */
  readonly path?: string | RegExp
  /** Only calls with this container in their path, given by its full id, its name or a predicate. */
  readonly container?: string | ((container: Container) => boolean)
  /** How many times the fault occurs; by default until it is cleared. */
  readonly count?: number
  /** The number of matching calls that are unaffected first. */
  readonly after?: number
}

/** What happens to a call. */
export type CallFault = CallMatch &
  (
    | {
        /** Delays the call. */
        readonly kind: 'latency'
        readonly delayMs: number
      }
    | {
        /** The call is accepted, but never carried out and never answered. */
        readonly kind: 'hang'
      }
    | {
        /** The call is carried out, but never answered. */
        readonly kind: 'no-answer'
      }
    | {
        /** The call is carried out, but the connection closes before the answer is complete: after `afterBytes` of the body, by default after half of it. */
        readonly kind: 'close'
        readonly afterBytes?: number
        /** Closes before the call is carried out or anything is sent. */
        readonly early?: boolean
      }
    | {
        /** The call is not carried out, and answered with this status and message. */
        readonly kind: 'error'
        readonly status: number
        readonly message: string
        /** `dead`: the container of the call is killed before the call fails; see `containers.failRemoval`. */
        readonly leaves?: 'untouched' | 'dead'
      }
    | {
        /** The call is not carried out, and answered with an HTML page, as by a proxy. */
        readonly kind: 'html'
        readonly status?: number
      }
    | {
        /** The call is carried out; the answer is valid HTTP, but its JSON is cut in half. */
        readonly kind: 'cut-json'
      }
    | {
        /** The call is not carried out, and answered with 200 and this body, by default `null`. */
        readonly kind: 'body'
        readonly body?: string
      }
  )

/** A fault of container listings. */
export type ListingFault = Pick<CallMatch, 'count' | 'after'> &
  (
    | {
        /** Ignores the label filter. */
        readonly kind: 'ignored-label-filter'
      }
    | {
        /** Shows the containers as they were when the fault was added. */
        readonly kind: 'stale-listing'
      }
    | {
        /** Omits these containers. */
        readonly kind: 'omit'
        readonly container: string | ((container: Container) => boolean)
      }
    | {
        /** Still shows containers that were removed after the fault was added. */
        readonly kind: 'ghosts'
      }
    | {
        /** Lists containers twice; without `container` all of them. */
        readonly kind: 'duplicate'
        readonly container?: string | ((container: Container) => boolean)
        /** Differences of the second entry; see `patch`. */
        readonly with?: Patch
      }
    | {
        /** Shows containers as they were `delayMs` ago: later starts, pauses and exits are missing. */
        readonly kind: 'late-listing'
        readonly delayMs: number
        readonly container?: string | ((container: Container) => boolean)
      }
  )

/** A fault that changes values in answers. */
export type PatchFault = Pick<CallMatch, 'count' | 'after'> & {
  readonly kind: 'patch'
  /** Which answers are changed: entries of listings, container inspections, or image inspections. */
  readonly of: 'listing' | 'inspection' | 'image'
  /** Only answers about this container; not for images. */
  readonly container?: string | ((container: Container) => boolean)
  /** Only answers about this image, given by its id or one of its names. */
  readonly image?: string
  readonly with: Patch
}

/**
 * New values by the API's field names. Objects are merged recursively, and `undefined` removes a field:
 * `{ State: 'exited', Labels: undefined }` for a listing, `{ State: { Status: 'exited' } }` for an inspection.
 */
export type Patch = Readonly<Record<string, unknown>>

/** A fault of the whole engine. */
export type EngineFault =
  | {
      /** Removals take this long. Meanwhile the container is `removing`, and further removals of it are refused. */
      readonly kind: 'slow-removal'
      /** `Infinity` means until `containers.finishRemoval(id)`. */
      readonly delayMs: number
      readonly container?: string | ((container: Container) => boolean)
      readonly count?: number
    }
  | {
      /** The offset of the engine's wall clock: ahead if positive, behind if negative. */
      readonly kind: 'clock-offset'
      readonly offsetMs: number
    }
  | {
      /** Each time the engine comes up, all calls except events and pings wait this long. */
      readonly kind: 'slow-start'
      readonly delayMs: number
    }
  | {
      /**
       * Recreates these containers, as Swarm does with its tasks: this long after each removal, a new container with the
       * same name runs. A label `com.docker.swarm.task.id` gets a new value.
       */
      readonly kind: 'respawn'
      readonly container: string | ((container: Container) => boolean)
      readonly delayMs: number
      readonly count?: number
    }
  | {
      /** How the event stream is chunked: several events in one chunk, or each event in chunks of limited size. */
      readonly kind: 'event-chunks'
      readonly joined?: number
      readonly splitBytes?: number
    }

export type Fault = CallFault | ListingFault | PatchFault | EngineFault

export interface FaultHandle {
  readonly fault: Fault
  /** How often the fault has occurred. */
  readonly struck: number
  /** Ends the fault. Calls that already hang continue to hang. */
  clear(): void
}
