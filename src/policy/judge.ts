import type { ContainerSummary } from '../domain/container.ts'
import { type ContainerId, shortId } from '../domain/ids.ts'
import { nominatedAs } from '../domain/states.ts'
import type {
  GraceReason,
  HookRefusal,
  ListingFault,
  Objection,
  SpareReason,
  TrackerAnswer,
  Verdict,
} from '../domain/verdict.ts'

/** When each grace ends, on the clock that counts them; undefined if it does not apply. */
export interface GraceEnds {
  readonly creationMs: number
  readonly restoreMs: number | undefined
  readonly releaseMs: number | undefined
  readonly recoveryMs: number | undefined
  /** The grace of a tracker that suddenly tracks none of its containers. */
  readonly emptiedMs: number | undefined
  /** The session grace of the other session that it belongs to. */
  readonly sessionMs: number | undefined
}

/** What is known of another session. `ended` only if its lease is gone. */
export type SessionState = 'alive' | 'ended' | 'unknown'

/** The owner's settings for what is removed. */
export interface Policy {
  readonly keepLabel: string
  readonly states: ReadonlySet<string>
  /** Whether containers managed by an orchestrator are removed like others. */
  readonly orchestrated: boolean
}

/** Everything that a verdict is based on. Judging sends no request and reads no clock. */
export interface Evidence {
  readonly container: ContainerSummary
  readonly policy: Policy
  /** When the scan began, on the clock that counts graces. */
  readonly scanBeganMs: number
  readonly isSelf: boolean
  readonly listingFault: ListingFault | undefined
  readonly answer: TrackerAnswer
  /** The session that its owner label names; undefined if that is our own, or if the owner has no sessions. */
  readonly session: SessionState | undefined
  /** Whether its owner label comes from its image. */
  readonly labelOrigin: 'container' | 'image' | 'unknown' | 'unasked'
  /** Why the group of a helper counts as alive; undefined if it does not. */
  readonly groupLife: string | undefined
  /** A listed container that protects it by using one of its namespaces or depending on it otherwise. */
  readonly protectingGuest: ContainerId | undefined
  /** Whether the namespace use of every listed container is known. */
  readonly areNamespacesKnown: boolean
  readonly endedGuests: () => readonly ContainerSummary[]
  readonly graceEnds: GraceEnds
  /** Our own removal stopped it, so it may be removed in any state. */
  readonly stoppedByUs: boolean
  /** Set while a refusal by the hook is valid. */
  readonly hookRefusal: HookRefusal | undefined
  /** The reason against a removal from its last inspection, while it is valid. */
  readonly objection: Objection | undefined
}

/** One rule's finding on one container: what it observed, and its verdict if it applies. */
export interface Finding {
  readonly rule: RuleName
  readonly seen: string
  readonly verdict: Verdict | undefined
}

export type RuleName =
  | 'not-self'
  | 'tracked'
  | 'exact-id'
  | 'keep-label'
  | 'orchestrated'
  | 'unknown-is-spared'
  | 'live-session'
  | 'own-label'
  | 'state-covered'
  | 'namespace-shared'
  | 'graces'
  | 'hook'
  | 'second-source'
  | 'dangling'

interface Rule {
  readonly name: RuleName
  /** A human-readable description of what the rule observed; computed only when a container is explained. */
  readonly seen: (evidence: Evidence) => string
  readonly settles: (evidence: Evidence) => Verdict | undefined
}

const tracked: Verdict = { verdict: 'tracked', reason: 'tracked' }
const spared = (reason: SpareReason): Verdict => ({ verdict: 'spared', reason })

const rules: readonly Rule[] = [
  {
    name: 'not-self',
    seen: ({ isSelf }) =>
      isSelf ? 'this is the container that the agent runs in' : 'not the container that the agent runs in',
    settles: ({ isSelf }) => (isSelf ? spared('self') : undefined),
  },
  {
    name: 'tracked',
    seen: ({ answer }) =>
      answer === 'tracked' ? 'the agent tracks it' : 'the agent does not say that it tracks it',
    settles: ({ answer }) => (answer === 'tracked' ? tracked : undefined),
  },
  {
    name: 'exact-id',
    seen: ({ listingFault }) =>
      listingFault
        ? seenFaults[listingFault]
        : 'listed once, and its id is not the name of another container',
    settles: ({ listingFault }) => (listingFault ? spared(listingFault) : undefined),
  },
  {
    name: 'keep-label',
    seen: ({ container, policy }) => seenLabel(container.labels, policy.keepLabel),
    settles: ({ container, policy }) => (isKept(container, policy) ? spared('keep-label') : undefined),
  },
  {
    name: 'orchestrated',
    seen: ({ container }) => {
      const label = orchestratorLabel(container.labels)
      return label === undefined
        ? 'no label of an orchestrator'
        : `label ${label}: an orchestrator manages it`
    },
    settles: ({ container, policy }) =>
      !policy.orchestrated && orchestratorLabel(container.labels) !== undefined
        ? spared('orchestrated')
        : undefined,
  },
  {
    name: 'unknown-is-spared',
    seen: ({ answer }) =>
      answer === 'untracked'
        ? 'the tracker answered: not tracked'
        : answer === 'tracked'
          ? 'the tracker answered'
          : `no answer: ${answer}`,
    settles: ({ answer }) => (answer === 'tracked' || answer === 'untracked' ? undefined : spared(answer)),
  },
  {
    name: 'live-session',
    seen: ({ session }) => (session === undefined ? 'not of another session' : seenSessions[session]),
    settles: ({ session }) => sparedBySession(session),
  },
  {
    name: 'own-label',
    seen: ({ labelOrigin }) =>
      ({
        container: 'its owner label was put on the container itself',
        image: 'its owner label came with its image',
        unasked: 'its image was not inspected, since nothing depends on it',
        unknown: 'whether its owner label came with its image is unknown',
      })[labelOrigin],
    settles: ({ labelOrigin }) =>
      labelOrigin === 'container' || labelOrigin === 'unasked'
        ? undefined
        : spared(labelOrigin === 'image' ? 'label-from-image' : 'image-unknown'),
  },
  {
    name: 'state-covered',
    seen: ({ container, policy, stoppedByUs }) =>
      stoppedByUs
        ? `${container.state}, and our own removal stopped it`
        : `${container.state || 'no state'}; covered: ${[...policy.states].join(', ')}`,
    settles: ({ container, policy, stoppedByUs }) => {
      if (container.state === '') return spared('state-unknown')
      const isCovered = policy.states.has(nominatedAs(container.state))
      return stoppedByUs || isCovered ? undefined : spared('state-not-covered')
    },
  },
  {
    name: 'namespace-shared',
    seen: ({ groupLife, protectingGuest, areNamespacesKnown }) =>
      groupLife ??
      (!areNamespacesKnown
        ? 'the namespaces that each container uses are unknown'
        : protectingGuest
          ? `${shortId(protectingGuest)} uses or may use its namespaces`
          : 'no relevant container uses its namespaces'),
    settles: ({ groupLife, protectingGuest, areNamespacesKnown }) => {
      if (groupLife !== undefined) return spared('group-alive')
      if (protectingGuest) return spared('namespace-shared')
      return areNamespacesKnown ? undefined : spared('namespace-unknown')
    },
  },
  { name: 'graces', seen: (evidence) => seenGraces(evidence), settles: lastGrace },
  {
    name: 'hook',
    seen: ({ hookRefusal }) => hookRefusal ?? 'no refusal',
    settles: ({ hookRefusal }) => (hookRefusal ? spared(hookRefusal) : undefined),
  },
  {
    name: 'second-source',
    seen: ({ objection }) =>
      objection
        ? seenObjections[objection]
        : 'no inspection contradicts it; it is inspected again before its removal',
    settles: ({ objection }) => (objection ? spared(objection) : undefined),
  },
  {
    name: 'dangling',
    seen: () => 'owned, untracked, out of every grace, unprotected',
    // Candidates always have their label's origin checked, so an unchecked one is unknown.
    settles: ({ endedGuests, labelOrigin }) =>
      labelOrigin === 'unasked'
        ? spared('image-unknown')
        : { verdict: 'dangling', reason: 'untracked', endedGuests },
  },
]

/**
 * Returns the verdict on one owned container, which is that of the first rule that applies. Pure.
 */
export function judge(evidence: Evidence): Verdict {
  for (const rule of rules) {
    const verdict = rule.settles(evidence)
    if (verdict) return verdict
  }
  throw new Error('unreachable: the last rule settles every case')
}

/** Checks on a dangling container, made right before it is changed. */
export type LaterQuestion =
  /** second-source: the findings of its inspection. */
  | {
      readonly stage: 'inspection'
      readonly objection: Objection | undefined
      readonly creationGraceEndsMs: number
      /** fresh-scan: when the verdict was made. A grace that has ended since then needs another scan. */
      readonly judgedAtMs: number
      /** Whether its ended guests are still not running. */
      readonly haveGuestsEnded: boolean
    }
  /** fresh-scan: the tracker's final answers on its ended guests and on the container itself. */
  | {
      readonly stage: 'last-question'
      readonly guests: readonly TrackerAnswer[]
      readonly own: TrackerAnswer
      /** live-session: the lease store's final answers on the sessions of its ended guests and on its own. */
      readonly guestSessions: readonly (SessionState | undefined)[]
      readonly session: SessionState | undefined
    }
  | { readonly stage: 'hook'; readonly refusal: HookRefusal }
  /** bounded-removal: how many of the owned containers would be removed. */
  | {
      readonly stage: 'share'
      readonly suspects: number
      readonly owned: number
      readonly maxShare: number | undefined
    }

/** Returns the verdict that replaces `dangling`; undefined if it still applies. Pure. */
export function judgeAgain(question: LaterQuestion): Verdict | undefined {
  switch (question.stage) {
    case 'inspection': {
      const { objection, creationGraceEndsMs, haveGuestsEnded, judgedAtMs } = question
      if (objection) return spared(objection)
      if (creationGraceEndsMs > judgedAtMs)
        return { verdict: 'graced', reason: 'creation-grace', endsAtMs: creationGraceEndsMs }
      return haveGuestsEnded ? undefined : spared('namespace-shared')
    }
    case 'last-question': {
      const { guests, guestSessions, own, session } = question
      if (own === 'tracked') return tracked
      if (own !== 'untracked') return spared(own)
      const spares = sparedBySession(session)
      if (spares) return spares
      const isForgotten = guests.every((answer) => answer === 'untracked')
      return isForgotten && !guestSessions.some(sparedBySession) ? undefined : spared('namespace-shared')
    }
    case 'hook':
      return spared(question.refusal)
    case 'share':
      return isShareSuspicious(question.suspects, question.owned, question.maxShare)
        ? spared('dangling-share')
        : undefined
  }
}

/** Evaluates every rule in order; the first finding with a verdict decides. Pure. */
export function findings(evidence: Evidence): readonly Finding[] {
  const found = rules.map(({ name, seen, settles }) => ({
    rule: name,
    seen: seen(evidence),
    verdict: settles(evidence),
  }))
  const isSettledBefore = found.slice(0, -1).some(({ verdict }) => verdict)
  return isSettledBefore ? [...found.slice(0, -1), notReached] : found
}

const notReached: Finding = {
  rule: 'dangling',
  seen: 'not evaluated: an earlier rule decides',
  verdict: undefined,
}

const seenFaults: Readonly<Record<ListingFault, string>> = {
  'listed-twice': 'the listing shows it more than once',
  'entry-unreadable': 'its entry in the listing could not be read',
  'id-is-a-name': 'its id is also the name of a container, which an engine may confuse',
}

const seenSessions: Readonly<Record<SessionState, string>> = {
  alive: 'its session is alive: the lease is held',
  ended: 'its session has ended: the lease is gone',
  unknown: 'whether its session is alive is unknown',
}

/** live-session: only a lease that is known to be gone does not spare. */
export function sparedBySession(session: SessionState | undefined): Verdict | undefined {
  if (session === undefined || session === 'ended') return undefined
  return spared(session === 'alive' ? 'session-alive' : 'session-unknown')
}

const seenObjections: Readonly<Record<Objection, string>> = {
  self: 'its inspection shows that this process runs in it',
  'self-unknown': 'whether this process runs in it is unknown',
  'infra-container': 'its inspection shows that it holds the namespaces of a pod',
  'inspection-disagrees': 'its inspection disagrees with the listing',
  'inspection-failed': 'it could not be inspected',
  'being-removed': 'its inspection shows that it is being removed',
  'half-removed': 'its removal was interrupted, and was not known to be ours',
}

/** Labels that Swarm, Kubernetes (cri-dockerd) and Podman's systemd units set on the containers that they manage. */
const orchestratorLabels = [
  'com.docker.swarm.task.id',
  'com.docker.swarm.service.id',
  'io.kubernetes.pod.uid',
  'io.kubernetes.pod.name',
  'PODMAN_SYSTEMD_UNIT',
] as const

function orchestratorLabel(labels: ContainerSummary['labels']): string | undefined {
  return orchestratorLabels.find((label) => Object.hasOwn(labels, label))
}

/** Whether the container has the keep label with any value other than `false`. */
export function isKept({ labels }: ContainerSummary, { keepLabel }: Policy): boolean {
  return Object.hasOwn(labels, keepLabel) && labels[keepLabel] !== 'false'
}

/**
 * bounded-removal: whether the share of dangling containers is so large that the tracker may be wrong. Always false without
 * a limit or without containers.
 */
export function isShareSuspicious(
  danglingCount: number,
  ownedCount: number,
  maxShare: number | undefined,
): boolean {
  return danglingCount / ownedCount > (maxShare ?? Infinity)
}

/** Returns the grace that ends last, if the scan began before its end. */
function lastGrace({ graceEnds, scanBeganMs }: Evidence): Verdict | undefined {
  let reason: GraceReason = 'creation-grace'
  let endsAtMs = graceEnds.creationMs
  for (const [name, endOf] of laterGraces) {
    const endMs = endOf(graceEnds)
    if (endMs === undefined || endMs <= endsAtMs) continue
    reason = name
    endsAtMs = endMs
  }
  return scanBeganMs >= endsAtMs ? undefined : { verdict: 'graced', reason, endsAtMs }
}

const laterGraces: readonly (readonly [GraceReason, (ends: GraceEnds) => number | undefined])[] = [
  ['restore-grace', (ends) => ends.restoreMs],
  ['release-grace', (ends) => ends.releaseMs],
  ['recovery-grace', (ends) => ends.recoveryMs],
  ['tracker-emptied', (ends) => ends.emptiedMs],
  ['session-grace', (ends) => ends.sessionMs],
]

function seenGraces({ graceEnds, scanBeganMs }: Evidence): string {
  const ends = laterGraces.map(([name, endOf]) => [name, endOf(graceEnds)] as const)
  const open = [['creation-grace', graceEnds.creationMs] as const, ...ends].filter(
    ([, endMs]) => (endMs ?? -Infinity) > scanBeganMs,
  )
  if (open.length === 0) return 'every grace has ended'
  return open
    .map(([name, endMs]) => `${name} for another ${Math.ceil(((endMs as number) - scanBeganMs) / 1000)}s`)
    .join(', ')
}

function seenLabel(labels: ContainerSummary['labels'], name: string): string {
  return Object.hasOwn(labels, name) ? `label ${name}=${labels[name]}` : `no label ${name}`
}
