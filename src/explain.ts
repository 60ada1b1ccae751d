import prettyMs from 'pretty-ms'

import type { ContainerSummary } from './engine/port.ts'
import {
  type Evidence,
  type Finding,
  findings,
  type Reason,
  type RuleName,
  type Verdict,
  type VerdictName,
} from './judge.ts'

/** One rule, what it saw, and what it says where it settles the case. */
export interface ExplainedRule {
  readonly rule: 'owned-only' | RuleName | 'bounded-removal'
  readonly seen: string
  /** What this rule alone would say; null where it leaves the case to the next one. */
  readonly verdict: { readonly verdict: VerdictName; readonly reason: Reason } | null
}

/** The verdict on one container, rule by rule. */
export interface Explanation {
  readonly id: string
  readonly name: string
  readonly image: string
  readonly state: string
  /** In the order in which they are asked; the first with a verdict decides, unless the last one withholds it. */
  readonly rules: readonly ExplainedRule[]
  /** `foreign`: not the owner's, and never judged. */
  readonly verdict: VerdictName | 'foreign'
  readonly reason: Reason | 'not-owned'
  /** What could change the verdict, in words. */
  readonly outlook: string
  /** In how many milliseconds it could change by itself; null where only something outside can change it. */
  readonly changesInMs: number | null
}

/** Explains an owned container from all that its verdict rests on; `verdict` is what was judged in the end. */
export function explainOwned(evidence: Evidence, ownedBy: string, verdict: Verdict): Explanation {
  const found = findings(evidence)
  const changesInMs =
    verdict.verdict === 'graced' ? Math.max(0, verdict.endsAtMs - evidence.lookBeganMs) : null
  return {
    ...identify(evidence.container),
    rules: [
      { rule: 'owned-only', seen: ownedBy, verdict: null },
      ...found.map(explainRule),
      ...(verdict.reason === 'dangling-share' ? [tooManyDangle] : []),
    ],
    verdict: verdict.verdict,
    reason: verdict.reason,
    outlook: outlookOf(verdict, changesInMs),
    changesInMs,
  }
}

/** Explains a container that is not the owner's: no further rule is asked. */
export function explainForeign(container: ContainerSummary, notOwnedBy: string): Explanation {
  return {
    ...identify(container),
    rules: [{ rule: 'owned-only', seen: notOwnedBy, verdict: null }],
    verdict: 'foreign',
    reason: 'not-owned',
    outlook: 'it is not ours, so nothing is ever done to it',
    changesInMs: null,
  }
}

const tooManyDangle: ExplainedRule = {
  rule: 'bounded-removal',
  seen: 'a larger share of the owned containers dangles than the owner allows',
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

function outlookOf(verdict: Verdict, changesInMs: number | null): string {
  if (verdict.verdict === 'tracked') return 'it lives for as long as the agent tracks it'
  if (verdict.verdict === 'graced')
    return `dangling in ${prettyMs(Math.ceil((changesInMs ?? 0) / 1000) * 1000)} unless registered`
  if (verdict.verdict === 'dangling') return 'it would be removed now'
  return `spared ${spareOutlooks[verdict.reason]}`
}

/** Until when each reason spares. */
const spareOutlooks = {
  self: 'for ever: the agent runs in it',
  'keep-label': 'for ever: its keep label cannot be taken off',
  'label-from-image': 'for ever: its label says nothing of who started it',
  'image-unknown': 'until its image can be looked at',
  'state-not-covered': 'until its state is one that is covered, or more states are',
  'state-unknown': 'until the engine tells its state',
  'namespace-shared': 'until no container that counts uses its network',
  'namespace-unknown': 'until it is known of every container whose network it uses',
  'infra-container': 'for ever: it goes with its pod',
  'dangling-share': 'until fewer of the owned containers dangle',
  'hook-refused': 'until beforeRemove is asked again, a period after it refused',
  'hook-failed': 'until beforeRemove is asked again, a period after it failed',
  'hook-timed-out': 'until beforeRemove is asked again, a period after it gave no answer',
  'tracker-unknown': 'until the tracker answers true or false',
  'tracker-failed': 'until the tracker answers',
  'tracker-timed-out': 'until the tracker answers in time',
  'tracker-not-ready': 'until the tracker is ready',
  'tracker-invalid': 'until the tracker answers with a boolean',
  'tracked-file-unreadable': 'until the tracked file can be read',
  'tracked-file-invalid': 'until every line of the tracked file is a full id',
  'tracked-url-failed': 'until the tracked URL answers',
  'tracked-url-invalid': 'until the tracked URL gives a JSON array of full ids',
} as const satisfies Record<Extract<Verdict, { verdict: 'spared' }>['reason'], string>
