import { isRecord } from './message.ts'

/** The paths of all states in a state value, outermost first: `{ a: { b: 'c' } }` gives `a`, `a.b` and `a.b.c`. */
export function activePaths(value: unknown): string[] {
  const paths: string[] = []
  collect(value, '', paths)
  return paths
}

/** The paths of the innermost active states; several for parallel regions. */
export function leafPaths(value: unknown): string[] {
  const paths = activePaths(value)
  return paths.filter((path) => !paths.some((other) => other.startsWith(`${path}.`)))
}

/** A state value on one line; empty for an actor without one. */
export function stateText(value: unknown): string {
  return leafPaths(value).join(' · ')
}

/** The innermost states of the second value that are not in the first. */
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
