import type { Point } from './layout.ts'

/** The transformation of a drawing: scaled, then shifted by so many pixels. */
export interface View extends Point {
  readonly scale: number
}

export interface Area {
  readonly width: number
  readonly height: number
}

const leastScale = 0.15
const greatestScale = 3
const margin = 10

/** Fits the whole drawing into the area, centred and never enlarged. */
export function fitted(drawing: Area, room: Area): View {
  const scale = Math.min(
    1,
    Math.max(
      leastScale,
      Math.min((room.width - 2 * margin) / drawing.width, (room.height - 2 * margin) / drawing.height),
    ),
  )
  return {
    scale,
    x: Math.max(margin, (room.width - drawing.width * scale) / 2),
    y: Math.max(margin, (room.height - drawing.height * scale) / 2),
  }
}

/** Zooms about a point, which keeps its position. */
export function zoomed(view: View, factor: number, at: Point): View {
  const scale = Math.min(greatestScale, Math.max(leastScale, view.scale * factor))
  const ratio = scale / view.scale
  return { scale, x: at.x - (at.x - view.x) * ratio, y: at.y - (at.y - view.y) * ratio }
}

export function moved(view: View, by: Point): View {
  return { ...view, x: view.x + by.x, y: view.y + by.y }
}
