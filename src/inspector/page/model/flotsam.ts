import type { Actor } from './actor.ts'
import { isRecord, numberIn, textIn } from './message.ts'

/** A container, as read from its actor's snapshot. */
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

export interface Scan {
  readonly number: number
  readonly endedAt: number
  readonly durationMs: number
  readonly counts: Readonly<Record<'listed' | 'owned' | 'tracked' | 'graced' | 'dangling' | 'spared', number>>
}

/** A supervisor, as read from its actor's snapshot. */
export interface Supervisor {
  readonly phase: string
  readonly health: 'unknown' | 'up' | 'down'
  readonly followsEvents: boolean
  readonly isScanning: boolean
  readonly failedScans: number
  readonly failure: Failure | undefined
  readonly lastScan: Scan | undefined
  readonly streaks: readonly Streak[]
}

/** Reads an actor as a container's; undefined for any other actor. */
export function containerOf({ machine, snapshot }: Actor): Container | undefined {
  const { context, value } = snapshot
  if (machine?.id !== 'container' || !isRecord(context)) return undefined
  const id = textIn(context['id'])
  if (id === undefined) return undefined
  const verdict = isRecord(context['verdict']) ? context['verdict'] : {}
  return {
    id,
    name: (isRecord(context['listed']) && textIn(context['listed']['name'])) || id.slice(0, 12),
    verdict: textIn(verdict['verdict']) ?? '',
    reason: textIn(verdict['reason']) ?? '',
    failures: numberIn(context['failures']),
    failure: failureIn(context['failure']),
    outcome: value === 'gone' ? textIn(context['outcome']) : undefined,
  }
}

/** Reads an actor as a supervisor; undefined for any other actor. */
export function supervisorOf({ machine, snapshot }: Actor): Supervisor | undefined {
  const { context, value } = snapshot
  if (machine?.id !== 'supervisor' || !isRecord(context) || !isRecord(context['streaks'])) return undefined
  const regions = isRecord(value) ? value['running'] : undefined
  const phase = typeof value === 'string' ? value : isRecord(value) ? Object.keys(value).join(' ') : ''
  const engine = isRecord(regions) ? regions['engine'] : undefined
  const up = isRecord(engine) ? engine['up'] : undefined
  return {
    phase,
    health: up !== undefined ? 'up' : engine === 'down' ? 'down' : 'unknown',
    followsEvents: isRecord(up) && up['following'] === 'open',
    isScanning: isRecord(regions) && regions['scanning'] === 'scan',
    failedScans: numberIn(context['failedScans']),
    failure: failureIn(context['engineFailure']),
    lastScan: scanIn(context['lastScan']),
    streaks: Object.values(context['streaks']).flatMap((streak) => streakIn(streak) ?? []),
  }
}

function scanIn(value: unknown): Scan | undefined {
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
