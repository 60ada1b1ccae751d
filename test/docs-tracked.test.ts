import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type BuiltCli, buildCli } from './cli/support/built-cli.ts'
import { mountSmallDisk, noSmallDisk } from './cli/support/small-disk.ts'
import { trackedText } from './cli/support/tracked-text.ts'
import { fakeId } from './support/fake-engine.ts'
import { blocks, handbook } from './support/pages.ts'

const [one, two, created] = [fakeId(1), fakeId(2), fakeId(3)]
const shells = ['sh', 'bash', 'dash'].filter((shell) => spawnSync(shell, ['-c', ':']).status === 0)

/** Those that write a tracked file, and not those that only name it, such as `flotsam run --tracked`. */
const writers = handbook
  .flatMap((page) => ['sh', 'console'].flatMap((language) => blocks(page, language)))
  .filter((code) => /flotsam track|>\s*\S*(containers|known)|\b(mv|cp|tee)\b.*(containers|known)/.test(code))

const [create = '', remove = '', reset = '', byHand = ''] = writers
const patient = { timeout: 120_000 }

let cli: BuiltCli
beforeAll(() => {
  cli = buildCli()
  const bin = join(cli.folder, 'bin')
  mkdirSync(bin)
  const put = (name: string, script: string) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  put('flotsam', `exec ${process.execPath} ${join(cli.folder, 'dist/src/cli/main.js')} "$@"`)
  // an engine that records its requests
  put('docker', `echo "$1" >> "$DOCKER_LOG"\n[ "$1" != create ] || echo ${created}`)
}, 60_000)
afterAll(() => cli.close())

interface Place {
  readonly file: string
  readonly asked: () => string
  run(snippet: string, options?: { shell?: string; args?: readonly string[]; id?: string }): number | null
}

function placeIn(folder: string): Place {
  const notes = mkdtempSync(join(tmpdir(), 'flotsam-docs-'))
  onTestFinished(() => rmSync(notes, { recursive: true }))
  const log = join(notes, 'docker')
  const file = join(folder, 'containers')
  return {
    file,
    asked: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().replaceAll('\n', ' ') : ''),
    run(snippet, { shell = 'sh', args = [], id = '' } = {}) {
      const PATH = `${join(cli.folder, 'bin')}:${process.env['PATH']}`
      const env = { PATH, HOME: cli.folder, DOCKER_LOG: log, id }
      return spawnSync(shell, ['-c', snippet.replaceAll('/run/agent', folder), 'agent', ...args], { env })
        .status
    },
  }
}

function place(): Place {
  const folder = mkdtempSync(join(tmpdir(), 'flotsam-docs-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return placeIn(folder)
}

test('every snippet that writes a tracked file is run here', () => {
  expect(writers).toHaveLength(4)
  expect([create, remove, reset].every((code) => code.includes('flotsam track'))).toBe(true)
  expect([create.includes(' add '), remove.includes(' remove '), reset.includes(' reset ')]).toEqual([
    true,
    true,
    true,
  ])
  expect(byHand).toContain('> /run/agent/containers.new')
})

describe('the snippets do what the page says', patient, () => {
  test('a container is created, registered and started, then removed with its id; reset replaces all ids', () => {
    const { file, asked, run } = place()
    expect(run(create)).toBe(0)
    expect([readFileSync(file, 'utf8'), asked()]).toEqual([trackedText(created), 'create start'])
    expect(run(remove, { id: created })).toBe(0)
    expect([readFileSync(file, 'utf8'), asked()]).toEqual(['end\n', 'create start rm'])
    expect(run(reset, { args: [one, two] })).toBe(0)
    expect(readFileSync(file, 'utf8')).toBe(trackedText(one, two))
  })

  test('unknown-is-spared: a container that cannot be registered is not started, and the file is unchanged', () => {
    const { file, asked, run } = place()
    writeFileSync(file, '')
    expect(run(create)).toBe(1)
    expect([readFileSync(file, 'utf8'), asked()]).toEqual(['', 'create rm'])
  })

  test('unknown-is-spared: an empty list of ids by mistake changes nothing', () => {
    const { file, run } = place()
    writeFileSync(file, trackedText(one))
    expect(run(reset)).toBe(2)
    expect(run(remove, { id: '' })).toBe(2)
    expect(readFileSync(file, 'utf8')).toBe(trackedText(one))
  })

  test.each(shells)('by hand, in %s: with ids, and with none', (shell) => {
    const { file, run } = place()
    expect(run(byHand, { shell, args: [one, two] })).toBe(0)
    expect(readFileSync(file, 'utf8')).toBe(trackedText(one, two))
    expect(run(byHand, { shell })).toBe(0)
    expect(readFileSync(file, 'utf8')).toBe('end\n')
  })
})

describe.skipIf(noSmallDisk)(`on a full disk (${noSmallDisk ?? 'mounted'})`, patient, () => {
  test.each([
    ['create', create, {}, 1],
    ['remove', remove, { id: one }, 1],
    ['reset', reset, { args: [two] }, 1],
    ...shells.flatMap((shell) => [
      [`by hand, in ${shell}`, byHand, { shell, args: [two] }, undefined] as const,
      // more than a shell keeps before it writes
      [
        `by hand, in ${shell}, with many ids`,
        byHand,
        { shell, args: Array.from({ length: 500 }, (_, number) => fakeId(number)) },
        undefined,
      ] as const,
    ]),
  ] as const)('%s fails, and the file is unchanged', (_what, snippet, options, code) => {
    const disk = mountSmallDisk()
    onTestFinished(() => disk.close())
    const { file, run, asked } = placeIn(disk.folder)
    writeFileSync(file, trackedText(one))
    disk.fill()
    const ended = run(snippet, options)
    expect(ended).not.toBe(0)
    if (code !== undefined) expect(ended).toBe(code)
    expect(readFileSync(file, 'utf8')).toBe(trackedText(one))
    expect(asked()).not.toContain('start')
  })
})
