import type { FailureKind } from '../domain/errors.ts'
import type { AboutContainer, Happening } from '../domain/events.ts'
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
export function lineOf(happening: Happening): LogLine {
  const { level, message } = say(happening)
  return { level, message, fields: () => fieldsOf(happening) }
}

function fieldsOf({ type, ...rest }: Happening): Record<string, unknown> {
  if (!('name' in rest)) return { event: type, ...rest }
  const { name, ...fields } = rest
  return { event: type, container: name, ...fields }
}

function say(happening: Happening): Omit<LogLine, 'fields'> {
  switch (happening.type) {
    case 'discovered':
      return line('debug', () => `${called(happening)} is new (${happening.state})`)
    case 'classified':
      return sayVerdict(happening)
    case 'spared':
      return line('debug', () => saySpared(happening))
    case 'removed':
      return line('info', () => `removed ${called(happening)}`)
    case 'removeFailed':
      return line(
        'debug',
        () =>
          `could not remove ${called(happening)}: ${happening.message}; retrying in ${formatDuration(happening.retryInMs)}`,
      )
    case 'stuck':
      return line(
        'warn',
        () =>
          `${called(happening)} is stuck after ${counted(happening.failures, 'attempt', 'attempts')}: ${happening.message}; retried with increasing backoff`,
      )
    case 'vanished':
      return line('debug', () => `${called(happening)} is gone; it was removed by something else`)
    case 'released':
      return line('info', () => `${called(happening)} is no longer owned`)
    case 'lost':
      return line(
        'warn',
        () =>
          `the agent tracks ${called(happening)}, which ${happening.how === 'exited' ? 'has exited' : 'is gone'}`,
      )
    case 'scanned':
      return line(
        'debug',
        () =>
          `scanned: ${happening.owned} of ${happening.listed} containers are owned, ${happening.dangling} dangling`,
      )
    case 'sparedTotals':
      return line('info', () => saySparedTotals(happening))
    case 'scanFailed':
      return line(
        'debug',
        () =>
          `scan failed after ${formatDuration(happening.durationMs)} (${happening.kind}), ${counted(happening.failures, 'failure', 'failures')} in a row: ${happening.message}`,
      )
    case 'engineDown':
      return line('warn', () => `${downs[happening.kind]}: ${happening.message}`)
    case 'engineStillDown':
      return line(
        'warn',
        () =>
          `${downs[happening.kind]}, for ${formatDuration(happening.downForMs)} and ${counted(happening.failures, 'attempt', 'attempts')}: ${happening.message}`,
      )
    case 'engineUp':
      return line(
        'info',
        () =>
          `the engine answers again after ${formatDuration(happening.downForMs)} and ${counted(happening.failures, 'failed attempt', 'failed attempts')}`,
      )
    case 'degraded':
      return line('warn', () => `${degradations[happening.about]}: ${happening.message}`)
    case 'stillDegraded':
      return line(
        'warn',
        () =>
          `${degradations[happening.about]}, ${counted(happening.count, 'time', 'times')} in ${formatDuration(happening.lastedMs)}: ${happening.message}`,
      )
    case 'recovered':
      return line(
        'info',
        () =>
          `${recoveries[happening.about]} after ${formatDuration(happening.lastedMs)} and ${counted(happening.count, 'failure', 'failures')}`,
      )
    case 'stalled':
      return line(
        happening.isRepeat ? 'debug' : 'info',
        () =>
          `this process or its clock stalled for ${formatDuration(happening.stalledMs)}; nothing is removed for ${formatDuration(happening.recoveryMs)}`,
      )
    case 'started':
      return line(
        'info',
        () =>
          `watching ${happening.engine}${happening.dryRun ? ' in a dry run: nothing will be removed' : ''}`,
      )
    case 'crashed':
      return line(
        'error',
        () => `Flotsam has crashed; nothing is watched or removed any more: ${happening.message}`,
      )
    case 'stopped':
      return line('info', () =>
        happening.underWay > 0
          ? `stopped; ${counted(happening.underWay, 'removal was', 'removals were')} left unsettled`
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

function sayVerdict(happening: Extract<Happening, { type: 'classified' }>): Omit<LogLine, 'fields'> {
  const { verdict, reason, dryRun } = happening
  if (verdict === 'dangling' && dryRun)
    return line('info', () => `would remove ${called(happening)}: ${reason} (dry run)`)
  return line('debug', () => `${called(happening)} is ${verdict}: ${reason}`)
}

function saySpared(happening: Extract<Happening, { type: 'spared' }>): string {
  const advice = adviceOn(happening.reason, [happening])
  return `${called(happening)} is spared: ${happening.reason}${advice === undefined ? '' : `; ${advice}`}`
}

function saySparedTotals({ spared, reasons }: Extract<Happening, { type: 'sparedTotals' }>): string {
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
