import prettyMs from 'pretty-ms'
import type { ContainerSummary } from '../domain/container.ts'
import type { Reason, Verdict, VerdictName } from '../domain/verdict.ts'
import { adviceOn, type Advised } from './advice.ts'
import { type Evidence, type Finding, findings, type RuleName } from './judge.ts'

/** One rule, what it observed, and its verdict if it applies. */
export interface ExplainedRule {
  readonly rule: 'owned-only' | RuleName | 'bounded-removal'
  readonly seen: string
  /** The verdict of this rule alone; null if the rule does not apply. */
  readonly verdict: { readonly verdict: VerdictName; readonly reason: Reason } | null
}

/** The verdict on one container, explained rule by rule. */
export interface Explanation {
  readonly id: string
  readonly name: string
  readonly image: string
  readonly state: string
  /** In order of evaluation; the first rule with a verdict decides, unless the last one overrides it. */
  readonly rules: readonly ExplainedRule[]
  /** `foreign`: not owned, and therefore never judged. */
  readonly verdict: VerdictName | 'foreign'
  readonly reason: Reason | 'not-owned'
  /** A human-readable description of what could change the verdict. */
  readonly outlook: string
  /** Milliseconds until the verdict could change over time; null if only an external change can affect it. */
  readonly changesInMs: number | null
}

/** Explains an owned container from its evidence; `verdict` is the final one. */
export function explainOwned(evidence: Evidence, ownedBy: string, verdict: Verdict): Explanation {
  const found = findings(evidence)
  const changesInMs =
    verdict.verdict === 'graced' ? Math.max(0, verdict.endsAtMs - evidence.scanBeganMs) : null
  return {
    ...identify(evidence.container),
    rules: [
      { rule: 'owned-only', seen: ownedBy, verdict: null },
      ...found.map(explainRule),
      ...(verdict.reason === 'dangling-share' ? [tooManyDangle] : []),
    ],
    verdict: verdict.verdict,
    reason: verdict.reason,
    outlook: outlookOf(verdict, changesInMs, evidence.container),
    changesInMs,
  }
}

/** Explains a container that is not owned; no further rule is evaluated. */
export function explainForeign(container: ContainerSummary, notOwnedBy: string): Explanation {
  return {
    ...identify(container),
    rules: [{ rule: 'owned-only', seen: notOwnedBy, verdict: null }],
    verdict: 'foreign',
    reason: 'not-owned',
    outlook: 'it is not owned, so it is never changed',
    changesInMs: null,
  }
}

const tooManyDangle: ExplainedRule = {
  rule: 'bounded-removal',
  seen: 'a larger share of the owned containers is dangling than maxDanglingShare allows',
  verdict: { verdict: 'spared', reason: 'dangling-share' },
}

function identify({
  id,
  name,
  image,
  state,
}: ContainerSummary): Pick<Explanation, 'id' | 'name' | 'image' | 'state'> {
  return { id, name, image, state }
}

function explainRule({ rule, seen, verdict }: Finding): ExplainedRule {
  return { rule, seen, verdict: verdict ? { verdict: verdict.verdict, reason: verdict.reason } : null }
}

function outlookOf(verdict: Verdict, changesInMs: number | null, container: Advised): string {
  if (verdict.verdict === 'tracked') return 'it is not removed while the agent tracks it'
  if (verdict.verdict === 'graced')
    return `dangling in ${prettyMs(Math.ceil((changesInMs ?? 0) / 1000) * 1000)} unless registered`
  if (verdict.verdict === 'dangling') return 'it would be removed now'
  const advice = adviceOn(verdict.reason, [container])
  return `spared ${sparedUntil[verdict.reason]}${advice === undefined ? '' : `; ${advice}`}`
}

/** How long each reason spares a container. */
const sparedUntil = {
  self: 'forever: the agent runs in it',
  'self-unknown': 'until the container that the agent runs in is given: option self, or --self',
  'listed-twice': 'until the engine lists it only once',
  'entry-unreadable': 'until its entry in the listing can be read; the log says why it cannot',
  'id-is-a-name': 'until no container has the id of another one as its name; rename that container',
  'keep-label': 'forever: an engine cannot remove a label from a container',
  orchestrated: 'forever: its orchestrator would start it again; to remove it nevertheless, set orchestrated',
  'label-from-image': 'forever: its label does not prove who started it',
  'image-unknown': 'until its image can be inspected',
  'state-not-covered': 'until it changes its state, or more states are covered',
  'state-unknown': 'until the engine reports its state',
  'session-alive': 'while its session is alive',
  'session-unknown': 'until it is known that its session has ended',
  'group-alive': 'until every other container of its group is gone, and the last one seen was untracked',
  'namespace-shared': 'until no relevant container uses its namespaces',
  'namespace-unknown':
    'until every container that may use its namespaces can be inspected and has a known holder; the log names the one',
  'infra-container': 'forever: an engine removes it only with its pod',
  'inspection-disagrees': 'until its inspection agrees with the listing',
  'inspection-failed': 'until it can be inspected',
  'being-removed': 'until it is gone; after five minutes it is removed like any other',
  'half-removed': 'until a person finishes its removal: podman rm -f; the log names it',
  'dangling-share': 'until a smaller share of the owned containers is dangling',
  'hook-refused': 'until beforeRemove is called again, a period after it refused',
  'hook-failed': 'until beforeRemove is called again, a period after it failed',
  'hook-timed-out': 'until beforeRemove is called again, a period after it gave no answer',
  'tracker-unknown': 'until the tracker answers true or false',
  'tracker-failed': 'until the tracker answers',
  'tracker-timed-out': 'until the tracker answers in time',
  'tracker-not-ready': 'until the tracker is ready',
  'tracker-invalid': 'until the tracker answers with a boolean',
  'tracker-wrong-keys': 'until every key of the tracked Map or Set is a full container id',
  'tracked-file-unreadable': 'until the tracked file can be read',
  'tracked-file-invalid': 'until the tracked file is valid: full ids, one per line, and the last line end',
  'tracked-url-failed': 'until the tracked URL answers',
  'tracked-url-invalid': 'until the tracked URL returns a JSON array of full ids',
} as const satisfies Record<Extract<Verdict, { verdict: 'spared' }>['reason'], string>
