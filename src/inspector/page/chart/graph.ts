import type { Machine, StateNode, Transition } from '../model/machine.ts'

/** Returns the width of a text in pixels. */
export type MeasureText = (text: string, style: TextStyle) => number
export type TextStyle = 'title' | 'note' | 'label'

export interface Size {
  readonly width: number
  readonly height: number
}

/** A box to be laid out: a state or an initial mark. */
export interface Box extends Size {
  readonly id: string
  readonly children: readonly Box[]
  /** The height of the box's header. */
  readonly headHeight: number
}

/** An arrow to be routed. Transitions between the same two states share one. */
export interface Arrow {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly lines: readonly string[]
  readonly transitionIds: readonly string[]
  readonly label: Size | undefined
}

export interface Graph {
  readonly root: Box
  readonly arrows: readonly Arrow[]
  /** The small lines under a state's name. */
  readonly notes: ReadonlyMap<string, readonly string[]>
}

export const rootId = '(root)'
export const lineHeight = 14
export const titleHeight = 22
const padding = 10
const dotSize = 9

/** The id of a state's box: its path, except for the root, whose path is empty. */
export const boxId = (path: string) => (path === '' ? rootId : path)
export const dotId = (path: string) => `${boxId(path)}(initial)`

/** The boxes and arrows of a machine, with their sizes. */
export function graphOf(machine: Machine, measure: MeasureText): Graph {
  const notes = new Map<string, readonly string[]>()
  const arrows = arrowsOf(machine, measure)
  return { root: boxOf(machine.root, measure, notes), arrows, notes }
}

function boxOf(node: StateNode, measure: MeasureText, notes: Map<string, readonly string[]>): Box {
  const lines = notesOf(node)
  if (lines.length > 0) notes.set(node.path, lines)
  const textWidth = Math.max(
    measure(node.key, 'title'),
    ...lines.map((line) => measure(line, 'note')),
    node.children.length > 0 ? 0 : 40,
  )
  const headHeight = titleHeight + lines.length * lineHeight
  const children = node.children.map((child) => boxOf(child, measure, notes))
  if (marksInitial(node))
    children.push({ id: dotId(node.path), width: dotSize, height: dotSize, children: [], headHeight: 0 })
  return {
    id: boxId(node.path),
    width: Math.ceil(textWidth) + 2 * padding,
    height: headHeight + (lines.length > 0 ? 6 : 4),
    headHeight,
    children,
  }
}

/** A parallel state enters all of its regions, so it has no initial mark. */
function marksInitial(node: StateNode): boolean {
  return node.kind === 'compound' && node.initial.length > 0
}

function notesOf({ invokes, inner }: StateNode): string[] {
  const acting = new Map<string, string[]>()
  for (const { trigger, guard } of inner) {
    const guards = acting.get(trigger) ?? []
    if (guard !== undefined && !guards.includes(guard)) guards.push(guard)
    acting.set(trigger, guards)
  }
  return [
    ...invokes.map((name) => `runs ${name}`),
    ...[...acting].map(
      ([trigger, guards]) => `on ${trigger}${guards.map((guard) => ` [${guard}]`).join('')}`,
    ),
  ]
}

function arrowsOf(machine: Machine, measure: MeasureText): Arrow[] {
  const shared = new Map<string, { from: string; to: string; transitions: Transition[] }>()
  for (const transition of machine.transitions) {
    for (const target of transition.targets) {
      const key = JSON.stringify([transition.source, target])
      const arrow = shared.get(key) ?? { from: transition.source, to: target, transitions: [] }
      shared.set(key, arrow)
      arrow.transitions.push(transition)
    }
  }
  const arrows: Arrow[] = [...shared.values()].map(({ from, to, transitions }, index) => {
    const lines = linesOf(transitions)
    return {
      id: `arrow${index}`,
      from: boxId(from),
      to: boxId(to),
      lines,
      transitionIds: transitions.map(({ id }) => id),
      label: {
        width: Math.ceil(Math.max(...lines.map((line) => measure(line, 'label')))) + 8,
        height: lines.length * lineHeight + 2,
      },
    }
  })
  for (const node of machine.states.values()) {
    if (!marksInitial(node)) continue
    for (const target of node.initial) {
      arrows.push({
        id: `${dotId(node.path)}->${target}`,
        from: dotId(node.path),
        to: boxId(target),
        lines: [],
        transitionIds: [],
        label: undefined,
      })
    }
  }
  return arrows
}

/** One line for each event and one for each of its guards, since long lines make large charts. */
function linesOf(transitions: readonly Transition[]): string[] {
  const guards = new Map<string, string[]>()
  for (const { trigger, guard } of transitions) {
    const found = guards.get(trigger) ?? []
    guards.set(trigger, found)
    const line = guard === undefined ? undefined : `[${guard}]`
    if (line !== undefined && !found.includes(line)) found.push(line)
  }
  return [...guards].flatMap(([trigger, found]) =>
    trigger === 'always' && found.length > 0 ? found : [trigger, ...found],
  )
}
