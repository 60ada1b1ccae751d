import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '../support/pages.ts'

/** Installing asks a registry, which tests do only on request. */
const mayInstall = process.env['FLOTSAM_REQUIRE_REGISTRY'] === '1'
const patient = 180_000

/** The lowest and the highest of each range in package.json; what is highest is what the registry has. */
const hosts = [
  { title: 'the lowest versions', packages: ['xstate@5.33.0', 'dockerode@4.0.0', 'pino@9.0.0'] },
  { title: 'the highest versions', packages: ['xstate@5', 'dockerode@5', 'pino@10'] },
]

let folder: string
let tarball: string
beforeAll(() => {
  if (!mayInstall) return
  folder = mkdtempSync(join(tmpdir(), 'flotsam-install-'))
  const packed = run(root, 'npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', folder)
  tarball = join(folder, (JSON.parse(packed) as [{ filename: string }])[0].filename)
}, patient)
afterAll(() => {
  if (mayInstall) rmSync(folder, { recursive: true, force: true })
})

function run(cwd: string, command: string, ...args: string[]): string {
  // the command refuses variables that it does not know, as this suite's own
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('FLOTSAM_')))
  return execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/** A program of its own with these installed, and the package. No script of theirs is run: nothing needs to be compiled. */
function installed(name: string, ...packages: readonly string[]): string {
  const program = join(folder, name)
  cpSync(join(import.meta.dirname, 'program'), program, { recursive: true })
  writeFileSync(join(program, 'package.json'), '{ "private": true, "type": "module" }\n')
  run(program, 'npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', tarball, ...packages)
  return program
}

function copiesOf(name: string, program: string): string[] {
  return readdirSync(join(program, 'node_modules'), { recursive: true, encoding: 'utf8' }).filter(
    (path) => path === name || path.endsWith(`/node_modules/${name}`),
  )
}

describe.skipIf(!mayInstall)('installed from its tarball (FLOTSAM_REQUIRE_REGISTRY=1)', () => {
  it('by itself it brings xstate and nothing else, and the command works', { timeout: patient }, () => {
    const program = installed('alone')
    const lock = JSON.parse(readFileSync(join(program, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { hasInstallScript?: true }>
    }
    const packages = Object.keys(lock.packages).filter((path) => path !== '')
    expect(packages).toEqual(['node_modules/flotsam', 'node_modules/xstate'])
    expect(run(program, 'npx', 'flotsam', '--help')).toContain('Usage: flotsam')
    const demo = JSON.parse(run(program, 'npx', 'flotsam', 'demo', '--speed', '4', '--json')) as object
    expect(demo).toBeTypeOf('object')
    expect(run(program, process.execPath, 'alone.mjs')).toBe('removed leak\nthe page\n')
  })

  it.each(hosts)('among $title of a host it shares its copies, and removes', { timeout: patient }, (host) => {
    const program = installed(host.packages.join('-'), ...host.packages)
    for (const name of ['xstate', 'dockerode', 'pino']) expect(copiesOf(name, program)).toEqual([name])
    expect(run(program, process.execPath, 'host.mjs').split('\n')).toEqual([
      'removed leak',
      'removed: removed leak',
      'done',
      '',
    ])
  })

  it('its types need no others in a strict program', { timeout: patient }, () => {
    const program = installed('typed', 'xstate@5.33.0', '@types/node@20')
    const compiler = join(root, 'node_modules/.bin/tsc')
    const options = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--module', 'nodenext']
    expect(run(program, compiler, ...options, '--target', 'es2023', '--types', 'node', 'typed.mts')).toBe('')
    // it would say so
    writeFileSync(
      join(program, 'wrong.mts'),
      "import { createReconciler } from 'flotsam'\ncreateReconciler({})\n",
    )
    expect(() => run(program, compiler, ...options, '--types', 'node', 'wrong.mts')).toThrow()
  })
})
