import type { ELK, ElkExtendedEdge, ElkNode } from 'elkjs/lib/elk-api.js'
import type { Arrow, Box, Graph } from './graph.ts'

export interface Point {
  readonly x: number
  readonly y: number
}

export interface Rectangle extends Point {
  readonly width: number
  readonly height: number
}

/** The coordinates of everything in a chart, relative to its top left corner. */
export interface Layout {
  readonly width: number
  readonly height: number
  readonly boxes: ReadonlyMap<string, Rectangle>
  readonly routes: ReadonlyMap<string, Route>
}

export interface Route {
  readonly points: readonly Point[]
  readonly label: Rectangle | undefined
}

// No compaction: ELK throws if labelled arrows lead from an inner state to several levels around it.
const options = {
  'elk.algorithm': 'layered',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.json.edgeCoords': 'ROOT',
  'elk.json.shapeCoords': 'ROOT',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.spacing.nodeNodeBetweenLayers': '12',
  'elk.layered.spacing.edgeNodeBetweenLayers': '7',
  'elk.layered.spacing.edgeEdgeBetweenLayers': '6',
  'elk.spacing.nodeNode': '14',
  'elk.spacing.edgeNode': '8',
  'elk.spacing.edgeEdge': '8',
  'elk.spacing.edgeLabel': '3',
}

/** Chooses the layout direction that allows the largest scale for the given aspect ratio. */
export async function layOut(elk: Pick<ELK, 'layout'>, graph: Graph, aspectRatio: number): Promise<Layout> {
  const layouts: Layout[] = []
  for (const direction of ['DOWN', 'RIGHT']) {
    layouts.push(await layOutTowards(elk, graph, direction))
  }
  const scaleOf = ({ width, height }: Layout) => Math.min(aspectRatio / width, 1 / height)
  return layouts.reduce((best, layout) => (scaleOf(layout) > scaleOf(best) ? layout : best))
}

async function layOutTowards(elk: Pick<ELK, 'layout'>, graph: Graph, direction: string): Promise<Layout> {
  const placed: ElkNode = await elk.layout<ElkNode>({
    id: '(canvas)',
    layoutOptions: {
      ...options,
      'elk.direction': direction,
      'elk.padding': '[top=8,left=8,bottom=8,right=8]',
    },
    children: [elkNode(graph.root, direction)],
    edges: graph.arrows.map(elkEdge),
  })
  const boxes = new Map<string, Rectangle>()
  collect(placed, boxes)
  return {
    width: placed.width ?? 0,
    height: placed.height ?? 0,
    boxes,
    routes: new Map((placed.edges ?? []).map((edge) => [edge.id, routeOf(edge)])),
  }
}

function elkNode(box: Box, direction: string): ElkNode {
  const { id, width, height, headHeight, children } = box
  if (children.length === 0) return { id, width, height }
  return {
    id,
    // ELK does not apply these options to nested boxes
    layoutOptions: {
      ...options,
      'elk.direction': direction,
      'elk.padding': `[top=${headHeight + 8},left=12,bottom=10,right=12]`,
      'elk.nodeSize.constraints': 'MINIMUM_SIZE',
      'elk.nodeSize.minimum': `(${width}, ${height})`,
    },
    children: children.map((child) => elkNode(child, direction)),
  }
}

function elkEdge({ id, from, to, lines, label }: Arrow): ElkExtendedEdge {
  return {
    id,
    sources: [from],
    targets: [to],
    labels: label ? [{ id: `${id}(label)`, text: lines.join('\n'), ...label }] : [],
  }
}

function collect(node: ElkNode, boxes: Map<string, Rectangle>): void {
  const { id, x = 0, y = 0, width = 0, height = 0, children = [] } = node
  boxes.set(id, { x, y, width, height })
  for (const child of children) collect(child, boxes)
}

function routeOf({ sections = [], labels = [] }: ElkExtendedEdge): Route {
  const points = sections.flatMap(({ startPoint, bendPoints = [], endPoint }) => [
    startPoint,
    ...bendPoints,
    endPoint,
  ])
  const [label] = labels
  return {
    points,
    label: label && { x: label.x ?? 0, y: label.y ?? 0, width: label.width ?? 0, height: label.height ?? 0 },
  }
}
