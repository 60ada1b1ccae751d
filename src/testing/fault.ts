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
        /** `dead`: the container that the call names was killed before the call failed; see `containers.failRemoval`. */
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
        readonly kind: 'ignored-label-filter'
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
        /** What the second entry says differently; see `patch`. */
        readonly with?: Patch
      }
    | {
        /** Is behind by so much: what was started, paused or ended since then is shown as it was before. */
        readonly kind: 'late-listing'
        readonly delayMs: number
        readonly container?: string | ((container: Container) => boolean)
      }
  )

/** An answer says something else than what is so. */
export type PatchFault = Pick<CallMatch, 'count' | 'after'> & {
  readonly kind: 'patch'
  /** Entries of listings, inspections of containers, or inspections of images. */
  readonly of: 'listing' | 'inspection' | 'image'
  /** Only those of this container; not for images. */
  readonly container?: string | ((container: Container) => boolean)
  /** Only those of this image: its id, or one of its names. */
  readonly image?: string
  readonly with: Patch
}

/**
 * Fields as the API names them, each with what it says now; objects are gone into, and undefined takes a field away:
 * `{ State: 'exited', Labels: undefined }` for a listing, `{ State: { Status: 'exited' } }` for an inspection.
 */
export type Patch = Readonly<Record<string, unknown>>

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
      /** Each time it comes up, everything but events and pings waits until so long after that. */
      readonly kind: 'slow-start'
      readonly delayMs: number
    }
  | {
      /**
       * Something watches over these containers, as a Swarm does over its tasks: so long after each removal there is
       * another one of the same name that runs. A label `com.docker.swarm.task.id` gets a new value.
       */
      readonly kind: 'respawn'
      readonly container: string | ((container: Container) => boolean)
      readonly delayMs: number
      readonly count?: number
    }
  | {
      /** How events reach a listener: so many in one chunk, or each of them in pieces of at most so many bytes. */
      readonly kind: 'event-chunks'
      readonly joined?: number
      readonly splitBytes?: number
    }

export type Fault = CallFault | ListingFault | PatchFault | EngineFault

export interface FaultHandle {
  readonly fault: Fault
  /** How many times it has struck. */
  readonly struck: number
  /** Ends it. What it has already hung stays hung. */
  clear(): void
}
