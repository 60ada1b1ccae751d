import { describe, expect, test } from 'vitest'
import type { SnapshotFrom } from 'xstate'
import { createTestModel, type TestParam } from 'xstate/graph'
import { containerMachine } from '../../machines/index.ts'
import { Recorder } from './support/chart.ts'
import { LifeDriver, stateOfChart } from './support/life-driver.ts'
import { type LifeEvent, lifeModel, type LifeState, type Wishes } from './support/life-model.ts'
import { type PathOf, pathsOverEveryEdge, simplePathsUpTo } from './support/paths.ts'

type LifeSnapshot = SnapshotFrom<typeof lifeModel>
type LifePath = PathOf<typeof lifeModel>

const recorder = new Recorder(containerMachine)
const eventTypes = Object.keys(
  new LifeDriver({ hasHook: false, stopsGracefully: false, dryRun: false }, () => {}).does,
)
const events = eventTypes.map((type) => ({ type }) as LifeEvent)
const stateNames = Object.keys(stateOfChart) as LifeState[]

/** Where the container is, and the facts that can take it elsewhere at the next step. */
function placeOf({ value, context }: LifeSnapshot): string {
  const { isTracked, isKept, isListed, isOwned, isEngineDown, isFresh, seen } = context
  const isUnderWay = ['asking the hook', 'ending', 'deleting', 'failed'].includes(value)
  const more = isUnderWay ? [isListed, isFresh, seen] : [isKept]
  return [value, isTracked, isListed && isOwned, isEngineDown, ...more].join(' ')
}

function exactPlaceOf({ value, context }: LifeSnapshot): string {
  return JSON.stringify([value, context])
}

/** How often the path comes to a state from another one. */
function arrivals({ steps }: LifePath, state: LifeState): number {
  return steps.filter((step, at) => step.state.value === state && steps[at - 1]?.state.value !== state).length
}

async function follow(path: LifePath, wishes: Wishes): Promise<void> {
  const driver = new LifeDriver(wishes, recorder.inspect)
  const params: TestParam<LifeSnapshot, LifeEvent> = {
    states: Object.fromEntries([
      ...stateNames.map((name) => [name, () => expect(driver.state).toBe(stateOfChart[name])]),
      ['*', ({ value }: LifeSnapshot) => expect.unreachable(`no mapping for ${JSON.stringify(value)}`)],
    ]),
    events: Object.fromEntries(
      eventTypes.map((type) => [type, () => driver.does[type as LifeEvent['type']]()]),
    ),
  }
  await createTestModel(lifeModel).testPath(path, params)
  expect(driver.breaches).toEqual([])
  expect(driver.sent('remove')).toBe(arrivals(path, 'deleting'))
  expect(driver.sent('stop')).toBe(arrivals(path, 'ending'))
  expect(driver.endings).toHaveLength(path.state.value === 'gone' ? 1 : 0)
  expect(driver.endings).not.toContain('crashed')
}

const plain: Wishes = { hasHook: false, stopsGracefully: false, dryRun: false }
const lives: readonly [string, Wishes, { readonly edges: number; readonly simple: number }][] = [
  ['of a container that is removed at once', plain, { edges: 600, simple: 800 }],
  ['where a hook is asked', { ...plain, hasHook: true }, { edges: 900, simple: 100 }],
  ['where it may end by itself first', { ...plain, stopsGracefully: true }, { edges: 900, simple: 100 }],
  [
    'with a hook, and it may end by itself',
    { ...plain, hasHook: true, stopsGracefully: true },
    { edges: 900, simple: 100 },
  ],
  ['in a dry run', { ...plain, dryRun: true }, { edges: 120, simple: 60 }],
]

/** Transitions that these lives do not take; the transition tables take each of them. */
const unreached = (arrow: string) =>
  // This engine's clock is never set, and this container never paused.
  arrow.includes('--graces.restarted--') ||
  arrow.includes('.unpausing') ||
  // No inspection is reported here, only its verdict.
  arrow.includes('[isNewLife]') ||
  // No internal error is thrown.
  arrow.includes('--xstate.error.actor.') ||
  arrow.startsWith('removing.faulted ') ||
  // The fleet applies what is listed without a microstep.
  arrow === ' --listed--> no other state' ||
  // It fails twice at most.
  arrow.endsWith('--> removing.backingOff.stuck')

describe('the life seen from outside and the chart agree at every step, and no rule is broken', () => {
  test.each(lives)(
    'on each edge of the map: a life %s',
    async (_, wishes, { edges }) => {
      const paths = pathsOverEveryEdge({ model: lifeModel, input: wishes, events, placeOf })
      expect(paths.length).toBeGreaterThan(edges)
      for (const path of paths) await follow(path, wishes)
    },
    300_000,
  )

  test.each(lives)(
    'on all simple paths of a few steps: a life %s',
    async (_, wishes, { simple }) => {
      const paths = simplePathsUpTo(wishes === plain ? 4 : 3, {
        model: lifeModel,
        input: wishes,
        events,
        placeOf: exactPlaceOf,
      })
      expect(paths.length).toBeGreaterThan(simple)
      for (const path of paths) await follow(path, wishes)
    },
    300_000,
  )

  test('the map has every state and every event visible from outside', () => {
    const paths = lives.flatMap(([, wishes]) =>
      pathsOverEveryEdge({ model: lifeModel, input: wishes, events, placeOf }),
    )
    const steps = paths.flatMap((path) => path.steps)
    expect(new Set(steps.map(({ state }) => state.value))).toEqual(new Set(stateNames))
    expect(new Set(steps.map(({ event }) => event.type as string))).toEqual(
      new Set(['xstate.init', ...eventTypes]),
    )
  })

  test('those lives take every transition of the chart except those above, and enter every state', () => {
    expect(recorder.missedArrows.filter((arrow) => !unreached(arrow))).toEqual([])
    expect(recorder.missedLeaves).toEqual([
      'removing.attempting.request.unpausing',
      'removing.backingOff.stuck',
      'removing.faulted',
    ])
  })
})
