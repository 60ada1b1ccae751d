import ELK from 'elkjs/lib/elk-api.js'
// a worker, so that the layout of a large chart never blocks the page
import ElkWorker from 'elkjs/lib/elk-worker.min.js?worker'
import type { Machine } from '../model/machine.ts'
import { type Graph, graphOf, type MeasureText, type TextStyle } from './graph.ts'
import { layOut, type Layout } from './layout.ts'

export interface Drawing {
  readonly graph: Graph
  readonly layout: Layout
}

const elk = new ELK({ workerFactory: () => new ElkWorker() })
const drawings = new WeakMap<Machine, Promise<Drawing>>()

/** Returns the layout of a machine's chart for roughly that aspect ratio, and caches it. */
export function drawingOf(machine: Machine, aspectRatio: number): Promise<Drawing> {
  const known = drawings.get(machine)
  if (known) return known
  const graph = graphOf(machine, measureText())
  const drawing = layOut(elk, graph, aspectRatio).then((layout) => ({ graph, layout }))
  drawings.set(machine, drawing)
  // a failed layout may be retried
  drawing.catch(() => drawings.delete(machine))
  return drawing
}

const fonts: Readonly<Record<TextStyle, string>> = { title: '600 12.5px', note: '11px', label: '11.5px' }

/** Uses the fonts of the style sheet. */
function measureText(): MeasureText {
  const context = document.createElement('canvas').getContext('2d')
  const family = getComputedStyle(document.body).fontFamily
  return (text, style) => {
    if (!context) return text.length * 7
    context.font = `${fonts[style]} ${family}`
    return context.measureText(text).width
  }
}
