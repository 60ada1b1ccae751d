import type { FailureKind } from '../domain/errors.ts'
import type { AboutContainer, Happening } from '../domain/events.ts'
import { shortId } from '../domain/ids.ts'
import type { LogLevel } from '../domain/logger.ts'
import { formatDuration } from '../options/duration.ts'

/** Nothing but its level is made before somebody reads it: most lines are below the level of most logs. */
export interface LogLine {
  readonly level: LogLevel
  /** Made for each call, so that more can be put in. */
  readonly fields: () => Record<string, unknown>
  readonly message: () => string
}

const line = (level: LogLevel, message: () => string) => ({ level, message })

/**
 * What an event looks like in the log. Every field of it goes along; `event` is its name, and a container's name is
 * `container`, since `name` is the logger's own in pino.
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
      return line('debug', () => `${called(happening)} is spared: ${happening.reason}`)
    case 'removed':
      return line('info', () => `removed ${called(happening)}`)
    case 'removeFailed':
      return line(
        'debug',
        () =>
          `could not remove ${called(happening)}: ${happening.message}; again in ${formatDuration(happening.retryInMs)}`,
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
          `this process or its clock stood still for ${formatDuration(happening.stalledMs)}; nothing is removed for ${formatDuration(happening.recoveryMs)}`,
      )
    case 'started':
      return line(
        'info',
        () =>
          `watching ${happening.engine}${happening.dryRun ? ' in a dry run: nothing will be removed' : ''}`,
      )
    case 'crashed':
      return line('error', () => `Flotsam has crashed; nothing is reconciled any more: ${happening.message}`)
    case 'stopped':
      return line('info', () =>
        happening.underWay > 0
          ? `stopped; ${counted(happening.underWay, 'removal was', 'removals were')} left unsettled`
          : 'stopped',
      )
  }
}

const noUsableAnswer = 'the engine gives no usable answer'

const downs: Readonly<Record<FailureKind, string>> = {
  unavailable: 'the engine does not answer',
  'timed-out': 'the engine does not answer',
  misconfigured: 'the engine refuses us',
  refused: noUsableAnswer,
  gone: noUsableAnswer,
  'in-progress': noUsableAnswer,
  'invalid-answer': noUsableAnswer,
}

const degradations = {
  tracker: 'what the agent tracks is unknown, so nothing is removed',
  hook: 'beforeRemove failed, so the container is spared',
  image: 'an image could not be inspected, so its containers are spared',
  namespaces: 'a container could not be inspected, so nothing is removed that it may need',
  inspection: 'a container could not be inspected, so it is spared',
  self: 'a container is spared, since this process may run in it',
  events: 'the events of the engine cannot be followed, so leaks are found a period later',
  removal: 'a removal failed',
  tracking: 'the tracker has never said that it tracks a container; its keys may be wrong',
  recreation: 'something starts a container again after each removal',
  fault: 'internal error recovered',
} as const

const recoveries = {
  tracker: 'the tracker answers again',
  hook: 'beforeRemove answers again',
  image: 'images can be inspected again',
  namespaces: 'every container can be inspected again',
  inspection: 'containers can be inspected again',
  self: 'this process knows its own container',
  events: 'the events of the engine are followed',
  removal: 'removals succeed again',
  tracking: 'the tracker tracks a container',
  recreation: 'removed containers stay removed',
  fault: 'no further faults',
} as const

function sayVerdict(happening: Extract<Happening, { type: 'classified' }>): Omit<LogLine, 'fields'> {
  const { verdict, reason, dryRun } = happening
  if (verdict === 'dangling' && dryRun)
    return line('info', () => `would remove ${called(happening)}: ${reason} (dry run)`)
  return line('debug', () => `${called(happening)} is ${verdict}: ${reason}`)
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}

function called({ name, id }: AboutContainer): string {
  return name === '' ? shortId(id) : `${name} (${shortId(id)})`
}
