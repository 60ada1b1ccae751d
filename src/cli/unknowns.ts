import type { EventOf, GraceReason, SpareReason } from '../index.ts'

/** Why a container was left that was not to be removed. */
export type LeftReason = SpareReason | GraceReason

const noAnswer = 'the tracker gave no answer'
const decided = undefined

/** What is unknown when a container was left for this reason; the other reasons are decisions. */
const unknowns: Readonly<Record<LeftReason, string | undefined>> = {
  'image-unknown': 'its image could not be inspected',
  'namespace-unknown':
    'a container that may use its namespaces could not be inspected, or its holder is unknown',
  'inspection-failed': 'it could not be inspected',
  'being-removed': 'its removal is under way, or was interrupted',
  'half-removed': 'its removal was interrupted; "podman rm -f" finishes it',
  'inspection-disagrees': 'its inspection disagrees with the listing',
  'self-unknown': 'it may be the container that this process runs in; name that one with --self',
  'state-unknown': 'the engine did not report its state',
  'listed-twice': 'the listing shows it more than once',
  'entry-unreadable': 'its entry in the listing could not be read',
  'tracker-unknown': noAnswer,
  'tracker-failed': noAnswer,
  'tracker-timed-out': noAnswer,
  'tracker-not-ready': noAnswer,
  'tracker-invalid': noAnswer,
  'tracker-wrong-keys': noAnswer,
  'tracker-emptied': 'the tracker tracked containers and suddenly tracks none of them',
  'tracked-file-unreadable': noAnswer,
  'tracked-file-invalid': noAnswer,
  'tracked-url-failed': noAnswer,
  'tracked-url-invalid': noAnswer,
  'session-unknown': 'whether its session is alive is unknown',
  self: decided,
  'id-is-a-name': decided,
  'keep-label': decided,
  orchestrated: decided,
  'label-from-image': decided,
  'state-not-covered': decided,
  'namespace-shared': decided,
  'group-alive': decided,
  'session-alive': decided,
  'dangling-share': decided,
  'infra-container': decided,
  'hook-refused': decided,
  'hook-failed': decided,
  'hook-timed-out': decided,
  'creation-grace': decided,
  'restore-grace': decided,
  'release-grace': decided,
  'recovery-grace': decided,
  'session-grace': decided,
}

/** The `degraded` events that give the cause of a reason; for the tracker, the kind is the reason itself. */
const causes: Readonly<Partial<Record<LeftReason, EventOf<'degraded'>['about']>>> = {
  'image-unknown': 'image',
  'namespace-unknown': 'namespaces',
  'inspection-failed': 'inspection',
  'entry-unreadable': 'listing',
  'half-removed': 'half-removed',
  'session-unknown': 'sessions',
}

export interface Left {
  readonly id: string
  readonly reason: LeftReason
}

/** All containers that were left because of the same unknown. */
export interface LeftUnknown {
  readonly reason: LeftReason
  readonly count: number
  readonly example: string
  /** In the engine's own words, or the tracker's, where there are any. */
  readonly why: string
}

/** Collects `degraded` events, and explains what is unknown about the containers that were left. */
export class Unknowns {
  readonly #messages = new Map<string, string>()

  readonly receive = ({ about, kind, message }: EventOf<'degraded'>): void => {
    this.#messages.set(about === 'tracker' ? kind : about, message)
  }

  /** Why an entry of the listing could not be read, which may be of a container that should have been removed. */
  get unread(): string | undefined {
    return this.#messages.get('listing')
  }

  among(left: readonly Left[]): readonly LeftUnknown[] {
    const found = new Map<LeftReason, LeftUnknown>()
    for (const { id, reason } of left) {
      const text = unknowns[reason]
      if (text === undefined) continue
      const { count, example } = found.get(reason) ?? { count: 0, example: id }
      const why = this.#messages.get(causes[reason] ?? reason) ?? text
      found.set(reason, { reason, count: count + 1, example, why })
    }
    return [...found.values()]
  }
}
