/** Returns the known name with the smallest edit distance. Case, `_` and `-` are ignored. */
export function nearestTo(name: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.toUpperCase().replaceAll(/[_-]/g, '').slice(0, longestCompared)
  const ranked = known.map((one) => ({ one, changes: changesBetween(plain(name), plain(one)) }))
  return ranked.toSorted((one, other) => one.changes - other.changes)[0]?.one
}

/** Longer than every known name, so that a longer text only costs time. */
const longestCompared = 60

/** The edit distance, counting insertions and deletions. */
function changesBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (let at = 0; at < one.length; at += 1) {
    const next = [at + 1]
    for (let column = 0; column < other.length; column += 1) {
      const replaced = (row[column] ?? 0) + (one[at] === other[column] ? 0 : 2)
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
