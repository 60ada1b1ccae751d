import { shortId } from '../domain/ids.ts'
import { printable } from '../domain/show.ts'
import { stateText } from '../inspector/page/model/state-value.ts'
import type { Crash } from '../recording/crash.ts'
import type { CrashedActor } from '../recording/format.ts'
import type { Divergence, RecordedFailure, Replayed } from '../recording/replay.ts'
import type { Reached } from '../recording/step.ts'
import { renderTable } from './table.ts'

/** What is said beside the result: lines that were left out, and another release. */
export function notesOn(
  { cut }: { readonly cut: readonly number[] },
  by: readonly string[],
  version: string,
): string {
  const others = by.filter((one) => one !== version)
  return [
    ...cut.map(
      (line) => `hint: line ${line} is cut off and was left out; its run was killed while it wrote\n`,
    ),
    ...others.map((other) => `hint: it was written by flotsam ${printable(other)}; this is ${version}\n`),
  ].join('')
}

/** The first divergence, or how much replayed identically. */
export function replayReport(replayed: Replayed): string {
  const { divergence, failures } = replayed
  const failed = failures.map(failureText)
  if (!divergence) return [`${extentOf(replayed)} replayed identically`, ...failed, ''].join('\n')
  const before = `before it, ${extentOf(replayed)} replayed identically`
  return [...divergenceLines(divergence), before, ...failed, ''].join('\n')
}

function extentOf({ containers, events, hasSupervisor, runs }: Replayed): string {
  const of = [...(hasSupervisor ? ['the supervisor'] : []), counted(containers, 'container')].join(' and ')
  return `${counted(events, 'event')} of ${of}${runs > 1 ? ` in ${runs} runs` : ''}`
}

function failureText({ error, event, isOfChart, line, name, time }: RecordedFailure): string {
  const cause = isOfChart ? 'its chart fails as well' : 'its chart does not fail, so one of its effects did'
  return `line ${line}: ${printable(name)} failed at ${printable(time)} on ${printable(event)}: ${errorText(error)}; ${cause}`
}

function divergenceLines({ actor, before, event, expected, line, reached, time }: Divergence): string[] {
  const { type, ...rest } = event
  const details = Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : ''
  const facts = Object.keys({ ...expected.context, ...reached.context })
  const rows: readonly (readonly [string, string])[] = [
    ['time', time],
    ['actor', `${actor.name}, ${actor.chart} chart, session ${actor.session}`],
    ['event', `${type}${details}`],
    ['state before', stateText(before) || 'none'],
    ['expected', reachedText(expected)],
    ['reached', reachedText(reached)],
    ...facts.map((fact) => [fact, differenceText(expected.context[fact], reached.context[fact])] as const),
  ]
  const width = Math.max(...rows.map(([label]) => label.length))
  return [
    `line ${line} diverges`,
    ...rows.map(([label, text]) => `  ${printable(label).padEnd(width)}  ${printable(text)}`),
  ]
}

function reachedText({ error, state, status }: Reached): string {
  const suffix = status === 'active' ? '' : ` (${status}${error ? `: ${errorText(error)}` : ''})`
  return `${stateText(state) || 'no state'}${suffix}`
}

function differenceText(expected: unknown, reached: unknown): string {
  return `expected ${plain(expected)}, reached ${plain(reached)}`
}

function plain(value: unknown): string {
  return value === null ? 'undefined' : JSON.stringify(value)
}

function errorText({ message, name }: { readonly name: string; readonly message: string }): string {
  return printable(`${name}: ${message}`)
}

const columns = ['id', 'name', 'actor', 'verdict', 'reason', 'failures'] as const

/** The error, the supervisor and a table of the containers. */
export function crashReport(crash: Crash, hasColor: boolean): string {
  const { containers, engine, message = 'unknown', owner, supervisor, time } = crash
  const table = renderTable(
    columns,
    containers.map((container) => ({ cells: cellsOf(container) })),
    hasColor,
  )
  return [
    `crashed at ${printable(time)}: ${printable(message)}`,
    `engine ${printable(engine)}, owner ${printable(owner)}`,
    ...(supervisor ? [`supervisor ${printable(stateText(supervisor.state))}`] : []),
    ...(containers.length > 0 ? [table] : []),
    counted(containers.length, 'container'),
    '',
  ].join('\n')
}

function cellsOf({ context, state }: CrashedActor): Record<(typeof columns)[number], string> {
  const { id, listed, verdict, failures } = context as {
    readonly id?: unknown
    readonly listed?: { readonly name?: unknown }
    readonly verdict?: { readonly verdict?: unknown; readonly reason?: unknown }
    readonly failures?: unknown
  }
  const text = (value: unknown) => printable(typeof value === 'string' ? value : '?')
  return {
    id: shortId(text(id)),
    name: text(listed?.name),
    actor: printable(stateText(state)),
    verdict: text(verdict?.verdict),
    reason: text(verdict?.reason),
    failures: String(failures),
  }
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
