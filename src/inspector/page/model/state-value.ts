import { isRecord } from './message.ts'

/** The paths of all states that a state value names, outermost first: `{ a: { b: 'c' } }` gives `a`, `a.b` and `a.b.c`. */
export function activePaths(value: unknown): string[] {
  const paths: string[] = []
  collect(value, '', paths)
  return paths
}

/** The innermost active states, as the charts call them; several where regions run in parallel. */
export function leafPaths(value: unknown): string[] {
  const paths = activePaths(value)
  return paths.filter((path) => !paths.some((other) => other.startsWith(`${path}.`)))
}

/** A state value in one line. Empty for an actor that has none. */
export function stateText(value: unknown): string {
  return leafPaths(value).join(' · ')
}

/** The innermost states of the second value that the first does not name. */
export function changedLeaves(before: unknown, after: unknown): string[] {
  const known = new Set(leafPaths(before))
  return leafPaths(after).filter((path) => !known.has(path))
}

function collect(value: unknown, prefix: string, paths: string[]): void {
  if (typeof value === 'string') {
    if (value !== '') paths.push(prefix + value)
  } else if (isRecord(value)) {
    for (const [key, inner] of Object.entries(value)) {
      paths.push(prefix + key)
      collect(inner, `${prefix + key}.`, paths)
    }
  }
}
