import type { EngineUnderTest } from '../support/engine-matrix.ts'

/**
 * Who runs beside whom: at most one engine of each kind at a time, which two cores can carry, the oldest of each together
 * and then those that come after them.
 */
export function roundsOf(engines: readonly EngineUnderTest[]): readonly (readonly EngineUnderTest[])[] {
  const kinds = [...new Set(engines.map(({ kind }) => kind))]
  const lanes = kinds.map((kind) => engines.filter((engine) => engine.kind === kind))
  const longest = Math.max(0, ...lanes.map(({ length }) => length))
  return Array.from({ length: longest }, (_, at) => lanes.flatMap((lane) => lane.slice(at, at + 1)))
}
