import type { ActorRefFrom } from 'xstate'
import type { ContainerContext, containerMachine } from '../../machines/container.machine.ts'
import { unknownRecheckMs } from '../../machines/container.record.ts'
import type { Judgement } from '../../machines/types.ts'
import type { ContainerSummary } from '../domain/container.ts'
import type { AboutContainer } from '../domain/events.ts'
import type { ContainerId } from '../domain/ids.ts'
import { type Verdict, isAskedAgain } from '../domain/verdict.ts'

export type ContainerActor = ActorRefFrom<typeof containerMachine>

/** A container's record: the machine's context, narrowed to the types that src/ stores in it. */
export interface KnownContainer extends Omit<ContainerContext, 'id' | 'listed' | 'confirmedAs' | 'verdict'> {
  readonly id: ContainerId
  readonly listed: ContainerSummary
  readonly confirmedAs: ContainerSummary | undefined
  readonly verdict: Verdict | undefined
}

/** The machine stores complete listing entries and verdicts, but its own types expose only the parts it reads. */
export function knownOf(context: ContainerContext): KnownContainer {
  return context as KnownContainer
}

export function about({ listed: { id, name, image } }: Pick<KnownContainer, 'listed'>): AboutContainer {
  return { id, name, image }
}

/** not-ours-to-stop: one of our requests may have stopped the container. */
export function isStoppedByUs({
  isRequestOut,
  stop,
}: Pick<KnownContainer, 'isRequestOut' | 'stop'>): boolean {
  return isRequestOut || stop !== undefined
}

/** Combines a current verdict with the delay until it should be judged again. */
export function judgement(
  known: Pick<KnownContainer, 'refusal' | 'objection'>,
  verdict: Verdict,
  { scan, nowMs, askedAgainMs }: JudgedAt,
): Judgement {
  return { verdict, scan, atMs: nowMs, recheckMs: askedAgainMs ?? recheckMs(known, verdict, nowMs) }
}

interface JudgedAt {
  readonly scan: number
  readonly nowMs: number
  /** The delay until an unanswered question is repeated; undefined if unknown. */
  readonly askedAgainMs?: number | undefined
}

function recheckMs(
  { refusal, objection }: Pick<KnownContainer, 'refusal' | 'objection'>,
  verdict: Verdict,
  nowMs: number,
): number | undefined {
  if (isAskedAgain(verdict)) return unknownRecheckMs
  const held = [refusal, objection].find((one) => one?.reason === verdict.reason)
  return held && held.untilMs < Infinity ? held.untilMs - nowMs : undefined
}

/** Whether a verdict is equivalent to the previous one. */
export function isSameVerdict(before: Verdict | undefined, verdict: Verdict): boolean {
  return (
    before?.verdict === verdict.verdict &&
    before.reason === verdict.reason &&
    graceEnd(before) === graceEnd(verdict)
  )
}

function graceEnd(verdict: Verdict): number | undefined {
  return verdict.verdict === 'graced' ? verdict.endsAtMs : undefined
}
