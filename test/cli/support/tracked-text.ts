/** What a whole tracked file of these ids holds, written down once more. */
export function trackedText(...ids: readonly string[]): string {
  return `${ids.map((id) => `${id}\n`).join('')}end\n`
}
