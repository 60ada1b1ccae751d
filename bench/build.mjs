import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const top = join(import.meta.dirname, '..')
const folder = join(top, 'node_modules/.cache/flotsam-bench')
const buildDeadlineMs = 120_000

/** Compiles into a separate folder, because `dist` may be rebuilt at any time. */
export function build() {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n')
  compile(join(top, 'tsconfig.build.json'), '--outDir', join(folder, 'dist'))
  compile(join(import.meta.dirname, 'tsconfig.json'))
  copyFileSync(join(top, 'test/support/end-engine.sh'), join(folder, 'support/end-engine.sh'))
}

function compile(project, ...more) {
  // types are checked elsewhere
  execFileSync(join(top, 'node_modules/.bin/tsc'), ['-p', project, '--noCheck', ...more], {
    stdio: 'inherit',
    timeout: buildDeadlineMs,
  })
}

const load = (path) => import(pathToFileURL(join(folder, path)).href)

export const loadFlotsam = () => load('dist/src/index.js')
export const loadClock = () => load('dist/src/domain/clock.js')
export const loadTesting = () => load('dist/src/testing/index.js')
/** The private engines of the tests. */
export const loadRealEngine = () => load('support/real-engine.js')
export const loadEngineMatrix = () => load('support/engine-matrix.js')
