/** The cost of installing the packed package, and of importing it. Uses npm's registry. */
import { execFileSync } from 'node:child_process'
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ratioOf, sideBySide, spreadOf } from './statistics.mjs'

const top = join(import.meta.dirname, '..')
const goal = { importRatio: 1.1, packages: 2 }
/** The dependencies that an agent with Flotsam most likely has anyway. */
const usual = ['dockerode', 'xstate', 'pino']

export async function embedding({ samples }) {
  const folder = mkdtempSync(join(tmpdir(), 'flotsam-bench-import-'))
  try {
    npm(top, 'run', 'build')
    const packed = npm(top, 'pack', '--ignore-scripts', '--json', '--pack-destination', folder)
    const tarball = join(folder, JSON.parse(packed)[0].filename)
    const alone = install(folder, 'alone', tarball)
    const host = install(folder, 'host', tarball, ...usual)
    return [...installFigures(alone), ...(await importFigures(host, Math.max(9, samples)))]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function npm(cwd, ...args) {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

function install(folder, name, ...packages) {
  const program = join(folder, name)
  execFileSync('mkdir', [program])
  writeFileSync(join(program, 'package.json'), '{ "private": true, "type": "module" }\n')
  npm(program, 'install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages)
  return program
}

function installFigures(program) {
  const { packages } = JSON.parse(readFileSync(join(program, 'package-lock.json'), 'utf8'))
  const installed = Object.entries(packages).filter(([path]) => path !== '')
  const builds = installed.filter(([, { hasInstallScript }]) => hasInstallScript)
  const count = installed.length
  return [
    figure('install', 'packages', '', count, { goal: `≤ ${goal.packages}`, isMet: count <= goal.packages }),
    figure('install', 'packages that run a script', '', builds.length, {
      goal: '≤ 0',
      isMet: builds.length === 0,
    }),
    figure('install', 'on disk', 'MB', bytesBelow(join(program, 'node_modules')) / 1e6),
  ]
}

function bytesBelow(folder) {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return paths
    .map((path) => lstatSync(join(folder, path)))
    .reduce((sum, one) => sum + (one.isFile() ? one.size : 0), 0)
}

/** Measures each in a new process, in turn. */
async function importFigures(program, rounds) {
  const importing =
    (...names) =>
    async () => {
      const code = `
      const before = process.memoryUsage().rss
      const beganMs = performance.now()
      ${names.map((name) => `await import('${name}')`).join('\n')}
      const ms = performance.now() - beganMs
      process.stdout.write(JSON.stringify({ ms, MB: (process.memoryUsage().rss - before) / 1e6 }))`
      const args = ['--input-type=module', '-e', code]
      return JSON.parse(execFileSync(process.execPath, args, { cwd: program, encoding: 'utf8' }))
    }
  const taken = await sideBySide(rounds, {
    ours: importing('flotsam'),
    bare: importing(...usual),
    floor: importing('xstate'),
  })
  return ['ms', 'MB'].map((unit) => {
    const of = (way) => taken[way].map((sample) => sample[unit])
    const ratio = ratioOf(of('ours'), of('bare'))
    return {
      ...figure('import', unit === 'ms' ? 'time' : 'resident memory', unit, 0, {
        goal: `≤ ${goal.importRatio}`,
        isMet: ratio.median <= goal.importRatio,
      }),
      ours: spreadOf(of('ours')),
      bare: spreadOf(of('bare')),
      floor: spreadOf(of('floor')),
      ratio,
    }
  })
}

function figure(group, what, unit, value, more = {}) {
  return { group, engine: '', containers: 0, what, unit, ours: spreadOf([value]), ...more }
}
