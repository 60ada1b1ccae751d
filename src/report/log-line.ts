import { formatDuration } from '../duration.ts'
import type { FailureKind } from '../errors.ts'
import type { AboutContainer, Happening } from '../events.ts'
import { shortId } from '../ids.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error'

/** Nothing but its level is made before somebody reads it: most lines are below the level of most logs. */
export interface LogLine {
  readonly level: Level
  readonly fields: () => Readonly<Record<string, unknown>>
  readonly message: () => string
}

const line = (level: Level, message: () => string) => ({ level, message })

/**
 * What an event looks like in the log. Every field of it goes along; `event` is its name, and a container's name is
 * `container`, since `name` is the logger's own in pino.
 */
export function lineOf(happening: Happening): LogLine {
  const { level, message } = say(happening)
  return { level, message, fields: () => fieldsOf(happening) }
}

function fieldsOf({ type, ...rest }: Happening): Readonly<Record<string, unknown>> {
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
          `${called(happening)} is stuck after ${counted(happening.failures, 'try', 'tries')}: ${happening.message}; it is tried again from time to time`,
      )
    case 'vanished':
      return line('debug', () => `${called(happening)} is gone; somebody else removed it`)
    case 'released':
      return line('info', () => `${called(happening)} is no longer ours`)
    case 'lost':
      return line(
        'warn',
        () =>
          `the agent tracks ${called(happening)}, which ${happening.how === 'exited' ? 'has exited' : 'is gone'}`,
      )
    case 'looked':
      return line(
        'debug',
        () =>
          `looked: ${happening.owned} of ${happening.listed} containers are ours, ${happening.dangling} dangling`,
      )
    case 'engineDown':
      return line('warn', () => `${downs[happening.kind]}: ${happening.message}`)
    case 'engineStillDown':
      return line(
        'warn',
        () =>
          `for ${formatDuration(happening.downForMs)}, and ${counted(happening.failures, 'try', 'tries')}, ${downs[happening.kind]}: ${happening.message}`,
      )
    case 'engineUp':
      return line(
        'info',
        () =>
          `the engine answers again after ${formatDuration(happening.downForMs)} and ${counted(happening.failures, 'failed try', 'failed tries')}`,
      )
    case 'trouble':
      return line('warn', () => `${troubles[happening.about]}: ${happening.message}`)
    case 'troubleGoesOn':
      return line(
        'warn',
        () =>
          `${troubles[happening.about]}, ${counted(happening.count, 'time', 'times')} in ${formatDuration(happening.lastedMs)}: ${happening.message}`,
      )
    case 'troubleOver':
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
      return line('error', () => `Flotsam has failed and watches no more: ${happening.message}`)
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

const troubles = {
  tracker: 'what the agent tracks is unknown, so nothing is removed',
  hook: 'beforeRemove failed, so the container is spared',
  image: 'an image could not be looked at, so its containers are spared',
  network: 'whose network a container uses could not be found out, so nothing is removed',
  events: 'the events of the engine cannot be followed, so leaks are found a period later',
  removal: 'a removal failed',
  fault: 'a fault inside was contained',
} as const

const recoveries = {
  tracker: 'what the agent tracks is known again',
  hook: 'beforeRemove answers again',
  image: 'images can be looked at again',
  network: 'whose network each container uses is known again',
  events: 'the events of the engine are followed',
  removal: 'no removal fails any more',
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
