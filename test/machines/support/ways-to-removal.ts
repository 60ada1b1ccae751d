import { getShortestPaths } from 'xstate/graph'
import { containerMachine } from '../../../machines/index.ts'
import {
  type ContainerSnapshot,
  id,
  type Invoked,
  policyOf,
  pure,
  recordOf,
  type Setting,
  stateOf,
  type WorldEvent,
} from './container-chart.ts'
import { events, routeTo, type StateName } from './container-routes.ts'

const paused = { listed: { id, name: 'task', state: 'paused' } }

/** The kinds of removals that there are. */
const settings: Readonly<Record<string, Setting>> = {
  'nothing is asked first': {},
  'a hook is asked': { policy: { hasHook: true } },
  'it is stopped gracefully': { policy: { stopsGracefully: true } },
  'a hook is asked, and it is stopped gracefully': { policy: { hasHook: true, stopsGracefully: true } },
  'in a dry run': { policy: { dryRun: true } },
}

interface Way {
  readonly setting: string
  readonly steps: readonly string[]
  readonly confirmedBy: string
}

const namesOfEvents = new Map(Object.entries(events).map(([name, event]) => [JSON.stringify(event), name]))

/** What decides where a container goes from here. How often its removal failed decides only how long it waits. */
export function placeOf(snapshot: ContainerSnapshot): string {
  const { context } = snapshot
  const { gracefulStopAttempted, isApproved, isByAnswer, isSent, listed, outcome, verdict } = context
  const ended = snapshot.status === 'done' ? [outcome, isByAnswer] : []
  return JSON.stringify([
    snapshot.value,
    verdict?.verdict,
    isApproved,
    isSent,
    gracefulStopAttempted,
    listed.state,
    ...ended,
  ])
}

/** An invocation only answers, or throws, while it runs; the chart takes anything else for no event at all. */
export function canCome(snapshot: ContainerSnapshot, { type }: WorldEvent): boolean {
  const [, invoked] = /^xstate\.(?:done|error)\.actor\.(.+)$/.exec(type) ?? []
  return invoked === undefined || stateOf(snapshot).startsWith(askingOf[invoked as Invoked])
}

const askingOf: Readonly<Record<Invoked, string>> = {
  hook: 'askingHook',
  stop: 'stopping',
  removal: 'deleting',
  unpause: 'unpausing',
}

/** The shortest way to each end of that kind of removal. */
export function shortestEnds({ policy, record }: Setting) {
  return getShortestPaths(containerMachine, {
    input: { id, policy: policyOf(policy), record: recordOf(record) },
    events: Object.entries(events).flatMap(([name, event]) =>
      name === 'missed, tracked' ? [] : [event],
    ) as never,
    filterEvents: (snapshot, event) => snapshot.status === 'active' && canCome(snapshot, event),
    serializeState: placeOf,
    limit: 1_000_000,
  }).filter(({ state }) => state.status === 'done')
}

export function waysToRemoval(): readonly Way[] {
  return Object.entries(settings).flatMap(([setting, how]): readonly Way[] => {
    const removals = shortestEnds(how).filter(({ state }) => state.output?.outcome === 'removed')
    if (removals.length === 0) return [{ setting, steps: ['none'], confirmedBy: '' }]
    return [true, false].flatMap((isByAnswer) => {
      const paths = removals.filter(({ state }) => state.output?.isByAnswer === isByAnswer)
      const fewest = Math.min(...paths.map(({ weight }) => weight))
      return paths
        .filter(({ weight }) => weight === fewest)
        .map(({ steps }) => ({
          setting,
          steps: steps.slice(1).map(({ event }) => namesOfEvents.get(JSON.stringify(event)) ?? event.type),
          confirmedBy: isByAnswer ? 'the answer' : 'a scan',
        }))
    })
  })
}

const requests: readonly (readonly [Invoked, StateName])[] = [
  ['hook', 'askingHook+taken'],
  ['stop', 'stopping+taken'],
  ['removal', 'deleting+taken'],
  ['unpause', 'unpausing+taken'],
]

/** Every answer of every request, and the state that follows. */
export function answersTable(): readonly (readonly string[])[] {
  const leadsTo = (from: Invoked, state: StateName) => {
    const { events: route, ...setting } = routeTo(state)
    const before = pure.after(route, setting)
    return new Map(
      Object.entries(events).flatMap(([name, event]) => {
        const [, answer] = new RegExp(`^${from}(?:: | )(.+)$`).exec(name) ?? []
        return answer === undefined ? [] : [[answer, stateOf(pure.step(before, event).after)] as const]
      }),
    )
  }
  const columns = requests.map(([from, state]) => leadsTo(from, state))
  const pausedDelete = pure.after(routeTo('deleting+taken').events, { record: paused })
  const refused = stateOf(pure.step(pausedDelete, events['removal: refused'] as WorldEvent).after)
  const answers = [...new Set(columns.flatMap((column) => [...column.keys()]))]
  const code = (state: string | undefined) => (state ? `\`${state.replace('+taken', '')}\`` : '')
  return [
    ['answer', ...requests.map(([from]) => from)],
    ...answers.map((answer) => [answer, ...columns.map((column) => code(column.get(answer)))]),
    ['refused, while paused', '', '', code(refused), ''],
  ]
}
