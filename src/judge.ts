import type { ContainerSummary } from './engine/port.ts'
import type { ContainerId } from './ids.ts'

/** Why an untracked container is not to be removed although its graces are over. Stable words; docs/reasons.md explains each. */
export type SpareReason =
  | 'self'
  | 'keep-label'
  | 'label-from-image'
  | 'image-unknown'
  | 'state-not-covered'
  | 'state-unknown'
  | 'namespace-shared'
  | 'namespace-unknown'
  | 'infra-container'
  | 'dangling-share'
  | 'hook-refused'
  | 'hook-failed'
  | 'hook-timed-out'
  | TrackerTrouble

const trackerTroubles = [
  'tracker-unknown',
  'tracker-failed',
  'tracker-timed-out',
  'tracker-not-ready',
  'tracker-invalid',
  'tracked-file-unreadable',
  'tracked-file-invalid',
  'tracked-url-failed',
  'tracked-url-invalid',
] as const

/** Why the tracker's answer could not be had. */
export type TrackerTrouble = (typeof trackerTroubles)[number]

export function isTrackerTrouble(reason: unknown): reason is TrackerTrouble {
  return (trackerTroubles as readonly unknown[]).includes(reason)
}

/** Whether it is spared only because something could not be found out, which may be found out soon. */
export function isUnknown({ reason }: Verdict): boolean {
  return reason === 'image-unknown' || reason === 'namespace-unknown' || isTrackerTrouble(reason)
}

export type GraceReason = 'creation-grace' | 'restore-grace' | 'release-grace' | 'recovery-grace'

/** What the judge says of one container at one look. */
export type Verdict =
  | { readonly verdict: 'tracked'; readonly reason: 'tracked' }
  | {
      readonly verdict: 'graced'
      readonly reason: GraceReason
      /** When the last of its graces ends, on the clock that counts them. */
      readonly endsAtMs: number
    }
  | {
      readonly verdict: 'dangling'
      readonly reason: 'untracked'
      /** Ended containers in its network namespace that protect it no longer only because they are untracked: asked again last. */
      readonly endedGuests: readonly ContainerId[]
    }
  | { readonly verdict: 'spared'; readonly reason: SpareReason }

export type VerdictName = Verdict['verdict']
export type Reason = Verdict['reason']

/** What the tracker says of one id. */
export type TrackerAnswer = 'tracked' | 'untracked' | TrackerTrouble

/** When each grace ends, on the clock that counts them; undefined where there is none. */
export interface GraceEnds {
  readonly creationMs: number
  readonly restoreMs: number | undefined
  readonly releaseMs: number | undefined
  readonly recoveryMs: number | undefined
}

/** What an owner may decide about what is removed. */
export interface Policy {
  readonly keepLabel: string
  readonly states: ReadonlySet<string>
}

/** All that a verdict rests on. The judge asks nobody and reads no clock. */
export interface Evidence {
  readonly container: ContainerSummary
  readonly policy: Policy
  /** When the look began, on the clock that counts graces. */
  readonly lookBeganMs: number
  readonly isSelf: boolean
  readonly answer: TrackerAnswer
  /** Whether its owner label came with its image. */
  readonly labelOrigin: 'container' | 'image' | 'unknown' | 'unasked'
  /** A listed container that shares its network namespace and protects it. */
  readonly protectingGuest: ContainerId | undefined
  /** Whether it is known of every listed container whose network it uses. */
  readonly areNetworksKnown: boolean
  readonly endedGuests: readonly ContainerId[]
  readonly graceEnds: GraceEnds
  /** Our own removal stopped it, so the states that the policy covers do not matter any more. */
  readonly stoppedByUs: boolean
  /** Where the hook would not have it removed, until it is to be asked again. */
  readonly hookRefusal: 'hook-refused' | 'hook-failed' | 'hook-timed-out' | undefined
}

/** One rule's view of one container: what was seen, and the verdict where the rule settles it. */
export interface Finding {
  readonly rule: RuleName
  readonly seen: string
  readonly verdict: Verdict | undefined
}

export type RuleName =
  | 'not-self'
  | 'tracked'
  | 'keep-label'
  | 'unknown-is-spared'
  | 'own-label'
  | 'state-covered'
  | 'namespace-shared'
  | 'graces'
  | 'hook'
  | 'dangling'

interface Rule {
  readonly name: RuleName
  /** What the rule saw, for people; worked out only when a container is explained. */
  readonly seen: (evidence: Evidence) => string
  readonly settles: (evidence: Evidence) => Verdict | undefined
}

const tracked: Verdict = { verdict: 'tracked', reason: 'tracked' }
const spared = (reason: SpareReason): Verdict => ({ verdict: 'spared', reason })

/** Podman's own words for what Docker calls otherwise. A killed Podman leaves containers in them for as long as they are there. */
const otherWords: ReadonlyMap<string, string> = new Map([
  ['configured', 'created'],
  ['initialized', 'created'],
  ['stopping', 'running'],
  ['stopped', 'exited'],
])

/** The state that a policy has to cover for this one. */
function coveredAs(state: string): string {
  return otherWords.get(state) ?? state
}

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
    name: 'keep-label',
    seen: ({ container, policy }) => seenLabel(container.labels, policy.keepLabel),
    settles: ({ container, policy }) => (isKept(container, policy) ? spared('keep-label') : undefined),
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
    name: 'own-label',
    seen: ({ labelOrigin }) =>
      ({
        container: 'its owner label was put on the container itself',
        image: 'its owner label came with its image',
        unasked: 'its image was not asked about, since nothing depends on it',
        unknown: 'whether its owner label came with its image could not be found out',
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
      const isCovered = policy.states.has(coveredAs(container.state))
      return stoppedByUs || isCovered ? undefined : spared('state-not-covered')
    },
  },
  {
    name: 'namespace-shared',
    seen: ({ protectingGuest, areNetworksKnown, container }) =>
      isInfra(container)
        ? 'it holds the namespaces of a pod'
        : !areNetworksKnown
          ? 'whose network each container uses is not known'
          : protectingGuest
            ? `${protectingGuest.slice(0, 12)} uses its network`
            : 'no container that counts uses its network',
    settles: ({ protectingGuest, areNetworksKnown, container }) => {
      if (isInfra(container)) return spared('infra-container')
      if (protectingGuest) return spared('namespace-shared')
      return areNetworksKnown ? undefined : spared('namespace-unknown')
    },
  },
  { name: 'graces', seen: (evidence) => seenGraces(evidence), settles: lastGrace },
  {
    name: 'hook',
    seen: ({ hookRefusal }) => hookRefusal ?? 'no refusal',
    settles: ({ hookRefusal }) => (hookRefusal ? spared(hookRefusal) : undefined),
  },
  {
    name: 'dangling',
    seen: () => 'owned, untracked, out of every grace, unprotected',
    // Whoever gets here was asked about: an origin that nobody looked into is one that nobody knows.
    settles: ({ endedGuests, labelOrigin }) =>
      labelOrigin === 'unasked'
        ? spared('image-unknown')
        : { verdict: 'dangling', reason: 'untracked', endedGuests },
  },
]

/**
 * The verdict on one owned container: that of the first rule that settles it. Pure.
 */
export function judge(evidence: Evidence): Verdict {
  for (const rule of rules) {
    const verdict = rule.settles(evidence)
    if (verdict) return verdict
  }
  throw new Error('unreachable: the last rule settles every case')
}

/** Every rule in its order with what it saw; the verdict is that of the first finding that has one. Pure. */
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
  seen: 'not reached: a rule above settles it',
  verdict: undefined,
}

/** Whether the container bears the keep label, with any value but `false`. */
export function isKept({ labels }: ContainerSummary, { keepLabel }: Policy): boolean {
  return Object.hasOwn(labels, keepLabel) && labels[keepLabel] !== 'false'
}

const podmanInfraName = /^[0-9a-f]{12}-infra$/

/** Podman names the container that holds a pod's namespaces after the pod; it goes with its pod, and only so. */
function isInfra({ names }: ContainerSummary): boolean {
  return names.some((name) => podmanInfraName.test(name))
}

/**
 * bounded-removal: whether so large a share of the owned containers dangles that the tracker itself is in doubt.
 * Without a limit, or without containers, nothing is in doubt.
 */
export function isShareSuspicious(
  danglingCount: number,
  ownedCount: number,
  maxShare: number | undefined,
): boolean {
  return danglingCount / ownedCount > (maxShare ?? Infinity)
}

/** The grace that ends last, when the look began before its end. */
function lastGrace({ graceEnds, lookBeganMs }: Evidence): Verdict | undefined {
  let reason: GraceReason = 'creation-grace'
  let endsAtMs = graceEnds.creationMs
  for (const [name, of] of laterGraces) {
    const endMs = of(graceEnds)
    if (endMs === undefined || endMs <= endsAtMs) continue
    reason = name
    endsAtMs = endMs
  }
  return lookBeganMs >= endsAtMs ? undefined : { verdict: 'graced', reason, endsAtMs }
}

const laterGraces: readonly (readonly [GraceReason, (ends: GraceEnds) => number | undefined])[] = [
  ['restore-grace', (ends) => ends.restoreMs],
  ['release-grace', (ends) => ends.releaseMs],
  ['recovery-grace', (ends) => ends.recoveryMs],
]

function seenGraces({ graceEnds, lookBeganMs }: Evidence): string {
  const ends = laterGraces.map(([name, of]) => [name, of(graceEnds)] as const)
  const open = [['creation-grace', graceEnds.creationMs] as const, ...ends].filter(
    ([, endMs]) => (endMs ?? -Infinity) > lookBeganMs,
  )
  if (open.length === 0) return 'every grace is over'
  return open
    .map(([name, endMs]) => `${name} for another ${Math.ceil(((endMs as number) - lookBeganMs) / 1000)}s`)
    .join(', ')
}

function seenLabel(labels: ContainerSummary['labels'], name: string): string {
  return Object.hasOwn(labels, name) ? `label ${name}=${labels[name]}` : `no label ${name}`
}
