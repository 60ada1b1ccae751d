import type { AnyStateMachine, AnyStateNode, InspectionEvent, StateValue } from 'xstate'

/** One way out of a state, as the chart has it: the branch of one guard is one arrow. */
export interface Arrow {
  readonly source: string
  /** As XState names it; empty for an arrow that is taken at once. */
  readonly event: string
  readonly guard: string | undefined
  /** Whether another branch of the same event comes before it. */
  readonly isOtherwise: boolean
  readonly targets: readonly string[]
  readonly actions: readonly string[]
  readonly text: string
}

type Definition = AnyStateNode['always'] extends readonly (infer T)[] | undefined ? T : never

/** A state's name in its chart: `removing.deleting`; the chart itself is the empty name. */
export function nameOf(node: AnyStateNode): string {
  return node.path.join('.')
}

export function nodesOf(machine: AnyStateMachine): readonly AnyStateNode[] {
  const below = (node: AnyStateNode): AnyStateNode[] => [node, ...Object.values(node.states).flatMap(below)]
  return below(machine.root)
}

/** The states that have none inside them. */
export function leavesOf(machine: AnyStateMachine): readonly string[] {
  return nodesOf(machine)
    .filter((node) => Object.keys(node.states).length === 0)
    .map(nameOf)
}

/** The leaves that are left at once, so that the machine is never observed in them. */
export function passingLeavesOf(machine: AnyStateMachine): readonly string[] {
  return nodesOf(machine)
    .filter(({ states, always }) => Object.keys(states).length === 0 && always?.some(({ guard }) => !guard))
    .map(nameOf)
}

export function arrowsOf(machine: AnyStateMachine): readonly Arrow[] {
  return nodesOf(machine).flatMap((node) => {
    const branches = [...node.transitions.values(), node.always ?? []]
    return branches.flatMap((definitions) => definitions.map((definition, at) => arrowFrom(definition, at)))
  })
}

function arrowFrom({ source, eventType, guard, target, actions }: Definition, at: number): Arrow {
  const arrow = {
    source: nameOf(source),
    event: eventType,
    guard: guard === undefined ? undefined : named(guard),
    isOtherwise: at > 0,
    targets: (target ?? []).map(nameOf),
    actions: actions.map(named),
  }
  return { ...arrow, text: textOf(arrow) }
}

function textOf({ source, event, guard, isOtherwise, targets }: Omit<Arrow, 'text'>): string {
  const condition = guard ? ` [${guard}]` : isOtherwise ? ' [otherwise]' : ''
  return `${source} --${event}${condition}--> ${targets.join(', ') || 'no other state'}`
}

/** The name of an action, a guard, a delay or an actor in the chart; one that has none is a fault of the chart. */
export function named(part: unknown): string {
  if (typeof part === 'string') return part
  const isMade = (typeof part === 'object' && part !== null) || typeof part === 'function'
  if (isMade && 'type' in part && typeof part.type === 'string') return part.type
  throw new Error(`the chart holds something without a name: ${String(part)}`)
}

/** The leaves that a state value is in. */
export function leavesIn(value: StateValue, above = ''): readonly string[] {
  if (typeof value === 'string') return [above + value]
  return Object.entries(value).flatMap(([key, inner]) => {
    return inner === undefined || Object.keys(inner).length === 0
      ? [above + key]
      : leavesIn(inner, `${above}${key}.`)
  })
}

/** Observes running actors, and reports what of a chart they never did. */
export class Recorder {
  readonly #machine: AnyStateMachine
  readonly #taken = new Set<string>()
  readonly #entered = new Set<string>()

  constructor(machine: AnyStateMachine) {
    this.#machine = machine
  }

  readonly inspect = (event: InspectionEvent): void => {
    if (event.type !== '@xstate.microstep') return
    const { snapshot, _transitions: transitions, actorRef } = event
    if (!('value' in snapshot) || machineIdOf(actorRef) !== this.#machine.id) return
    for (const leaf of leavesIn(snapshot.value as StateValue)) this.#entered.add(leaf)
    for (const definition of transitions) this.#taken.add(this.#textOf(definition))
  }

  /** The initial state is entered without an arrow. */
  get missedLeaves(): readonly string[] {
    const first = nameOf(this.#machine.root.initial.target[0] as AnyStateNode)
    return leavesOf(this.#machine).filter((leaf) => leaf !== first && !this.#entered.has(leaf))
  }

  get missedArrows(): readonly string[] {
    return arrowsOf(this.#machine)
      .map(({ text }) => text)
      .filter((text) => !this.#taken.has(text))
  }

  #textOf(definition: Definition): string {
    const branches =
      definition.eventType === ''
        ? definition.source.always
        : definition.source.transitions.get(definition.eventType)
    return arrowFrom(definition, branches?.indexOf(definition) ?? 0).text
  }
}

function machineIdOf(actorRef: unknown): string | undefined {
  const { logic } = actorRef as { readonly logic?: { readonly id?: string } }
  return logic?.id
}
