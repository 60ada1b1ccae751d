import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The root of the project. */
export const root = join(import.meta.dirname, '../..')
export const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** Every page, written or generated, as a path relative to the root. */
export const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...['docs', 'examples'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  ),
]

/** The pages with snippets and commands for readers to use; the API reference is generated from comments. */
export const handbook = pages.filter((page) => !page.startsWith('docs/api/'))

/** The code blocks of that language under a heading, or on the whole page. */
export function blocks(page: string, language: string, heading?: string): readonly string[] {
  const text = heading === undefined ? read(page) : section(page, heading)
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, code]) => code as string,
  )
}

/** The part of a page under one of its headings. */
export function section(page: string, heading: string): string {
  const [, after] = read(page).split(new RegExp(`^#+ ${heading}$`, 'm'))
  if (after === undefined) throw new Error(`${page} has no heading "${heading}"`)
  // a comment in a shell or YAML block is not a heading
  const withoutBlocks = after.replaceAll(/^```.*?^```$/gms, (block) => block.replaceAll('#', '\0'))
  return (withoutBlocks.split(/^#+ /m)[0] as string).replaceAll('\0', '#')
}

/** The rows of the first table there, without its head. */
export function rowsUnder(page: string, heading: string): readonly (readonly string[])[] {
  const table = /^\|.*\|$(?:\n^\|.*\|$)*/m.exec(section(page, heading))?.[0]
  if (table === undefined) throw new Error(`${page} has no table under "${heading}"`)
  const lines = table.split('\n').slice(2)
  return lines.map((line) =>
    line
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  )
}

export const bare = (cell: string | undefined) => (cell ?? '').replaceAll('`', '')
export const firstCells = (page: string, heading: string) =>
  rowsUnder(page, heading).map(([cell]) => bare(cell))
export const wordsOf = (cell: string | undefined) =>
  [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, word]) => word as string)
