import elkjs from 'elkjs/lib/elk.bundled.js'
import { beforeAll, describe, expect, it } from 'vitest'
import { containerMachine, supervisorMachine } from '../../../machines/index.ts'
import { type Box, type Graph, graphOf } from '../../../src/inspector/page/chart/graph.ts'
import { layOut, type Layout, type Point, type Rectangle } from '../../../src/inspector/page/chart/layout.ts'
import { fitted, moved, zoomed } from '../../../src/inspector/page/chart/view-box.ts'
import { type Machine, readMachine } from '../../../src/inspector/page/model/machine.ts'
import { playerMachine } from './support/foreign-system.ts'

const machineOf = (machine: { readonly config: object }) => {
  const text = JSON.stringify(machine.config, (_key, value: unknown) =>
    typeof value === 'function' ? 'f' : value,
  )
  return readMachine(text) as Machine
}

describe.each([
  ['container', machineOf(containerMachine)],
  ['supervisor', machineOf(supervisorMachine)],
  ['player', machineOf(playerMachine)],
])('the chart of the %s', (_name, machine) => {
  let graph: Graph
  let layout: Layout

  beforeAll(async () => {
    graph = graphOf(machine, (text) => text.length * 6.5)
    layout = await layOut(new elkjs.default(), graph, 1.2)
  })

  it('has a box for every state and a path for every transition', () => {
    for (const path of machine.states.keys())
      expect(layout.boxes.has(path === '' ? '(root)' : path)).toBe(true)
    const drawn = graph.arrows.filter(({ id }) => (layout.routes.get(id)?.points.length ?? 0) >= 2)
    expect(new Set(drawn.flatMap(({ transitionIds }) => transitionIds))).toEqual(
      new Set(machine.transitions.map(({ id }) => id)),
    )
  })

  it('has every box within its parent, and beside its siblings', () => {
    const misplaced: string[] = []
    const visit = ({ id, children }: Box): void => {
      children.forEach((child, index) => {
        const place = placeOf(child.id)
        if (!isWithin(place, placeOf(id))) misplaced.push(`${child.id} sticks out of ${id}`)
        for (const other of children.slice(index + 1)) {
          if (overlap(place, placeOf(other.id))) misplaced.push(`${child.id} lies on ${other.id}`)
        }
        visit(child)
      })
    }
    visit(graph.root)
    expect(misplaced).toEqual([])
  })

  it('has no arrow over a text that is not its own, and none over a state without states', () => {
    const leaves = [...machine.states.values()].filter(({ children }) => children.length === 0)
    const hidden = graph.arrows.flatMap(({ id, from, to }) => {
      const points = layout.routes.get(id)?.points ?? []
      const texts = [...layout.routes].filter(
        ([otherId, { label }]) => otherId !== id && label && crosses(points, label),
      )
      const boxes = leaves.filter(
        ({ path }) => path !== from && path !== to && crosses(points, placeOf(path)),
      )
      return [...texts.map(([otherId]) => otherId), ...boxes.map(({ path }) => path)].map(
        (under) => `${id} runs over ${under}`,
      )
    })
    expect(hidden).toEqual([])
  })

  function placeOf(id: string): Rectangle {
    return layout.boxes.get(id) as Rectangle
  }
})

describe('what is seen of a chart', () => {
  const room = { width: 800, height: 600 }

  it('a large one is scaled to fit, and centred', () => {
    const view = fitted({ width: 1560, height: 580 }, room)
    expect(view).toEqual({ scale: 0.5, x: 10, y: 155 })
  })

  it('a small one is not enlarged', () => {
    expect(fitted({ width: 100, height: 100 }, room)).toEqual({ scale: 1, x: 350, y: 250 })
  })

  it('a zoom keeps the point under the pointer, and has its limits', () => {
    const view = zoomed({ scale: 1, x: 0, y: 0 }, 2, { x: 100, y: 50 })
    expect(view).toEqual({ scale: 2, x: -100, y: -50 })
    expect(zoomed(view, 100, { x: 0, y: 0 }).scale).toBe(3)
    expect(zoomed(view, 0.001, { x: 0, y: 0 }).scale).toBe(0.15)
    expect(moved(view, { x: 5, y: 6 })).toEqual({ scale: 2, x: -95, y: -44 })
  })
})

const overlap = (one: Rectangle, other: Rectangle) =>
  one.x < other.x + other.width &&
  other.x < one.x + one.width &&
  one.y < other.y + other.height &&
  other.y < one.y + one.height

const isWithin = (inner: Rectangle, outer: Rectangle) =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height

/** Lines run along the axes, so each is a thin rectangle; what only touches does not cross. */
function crosses(points: readonly Point[], place: Rectangle): boolean {
  const inner = { x: place.x + 1, y: place.y + 1, width: place.width - 2, height: place.height - 2 }
  return points.slice(1).some((to, index) => {
    const from = points[index] as Point
    const line = {
      x: Math.min(from.x, to.x),
      y: Math.min(from.y, to.y),
      width: Math.abs(to.x - from.x) || 0.01,
      height: Math.abs(to.y - from.y) || 0.01,
    }
    return overlap(line, inner)
  })
}
