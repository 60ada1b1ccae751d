import { memo } from 'preact/compat'
import type { Machine, StateNode } from '../model/machine.ts'
import { type Arrow, boxId, dotId, lineHeight, titleHeight } from './graph.ts'
import type { Point, Rectangle, Route } from './layout.ts'
import type { Drawing } from './layouts.ts'

export interface ChartProps {
  readonly machine: Machine
  readonly drawing: Drawing
  readonly active: ReadonlySet<string>
  readonly taken: ReadonlySet<string>
}

/** Draws the chart: nested boxes first, then the arrows, then their labels. */
export function Chart({ machine, drawing, active, taken }: ChartProps) {
  const { graph, layout } = drawing
  const nodes = [...machine.states.values()]
  const isTaken = ({ transitionIds }: Arrow) => transitionIds.some((id) => taken.has(id))
  const { arrows } = graph
  return (
    <>
      {nodes.map((node) => (
        <StateBox
          key={node.path}
          node={node}
          place={layout.boxes.get(boxId(node.path))}
          notes={graph.notes.get(node.path)}
          isActive={node.path === '' || active.has(node.path)}
        />
      ))}
      {nodes.map((node) => (
        <InitialDot key={node.path} place={layout.boxes.get(dotId(node.path))} />
      ))}
      {arrows.map((arrow) => (
        <ArrowLine key={arrow.id} route={layout.routes.get(arrow.id)} isTaken={false} />
      ))}
      {arrows.filter(isTaken).map((arrow) => (
        <ArrowLine key={arrow.id} route={layout.routes.get(arrow.id)} isTaken={true} />
      ))}
      {arrows.map((arrow) => (
        <ArrowLabel
          key={arrow.id}
          arrow={arrow}
          route={layout.routes.get(arrow.id)}
          isTaken={isTaken(arrow)}
        />
      ))}
    </>
  )
}

interface StateBoxProps {
  readonly node: StateNode
  readonly place: Rectangle | undefined
  readonly notes: readonly string[] | undefined
  readonly isActive: boolean
}

const StateBox = memo(function StateBox({ node, place, notes = [], isActive }: StateBoxProps) {
  if (!place) return null
  const { x, y, width, height } = place
  const isRegion = node.parent?.kind === 'parallel'
  return (
    <g
      class="state"
      data-path={node.path}
      data-kind={node.kind}
      data-active={isActive}
      data-region={isRegion}
      data-leaf={node.children.length === 0}
    >
      {node.description !== undefined && <title>{node.description}</title>}
      <rect class="box" x={x} y={y} width={width} height={height} rx={6} />
      {node.kind === 'final' && (
        <rect class="final" x={x + 3} y={y + 3} width={width - 6} height={height - 6} rx={4} />
      )}
      <text class="title" x={x + 10} y={y + 16}>
        {node.key}
      </text>
      {notes.map((note, index) => (
        <text key={note} class="note" x={x + 10} y={y + titleHeight + 9 + index * lineHeight}>
          {note}
        </text>
      ))}
    </g>
  )
})

function InitialDot({ place }: { readonly place: Rectangle | undefined }) {
  if (!place) return null
  const radius = place.width / 2
  return <circle class="initial" cx={place.x + radius} cy={place.y + radius} r={radius} />
}

function ArrowLine({ route, isTaken }: { readonly route: Route | undefined; readonly isTaken: boolean }) {
  if (!route || route.points.length < 2) return null
  return (
    <path
      class="arrow"
      data-taken={isTaken}
      d={pathThrough(route.points)}
      marker-end={isTaken ? 'url(#head-taken)' : 'url(#head)'}
    />
  )
}

interface ArrowLabelProps {
  readonly arrow: Arrow
  readonly route: Route | undefined
  readonly isTaken: boolean
}

function ArrowLabel({ arrow, route, isTaken }: ArrowLabelProps) {
  const place = route?.label
  if (!place) return null
  const { x, y, width, height } = place
  return (
    <g class="label" data-taken={isTaken}>
      <rect x={x} y={y} width={width} height={height} rx={3} />
      {arrow.lines.map((line, index) => (
        <text key={line} x={x + width / 2} y={y + 11.5 + index * lineHeight}>
          {line}
        </text>
      ))}
    </g>
  )
}

const cornerRadius = 5

/** A line through the points, with rounded corners. */
export function pathThrough(points: readonly Point[]): string {
  return points
    .map((point, index) => {
      const before = points[index - 1]
      const after = points[index + 1]
      if (!before) return `M${point.x} ${point.y}`
      if (!after) return `L${point.x} ${point.y}`
      const start = towards(point, before)
      const end = towards(point, after)
      return `L${start.x} ${start.y}Q${point.x} ${point.y} ${end.x} ${end.y}`
    })
    .join('')
}

function towards(from: Point, to: Point): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y)
  const share = length === 0 ? 0 : Math.min(cornerRadius, length / 2) / length
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share }
}
