/**
 * Writes the declarations of the exports in package.json, with those that they depend on, and no others:
 * `node scripts/build/declarations.mjs DIST`.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const dist = process.argv[2] ?? join(root, 'dist')

// maps would refer to sources that are not shipped
const withoutMaps = ['--sourceMap', 'false', '--declarationMap', 'false']

/** The declarations that a file imports, as paths relative to the root. */
function needed(folder, file) {
  const text = readFileSync(join(folder, file), 'utf8')
  return [...text.matchAll(/(?:from |import\()['"](\.[^'"]+)\.ts['"]/g)].map(([, path]) =>
    join(dirname(file), `${path}.d.ts`),
  )
}

const folder = mkdtempSync(join(root, 'node_modules/.flotsam-types-'))
try {
  execFileSync(
    join(root, 'node_modules/.bin/tsc'),
    ['-p', join(root, 'tsconfig.build.json'), '--outDir', folder, '--emitDeclarationOnly', ...withoutMaps],
    { stdio: 'inherit' },
  )
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const types = Object.values(exports).flatMap((one) => (one.types ? [one.types] : []))
  const files = new Set(types.map((path) => path.replace('./dist/', '')))
  for (const file of files) for (const other of needed(folder, file)) files.add(other)
  for (const file of files) cpSync(join(folder, file), join(dist, file))
} finally {
  rmSync(folder, { recursive: true })
}
