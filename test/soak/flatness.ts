import type { Census } from './census.ts'

/** What may grow by how much, and why so much. */
export interface Bounds {
  /** Of the heap, for each container that came and went. */
  readonly bytesPerContainer: number
  /** By how much a count may differ from the first census; the largest that is left out here is `otherwise`. */
  readonly drift: Readonly<Record<string, number>>
  readonly otherwise: number
}

export interface Flatness {
  readonly bytesPerContainer: number
  /** One sentence for each thing that grew; none when all is flat. */
  readonly grown: readonly string[]
}

/**
 * Whether everything stayed flat from the first census, taken when all is warm, to the last one. Each census is of a
 * world in which all containers but the same few have gone, so that they can be compared.
 */
export function judgeFlatness(censuses: readonly Census[], bounds: Bounds): Flatness {
  const [first, ...later] = censuses
  if (!first || later.length < 2) throw new RangeError('it takes three censuses to see what grows')
  const bytesPerContainer = slope(censuses)
  const grown: string[] = []
  if (bytesPerContainer > bounds.bytesPerContainer) {
    grown.push(
      `the heap grows by ${bytesPerContainer.toFixed(1)} bytes a container; ${bounds.bytesPerContainer} are allowed`,
    )
  }
  for (const [name, count] of Object.entries(first.counts)) {
    const most = Math.max(...later.map(({ counts }) => counts[name] ?? 0))
    const allowed = bounds.drift[name] ?? bounds.otherwise
    if (most - count > allowed)
      grown.push(`${name} grew from ${count} to ${most}; ${allowed} more are allowed`)
  }
  return { bytesPerContainer, grown }
}

/** The median of the slopes between every two censuses: one census with a cache filled more than usual does not tilt it. */
function slope(censuses: readonly Census[]): number {
  const slopes = censuses.flatMap((from, at) =>
    censuses
      .slice(at + 1)
      .filter(({ containers }) => containers > from.containers)
      .map((to) => (to.heapBytes - from.heapBytes) / (to.containers - from.containers)),
  )
  slopes.sort((one, other) => one - other)
  return slopes[Math.floor(slopes.length / 2)] ?? 0
}
