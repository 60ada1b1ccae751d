import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readTrackedFile } from '../../../src/cli/tracked/file.ts'
import { fakeId } from '../../support/fake-engine.ts'
import { type BuiltCli, buildCli, compileModules } from '../support/built-cli.ts'
import { ranCli } from '../support/cli-world.ts'
import { trackedText } from '../support/tracked-text.ts'

let cli: BuiltCli
beforeAll(() => {
  cli = buildCli()
  compileModules(join(cli.folder, 'modules'))
}, 60_000)
afterAll(() => cli.close())

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotsam-track-'))
  path = join(folder, 'containers')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const patient = { timeout: 180_000 }

const script = (name: string) => join(import.meta.dirname, name)
const words = (id: string) => [
  script('track-once.mjs'),
  join(cli.folder, 'modules/src/cli/track/track.js'),
  path,
  'add',
  id,
]

interface Adding {
  readonly child: ChildProcess
  /** The exit code; null where it was killed. */
  readonly ended: Promise<number | null>
}

function startAdding(id: string): Adding {
  const child = spawn(process.execPath, words(id), { stdio: 'ignore' })
  return { child, ended: once(child, 'close').then(([code]) => code as number | null) }
}

describe('flotsam track as processes', patient, () => {
  it('the installed command', async () => {
    const run = cli.start(['track', path, 'add', fakeId(1)])
    expect([await run.ended, run.out(), run.err()]).toEqual([0, '', ''])
    expect(readFileSync(path, 'utf8')).toBe(trackedText(fakeId(1)))
  })

  it('fifty at once: each ends with 0, and no id is lost', async () => {
    const ids = Array.from({ length: 50 }, (_, number) => fakeId(number))
    const all = ids.map(startAdding)
    expect(await Promise.all(all.map(({ ended }) => ended))).toEqual(ids.map(() => 0))
    expect([...(await readTrackedFile(path))].toSorted()).toEqual([...ids].toSorted())
  })

  it('killed at every step: the file is whole, old or new, and the next one succeeds', async () => {
    const [old, added, next] = [fakeId(1), fakeId(2), fakeId(3)]
    const tried = (dieAt: string) => {
      return spawnSync(process.execPath, ['--import', script('die-at.mjs'), ...words(added)], {
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], DIE_AT: dieAt },
      })
    }
    writeFileSync(path, trackedText(old))
    const steps = Number(/^steps: (\d+)$/m.exec(tried('before:0').stderr)?.[1])
    expect(steps).toBeGreaterThan(15)
    const seen = new Set<string>()
    for (let step = 1; step <= steps; step += 1) {
      const when = step % 2 === 0 ? 'before' : 'after'
      writeFileSync(path, trackedText(old))
      expect([step, tried(`${when}:${step}`).signal]).toEqual([step, 'SIGKILL'])
      const text = readFileSync(path, 'utf8')
      expect([trackedText(old), trackedText(old, added)]).toContain(text)
      seen.add(text)
      const again = await ranCli(['track', path, 'add', next])
      expect(again).toEqual({ code: 0, out: '', err: '' })
      expect(readFileSync(path, 'utf8')).toBe(text.replace('end\n', `${next}\nend\n`))
    }
    // it died before or after the commit
    expect(seen.size).toBe(2)
  })

  it('killed at random moments, in parallel: confirmed changes are kept', async () => {
    const ids = Array.from({ length: 24 }, (_, number) => fakeId(number))
    const confirmed: string[] = []
    let took = 0
    const add = async (id: string, at: number) => {
      const beganMs = performance.now()
      const run = startAdding(id)
      // the first are not killed, to measure how long it takes
      const timer =
        at < 3 ? undefined : setTimeout(() => run.child.kill('SIGKILL'), took * (0.5 + (at % 8) / 8))
      if ((await run.ended) === 0) confirmed.push(id)
      clearTimeout(timer)
      if (at < 3) took = performance.now() - beganMs
    }
    for (let at = 0; at < ids.length; at += 3) {
      await Promise.all([0, 1, 2].map((more) => add(ids[at + more] as string, at + more)))
      const known = await readTrackedFile(path)
      expect(confirmed.filter((id) => !known.has(id))).toEqual([])
    }
    expect(confirmed.length).toBeGreaterThanOrEqual(3)
    expect((await ranCli(['track', path, 'add', fakeId(99)])).code).toBe(0)
  })
})
