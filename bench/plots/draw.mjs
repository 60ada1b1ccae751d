// Draws the plots of docs/performance.md: `node draw.mjs RESULTS.json`.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, View } from 'vega'
import { compile } from 'vega-lite'
import { fingerprintOf, plotsOf } from './plots.mjs'

const folder = join(import.meta.dirname, '../../docs/images')
mkdirSync(folder, { recursive: true })
const results = JSON.parse(readFileSync(process.argv[2], 'utf8'))
for (const [name, spec] of Object.entries(plotsOf(results))) {
  const view = new View(parse(compile(spec).spec), { renderer: 'none' })
  const svg = await view.toSVG()
  writeFileSync(join(folder, `performance-${name}.svg`), `<!-- ${fingerprintOf(spec)} -->\n${svg}\n`)
}
