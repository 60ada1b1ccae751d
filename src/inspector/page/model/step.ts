import type { Machine, Transition } from './machine.ts'
import { activePaths } from './state-value.ts'
import { isTriggeredBy } from './transitions.ts'

/** A change of an actor's state. */
export interface Step {
  /** The event that most likely caused it. */
  readonly event: string
  readonly before: unknown
  readonly after: unknown
  /** The ids of the transitions that were most likely taken. */
  readonly taken: ReadonlySet<string>
}

/** An explanation of a change, if one was found. */
export interface Explanation {
  readonly taken: ReadonlySet<string>
  /** The index of the last event that caused a transition; undefined if none did. */
  readonly eventAt: number | undefined
}

/**
 * Searches for the transitions that lead from one state to another, given the events in between. The protocol reports
 * states and events, but not transitions and the results of guards. Intermediate states may have been skipped.
 */
export function explain(
  machine: Machine,
  before: unknown,
  after: unknown,
  events: readonly string[],
): Explanation {
  const reached = new Set(activePaths(after))
  const taken = new Set<string>()
  let active: ReadonlySet<string> = new Set(['', ...activePaths(before)])
  let eventAt: number | undefined
  events.forEach((event, index) => {
    const steps =
      event === 'xstate.init'
        ? chainFromAll(machine, entered(machine, ''), reached)
        : stepsOn(machine, event, active, reached)
    for (const step of steps) {
      taken.add(step.id)
      active = movedAlong(machine, step, active)
      eventAt = index
    }
  })
  return { taken, eventAt }
}

/**
 * The transitions on one event, at most one in each region; inner ones come first. Each must be able to lead to the
 * actor's present state. If none can, an intermediate state was skipped, and the only one that changes the state is taken.
 */
function stepsOn(
  machine: Machine,
  event: string,
  active: ReadonlySet<string>,
  reached: ReadonlySet<string>,
): readonly Transition[] {
  const ways = waysFrom(machine, active)
  const candidates = machine.transitions
    .filter(
      ({ source, event: pattern }) => pattern !== '' && ways.has(source) && isTriggeredBy(pattern, event),
    )
    .sort((one, other) => depthOf(other.source) - depthOf(one.source))
  const stepsTo = (transition: Transition) => [...(ways.get(transition.source) ?? []), transition]
  const steps: Transition[] = []
  const left: string[] = []
  for (const transition of candidates) {
    const domain = domainOf(transition)
    if (left.some((other) => isSameOrWithin(domain, other) || isSameOrWithin(other, domain))) continue
    const rest = chainFromAll(machine, transition.targets, reached)
    const isThere = transition.targets.every((target) => leadsTo(machine, target, reached))
    if (rest.length === 0 && !isThere) continue
    steps.push(...stepsTo(transition), ...rest)
    left.push(domain)
  }
  if (steps.length > 0) return steps
  const elsewhere = candidates.filter(({ targets }) => !targets.every((target) => active.has(target)))
  const [only] = elsewhere
  return only && elsewhere.length === 1 ? stepsTo(only) : []
}

/** The active states, and those reachable by eventless transitions, with the transitions that lead to them. */
function waysFrom(machine: Machine, active: ReadonlySet<string>): ReadonlyMap<string, readonly Transition[]> {
  const ways = new Map<string, readonly Transition[]>([...active].map((path) => [path, []]))
  // iterating over a map includes entries added meanwhile
  for (const [path, way] of ways) {
    for (const transition of machine.transitions) {
      if (transition.event !== '' || transition.source !== path) continue
      for (const leaf of transition.targets.flatMap((target) => entered(machine, target))) {
        for (const next of ancestorsOf(leaf)) if (!ways.has(next)) ways.set(next, [...way, transition])
      }
    }
  }
  return ways
}

/** The active states after a transition. */
function movedAlong(
  machine: Machine,
  transition: Transition,
  active: ReadonlySet<string>,
): ReadonlySet<string> {
  const domain = domainOf(transition)
  const next = new Set([...active].filter((path) => path === domain || !isWithin(path, domain)))
  for (const target of transition.targets) {
    for (const leaf of entered(machine, target)) for (const path of ancestorsOf(leaf)) next.add(path)
  }
  return next
}

function chainFromAll(
  machine: Machine,
  starts: readonly string[],
  reached: ReadonlySet<string>,
): readonly Transition[] {
  return starts.flatMap((start) => chainFrom(machine, start, reached, new Set()) ?? [])
}

/** The eventless transitions that lead from a state to an active one; empty if it is active itself. */
function chainFrom(
  machine: Machine,
  path: string,
  reached: ReadonlySet<string>,
  met: Set<string>,
): readonly Transition[] | undefined {
  if (leadsTo(machine, path, reached)) return []
  // each region of a parallel state has its own chain
  const chain = entered(machine, path)
    .filter((leaf) => !reached.has(leaf))
    .flatMap((leaf) => chainFromLeaf(machine, leaf, reached, met) ?? [])
  return chain.length > 0 ? chain : undefined
}

function chainFromLeaf(
  machine: Machine,
  leaf: string,
  reached: ReadonlySet<string>,
  met: Set<string>,
): readonly Transition[] | undefined {
  for (const transition of machine.transitions) {
    if (transition.event !== '' || transition.source !== leaf || met.has(transition.id)) continue
    met.add(transition.id)
    for (const target of transition.targets) {
      const rest = chainFrom(machine, target, reached, met)
      if (rest) return [transition, ...rest]
    }
  }
  return undefined
}

function leadsTo(machine: Machine, path: string, reached: ReadonlySet<string>): boolean {
  return entered(machine, path).every((leaf) => reached.has(leaf))
}

/** The innermost states that are entered with a state. */
function entered(machine: Machine, path: string): string[] {
  const initial = machine.states.get(path)?.initial ?? []
  return initial.length === 0 ? [path] : initial.flatMap((inner) => entered(machine, inner))
}

const depthOf = (path: string) => (path === '' ? 0 : path.split('.').length)
const isWithin = (path: string, domain: string) => domain === '' || path.startsWith(`${domain}.`)
const isSameOrWithin = (path: string, domain: string) => path === domain || isWithin(path, domain)

function ancestorsOf(path: string): string[] {
  const keys = path.split('.')
  return keys.map((_, index) => keys.slice(0, index + 1).join('.'))
}

/**
 * The domain of a transition: the innermost state that stays active. A transition to the source itself leaves and
 * re-enters it, so the domain is its parent. One to an inner state leaves only the source's inner states.
 */
function domainOf({ source, targets }: Transition): string {
  if (targets.every((target) => target !== source && isWithin(target, source))) return source
  const [own = [], ...others] = [source, ...targets].map((path) => ancestorsOf(path).slice(0, -1))
  return own.findLast((path) => others.every((shared) => shared.includes(path))) ?? ''
}
