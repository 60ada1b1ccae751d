import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { read, root } from '../support/pages.ts'
import {
  configurationSchema,
  commandTable,
  members,
  optionTable,
  ownership,
  replaceBetween,
  settingTable,
} from './support/render.ts'

/** What is generated, and where it stands; what is around it is written by hand. */
const parts: readonly (readonly [path: string, name: string, render: () => string])[] = [
  ['src/options/types.ts', 'ownership', ownership],
  ['src/options/types.ts', 'options', members],
  ['docs/guide.md', 'settings', () => `\n${settingTable()}\n`],
  ['docs/guide.md', 'command', () => `\n${commandTable()}\n`],
  ['docs/guide.md', 'options', () => `\n${optionTable()}\n`],
]

describe('generated from src/options/schema.ts and up to date: npm run options', () => {
  test.each([...new Set(parts.map(([path]) => path))])('%s', async (path) => {
    const ofThis = parts.filter(([one]) => one === path)
    const text = ofThis.reduce((whole, [, name, render]) => replaceBetween(whole, name, render()), read(path))
    await expect(text).toMatchFileSnapshot(join(root, path))
  })

  test('flotsam.schema.json', async () => {
    const text = `${JSON.stringify(configurationSchema(), undefined, 2)}\n`
    await expect(text).toMatchFileSnapshot(join(root, 'flotsam.schema.json'))
  })
})
