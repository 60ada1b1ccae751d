import { isRecord, textIn } from './message.ts'
import { nameOf } from './name.ts'

/** The part of a definition that describes one state. */
export interface TransitionSource {
  readonly path: string
  readonly id: string
  readonly json: Readonly<Record<string, unknown>>
}

export interface ReadTransition {
  /** As written in the definition. */
  readonly target: unknown
  readonly event: string
  readonly trigger: string
  readonly guard: string | undefined
  readonly actions: readonly string[]
}

/** All transitions of a state: on events, always, after a delay, and when its invoked actors or inner states are done. */
export function transitionsOf(source: TransitionSource): ReadTransition[] {
  const { json, id } = source
  const found: ReadTransition[] = []
  const seen = new Set<string>()
  const add = (event: string, written: unknown) => {
    seen.add(event)
    for (const one of listed(written)) found.push(read(event, one))
  }
  for (const [event, written] of entriesOf(json['on'])) add(event, written)
  if (!seen.has('')) add('', json['always'])
  for (const [delay, written] of entriesOf(json['after'])) add(`xstate.after.${delay}.${id}`, written)
  if (json['onDone'] !== undefined) add(`xstate.done.state.${id}`, json['onDone'])
  listed(json['invoke']).forEach((invoke, index) => {
    if (!isRecord(invoke)) return
    const actorId = textIn(invoke['id']) ?? `${index}.${id}`
    // a resolved definition lists these among the events too
    for (const [ending, written] of [
      [`xstate.done.actor.${actorId}`, invoke['onDone']],
      [`xstate.error.actor.${actorId}`, invoke['onError']],
      [`xstate.snapshot.${actorId}`, invoke['onSnapshot']],
    ] as const) {
      if (!seen.has(ending)) add(ending, written)
    }
  })
  return found
}

/** The targets as written; none for a transition that only runs actions. */
export function targetsOf(target: unknown): string[] {
  return listed(target).flatMap((one) => textIn(one) ?? textIn(isRecord(one) ? one['id'] : undefined) ?? [])
}

/** A readable name for an event. */
export function triggerText(event: string): string {
  if (event === '') return 'always'
  if (event === '*') return 'any event'
  if (event === 'xstate.init') return 'start'
  const after = /^xstate\.after\.(.+?)\.(?=\D)/.exec(event)?.[1]
  if (after !== undefined) return `after ${/^\d+$/.test(after) ? delayText(Number(after)) : after}`
  const [, how, actor] = /^xstate\.(done|error|snapshot)\.actor\.(.+)$/.exec(event) ?? []
  if (how !== undefined && actor !== undefined) return `${how} ${actorText(actor)}`
  const snapshotOf = /^xstate\.snapshot\.(.+)$/.exec(event)?.[1]
  if (snapshotOf !== undefined) return `snapshot ${actorText(snapshotOf)}`
  if (event.startsWith('xstate.done.state.')) return 'done'
  if (event === 'xstate.promise.resolve') return 'resolved'
  if (event === 'xstate.promise.reject') return 'rejected'
  return event
}

/** Whether a transition's event descriptor matches an event. `*` and `some.*` are wildcards. */
export function isTriggeredBy(pattern: string, event: string): boolean {
  if (pattern === event || pattern === '*') return true
  return pattern.endsWith('.*') && `${event}.`.startsWith(pattern.slice(0, -1))
}

function read(event: string, written: unknown): ReadTransition {
  const json = isRecord(written) ? written : { target: written }
  return {
    target: json['target'],
    event,
    trigger: triggerText(event),
    guard: nameOf(json['guard'] ?? json['cond']),
    actions: listed(json['actions']).flatMap((action) => nameOf(action) ?? []),
  }
}

function listed(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? (value as unknown[]) : [value]
}

function entriesOf(value: unknown): [string, unknown][] {
  return isRecord(value) ? Object.entries(value) : []
}

function delayText(ms: number): string {
  return ms >= 1000 && ms % 100 === 0 ? `${ms / 1000} s` : `${ms} ms`
}

/** Hides the ids that XState generates for actors without one. */
function actorText(id: string): string {
  return /^\d+\./.test(id) ? 'invoke' : id
}
