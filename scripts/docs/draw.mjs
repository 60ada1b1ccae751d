// Generates docs/api from the comments in the sources; with --check only reports whether it is up to date.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { argv, chdir } from 'node:process'
import { Application } from 'typedoc'

chdir(join(import.meta.dirname, '../..'))
const kept = 'docs/api'
const isCheck = argv.includes('--check')
const out = isCheck ? mkdtempSync(join(tmpdir(), 'flotsam-api-')) : kept

try {
  await draw()
  const stale = isCheck ? differences(pagesIn(out), pagesIn(kept)) : []
  if (stale.length > 0) throw new Error(`out of date, run npm run docs:api: ${stale.join(', ')}`)
} finally {
  if (isCheck) rmSync(out, { recursive: true })
}

async function draw() {
  const app = await Application.bootstrapWithPlugins({ out, logLevel: 'Warn' })
  const project = await app.convert()
  if (project) await app.generateOutputs(project)
  if (app.logger.hasErrors() || app.logger.hasWarnings()) throw new Error('the pages could not be generated')
}

/** The text of each page by its path. */
function pagesIn(folder) {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.md'),
  )
  return new Map(files.map((name) => [name, readFileSync(join(folder, name), 'utf8')]))
}

function differences(fresh, old) {
  return [...new Set([...fresh.keys(), ...old.keys()])].filter((name) => fresh.get(name) !== old.get(name))
}
