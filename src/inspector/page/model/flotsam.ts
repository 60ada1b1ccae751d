import type { Actor } from './actor.ts'
import { isRecord, numberIn, textIn } from './message.ts'

/** A container, as its actor tells of it. */
export interface Container {
  readonly id: string
  readonly name: string
  readonly verdict: string
  readonly reason: string
  readonly failures: number
  readonly failure: Failure | undefined
  readonly outcome: string | undefined
}

export interface Failure {
  readonly kind: string | undefined
  readonly message: string
}

export interface Streak extends Failure {
  readonly about: string
  readonly count: number
}

export interface Look {
  readonly number: number
  readonly endedAt: number
  readonly durationMs: number
  readonly counts: Readonly<Record<'listed' | 'owned' | 'tracked' | 'graced' | 'dangling' | 'spared', number>>
}

/** The supervisor of one engine, as its actor tells of it. */
export interface Supervisor {
  readonly phase: string
  readonly health: 'unknown' | 'up' | 'down'
  readonly followsEvents: boolean
  readonly isLooking: boolean
  readonly failedLooks: number
  readonly failure: Failure | undefined
  readonly lastLook: Look | undefined
  readonly streaks: readonly Streak[]
}

/** Reads an actor as a container's; undefined for any other actor. */
export function containerOf({ machine, snapshot }: Actor): Container | undefined {
  const { context } = snapshot
  if (machine?.id !== 'container' || !isRecord(context)) return undefined
  const id = textIn(context['id'])
  const verdict = context['verdict']
  if (id === undefined || !isRecord(verdict)) return undefined
  return {
    id,
    name: textIn(context['name']) ?? id.slice(0, 12),
    verdict: textIn(verdict['verdict']) ?? '',
    reason: textIn(verdict['reason']) ?? '',
    failures: numberIn(context['failures']),
    failure: failureIn(context['failure']),
    outcome: textIn(context['outcome']),
  }
}

/** Reads an actor as a supervisor; undefined for any other actor. */
export function supervisorOf({ machine, snapshot }: Actor): Supervisor | undefined {
  const { context, value } = snapshot
  if (machine?.id !== 'supervisor' || !isRecord(context) || !isRecord(context['streaks'])) return undefined
  const regions = isRecord(value) ? value['running'] : undefined
  const phase = typeof value === 'string' ? value : isRecord(value) ? Object.keys(value).join(' ') : ''
  const health = isRecord(regions) ? regions['health'] : undefined
  return {
    phase,
    health: isRecord(health) && 'up' in health ? 'up' : health === 'down' ? 'down' : 'unknown',
    followsEvents: isRecord(health) && health['up'] === 'listening',
    isLooking: isRecord(regions) && regions['looking'] === 'looking',
    failedLooks: numberIn(context['failedLooks']),
    failure: failureIn(context['engineFailure']),
    lastLook: lookIn(context['lastLook']),
    streaks: Object.values(context['streaks']).flatMap((streak) => streakIn(streak) ?? []),
  }
}

function lookIn(value: unknown): Look | undefined {
  if (!isRecord(value)) return undefined
  const counts = { listed: 0, owned: 0, tracked: 0, graced: 0, dangling: 0, spared: 0 }
  for (const name of Object.keys(counts) as (keyof typeof counts)[]) counts[name] = numberIn(value[name])
  return {
    number: numberIn(value['number']),
    endedAt: numberIn(value['endedAt']),
    durationMs: numberIn(value['durationMs']),
    counts,
  }
}

function streakIn(value: unknown): Streak | undefined {
  if (!isRecord(value)) return undefined
  const failure = failureIn(value)
  return failure && { ...failure, about: textIn(value['about']) ?? '', count: numberIn(value['count']) }
}

function failureIn(value: unknown): Failure | undefined {
  if (!isRecord(value)) return undefined
  return { kind: textIn(value['kind']) ?? textIn(value['name']), message: textIn(value['message']) ?? '' }
}
