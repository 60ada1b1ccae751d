import type { FailureKind } from '../domain/errors.ts'
import type { AboutContainer, UnstampedEvent } from '../domain/events.ts'
import { shortId } from '../domain/ids.ts'
import type { LogLevel } from '../domain/logger.ts'
import { formatDuration } from '../options/duration.ts'
import { adviceOn } from '../policy/advice.ts'

/** Fields and message are functions, since most lines are below the level of the log and never formatted. */
export interface LogLine {
  readonly level: LogLevel
  /** Returns a new object each time, to which the caller may add fields. */
  readonly fields: () => Record<string, unknown>
  readonly message: () => string
}

const line = (level: LogLevel, message: () => string) => ({ level, message })

/**
 * Formats an event as a log line. All of its properties become fields. Its type is in the field `event`. A container's
 * name is in `container`, because pino uses `name` for the name of the logger.
 */
export function lineOf(event: UnstampedEvent): LogLine {
  const { level, message } = say(event)
  return { level, message, fields: () => fieldsOf(event) }
}

function fieldsOf({ type, ...rest }: UnstampedEvent): Record<string, unknown> {
  if (!('name' in rest)) return { event: type, ...rest }
  const { name, ...fields } = rest
  return { event: type, container: name, ...fields }
}

function say(event: UnstampedEvent): Omit<LogLine, 'fields'> {
  switch (event.type) {
    case 'discovered':
      return line('debug', () => `${called(event)} is new (${event.state})`)
    case 'classified':
      return sayVerdict(event)
    case 'spared':
      return line('debug', () => saySpared(event))
    case 'removed':
      return line('info', () => `removed ${called(event)}`)
    case 'removeFailed':
      return line(
        'debug',
        () =>
          `could not remove ${called(event)}: ${event.message}; retrying in ${formatDuration(event.retryInMs)}`,
      )
    case 'stuck':
      return line(
        'warn',
        () =>
          `${called(event)} is stuck after ${counted(event.failures, 'attempt', 'attempts')}: ${event.message}; retried with increasing backoff`,
      )
    case 'vanished':
      return line('debug', () => `${called(event)} is gone; it was removed by something else`)
    case 'released':
      return line('info', () => `${called(event)} is no longer owned`)
    case 'lost':
      return line(
        'warn',
        () => `the agent tracks ${called(event)}, which ${event.how === 'exited' ? 'has exited' : 'is gone'}`,
      )
    case 'scanned':
      return line(
        'debug',
        () => `scanned: ${event.owned} of ${event.listed} containers are owned, ${event.dangling} dangling`,
      )
    case 'sparedTotals':
      return line('info', () => saySparedTotals(event))
    case 'scanFailed':
      return line(
        'debug',
        () =>
          `scan failed after ${formatDuration(event.durationMs)} (${event.kind}), ${counted(event.failures, 'failure', 'failures')} in a row: ${event.message}`,
      )
    case 'engineDown':
      return line('warn', () => `${downs[event.kind]}: ${event.message}`)
    case 'engineStillDown':
      return line(
        'warn',
        () =>
          `${downs[event.kind]}, for ${formatDuration(event.downForMs)} and ${counted(event.failures, 'attempt', 'attempts')}: ${event.message}`,
      )
    case 'engineUp':
      return line(
        'info',
        () =>
          `the engine answers again after ${formatDuration(event.downForMs)} and ${counted(event.failures, 'failed attempt', 'failed attempts')}`,
      )
    case 'degraded':
      return line('warn', () => `${degradations[event.about]}: ${event.message}`)
    case 'stillDegraded':
      return line(
        'warn',
        () =>
          `${degradations[event.about]}, ${counted(event.count, 'time', 'times')} in ${formatDuration(event.lastedMs)}: ${event.message}`,
      )
    case 'recovered':
      return line(
        'info',
        () =>
          `${recoveries[event.about]} after ${formatDuration(event.lastedMs)} and ${counted(event.count, 'failure', 'failures')}`,
      )
    case 'stalled':
      return line(
        event.isRepeat ? 'debug' : 'info',
        () =>
          `this process or its clock stalled for ${formatDuration(event.stalledMs)}; nothing is removed for ${formatDuration(event.recoveryMs)}`,
      )
    case 'started':
      return line(
        'info',
        () => `watching ${event.engine}${event.dryRun ? ' in a dry run: nothing will be removed' : ''}`,
      )
    case 'crashed':
      return line(
        'error',
        () => `Flotsam has crashed; nothing is watched or removed any more: ${event.message}`,
      )
    case 'stopped':
      return line('info', () =>
        event.underWay > 0
          ? `stopped; ${counted(event.underWay, 'removal was', 'removals were')} left unsettled`
          : 'stopped',
      )
  }
}

const noUsableAnswer = 'the engine returns no usable answer'

const downs: Readonly<Record<FailureKind, string>> = {
  unavailable: 'the engine does not answer',
  'timed-out': 'the engine does not answer',
  misconfigured: 'the engine denies access',
  refused: noUsableAnswer,
  gone: noUsableAnswer,
  'in-progress': noUsableAnswer,
  'half-removed': noUsableAnswer,
  'invalid-answer': noUsableAnswer,
}

const degradations = {
  tracker: 'what the agent tracks is unknown, so nothing is removed',
  hook: 'beforeRemove failed, so the container is spared',
  image: 'an image could not be inspected, so its containers are spared',
  listing: 'an entry of the listing could not be read, so what it may be about is spared',
  'half-removed': 'the engine refuses its listing, and is asked for it in another way',
  sessions: 'whether other sessions are alive is unclear, so nothing of them is removed',
  namespaces: 'a container could not be inspected, so nothing that it may need is removed',
  inspection: 'a container could not be inspected, so it is spared',
  self: 'a container is spared, since this process may run in it',
  events: 'the events of the engine cannot be followed, so changes are found at the next scan',
  identity: 'the address leads to another engine than before',
  removal: 'a removal failed',
  tracking: 'no container is tracked; the keys of the tracker may be wrong',
  recreation: 'a container is recreated after each removal',
  fault: 'internal error recovered',
} as const

const recoveries = {
  tracker: 'the tracker answers again',
  hook: 'beforeRemove answers again',
  image: 'images can be inspected again',
  listing: 'every entry of the listing can be read again',
  'half-removed': 'the engine no longer refuses its listing',
  sessions: 'it is clear again which sessions are alive',
  namespaces: 'every container can be inspected again',
  inspection: 'containers can be inspected again',
  self: 'the container of this process is known',
  events: 'the events of the engine are followed',
  identity: 'the address leads to the same engine',
  removal: 'removals succeed again',
  tracking: 'the tracker tracks a container',
  recreation: 'removed containers stay removed',
  fault: 'no further internal errors',
} as const

function sayVerdict(event: Extract<UnstampedEvent, { type: 'classified' }>): Omit<LogLine, 'fields'> {
  const { verdict, reason, dryRun } = event
  if (verdict === 'dangling' && dryRun)
    return line('info', () => `would remove ${called(event)}: ${reason} (dry run)`)
  return line('debug', () => `${called(event)} is ${verdict}: ${reason}`)
}

function saySpared(event: Extract<UnstampedEvent, { type: 'spared' }>): string {
  const advice = adviceOn(event.reason, [event])
  return `${called(event)} is spared: ${event.reason}${advice === undefined ? '' : `; ${advice}`}`
}

function saySparedTotals({ spared, reasons }: Extract<UnstampedEvent, { type: 'sparedTotals' }>): string {
  if (spared === 0) return 'no container is spared any more'
  const parts = Object.entries(reasons).map(([reason, count]) => `${count} ${reason}`)
  return `${counted(spared, 'container is spared', 'containers are spared')}: ${parts.join(', ')}`
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}

function called({ name, id }: AboutContainer): string {
  return name === '' ? shortId(id) : `${name} (${shortId(id)})`
}
