import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type EventFromLogic,
  getNextSnapshot,
  initialTransition,
  type SnapshotFrom,
} from 'xstate'
import type { StatePath } from 'xstate/graph'

export type PathOf<TModel extends AnyStateMachine> = StatePath<SnapshotFrom<TModel>, EventFromLogic<TModel>>

interface Exploration<TModel extends AnyStateMachine> {
  readonly model: TModel
  readonly input?: unknown
  readonly events: readonly EventFromLogic<TModel>[]
  /** What two snapshots have to have in common to be one node of the graph. */
  readonly placeOf: (snapshot: SnapshotFrom<TModel>) => string
}

function begin<TModel extends AnyStateMachine>({ model, input }: Exploration<TModel>): PathOf<TModel> {
  const [state] = initialTransition(model, input as never) as unknown as [SnapshotFrom<TModel>]
  return { state, steps: [{ state, event: { type: 'xstate.init' } as EventFromLogic<TModel> }], weight: 0 }
}

function goOn<TModel extends AnyStateMachine>(
  path: PathOf<TModel>,
  exploration: Exploration<TModel>,
): PathOf<TModel>[] {
  const { model, events } = exploration
  const state = path.state as AnyMachineSnapshot
  if (state.status !== 'active') return []
  return events
    .filter((event) => state.can(event))
    .map((event) => {
      const next = getNextSnapshot(model, state as never, event)
      return { state: next, steps: [...path.steps, { state: next, event }], weight: path.weight + 1 }
    })
}

/** A shortest path to every node, and from each node one further step by every event that can happen there. */
export function pathsOverEveryEdge<TModel extends AnyStateMachine>(
  exploration: Exploration<TModel>,
): PathOf<TModel>[] {
  const { placeOf } = exploration
  const visited = new Set<string>()
  const over: PathOf<TModel>[] = []
  let frontier = [begin(exploration)]
  visited.add(placeOf((frontier[0] as PathOf<TModel>).state))
  while (frontier.length > 0) {
    const next: PathOf<TModel>[] = []
    for (const path of frontier) {
      for (const longer of goOn(path, exploration)) {
        over.push(longer)
        const place = placeOf(longer.state)
        if (visited.has(place)) continue
        visited.add(place)
        next.push(longer)
      }
    }
    frontier = next
  }
  return withoutBeginnings(over)
}

/** Every path of at most so many steps that visits no node twice; prefixes of longer ones are left out. */
export function simplePathsUpTo<TModel extends AnyStateMachine>(
  most: number,
  exploration: Exploration<TModel>,
): PathOf<TModel>[] {
  const { placeOf } = exploration
  const found: PathOf<TModel>[] = []
  const walk = (path: PathOf<TModel>, places: ReadonlySet<string>) => {
    found.push(path)
    if (path.weight === most) return
    for (const longer of goOn(path, exploration)) {
      const place = placeOf(longer.state)
      if (!places.has(place)) walk(longer, new Set(places).add(place))
    }
  }
  const first = begin(exploration)
  walk(first, new Set([placeOf(first.state)]))
  return withoutBeginnings(found)
}

function withoutBeginnings<TModel extends AnyStateMachine>(
  paths: readonly PathOf<TModel>[],
): PathOf<TModel>[] {
  const wordsOf = ({ steps }: PathOf<TModel>) => steps.map(({ event }) => event.type).join('\n')
  const beginnings = new Set(paths.map((path) => wordsOf({ ...path, steps: path.steps.slice(0, -1) })))
  return paths.filter((path) => !beginnings.has(wordsOf(path)))
}
