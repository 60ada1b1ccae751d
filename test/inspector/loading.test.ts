import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BuiltCli, buildCli } from '../cli/support/built-cli.ts'

const buildLimitMs = 60_000
const owned = /\/dist\/src\/inspector\//
/** What records, and what reads recordings. */
const recorded = /\/dist\/chunks\/(?:recorder|replay|read|crash)-/
/** All that may be loaded from outside of the package. */
const foreign = (modules: readonly string[]) =>
  modules.filter((url) => /\/node_modules\/(?!xstate\/)/.test(url))

let built: BuiltCli
let hook: string

beforeAll(() => {
  built = buildCli()
  // Reports every module that is loaded, in any way.
  const loader = `export const load = (url, context, next) => {
    process._rawDebug('loaded ' + url)
    return next(url, context)
  }`
  hook = join(built.folder, 'report-loads.mjs')
  writeFileSync(
    hook,
    `import { createRequire, register } from 'node:module'
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(loader)}))
    // What is required by a module of the older kind does not pass the loader.
    process.on('exit', () => {
      for (const path of Object.keys(createRequire(import.meta.url).cache)) process._rawDebug('loaded file://' + path)
    })`,
  )
}, buildLimitMs)

afterAll(() => built.close())

interface Loaded {
  readonly modules: readonly string[]
  readonly out: string
  readonly code: number | null
}

async function loads(
  args: readonly string[],
  onOutput?: (child: ChildProcess, out: string) => void,
): Promise<Loaded> {
  const child = spawn(process.execPath, ['--import', hook, ...args], {
    cwd: built.folder,
    env: { PATH: process.env['PATH'], HOME: built.folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    onOutput?.(child, out + err)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
    onOutput?.(child, out + err)
  })
  const [code] = (await once(child, 'close')) as [number | null]
  const modules = [...err.matchAll(/^loaded (.+)$/gm)].map(([, url]) => url as string)
  return { modules, out: out + err, code }
}

const main = () => join(built.folder, 'dist/src/cli/main.js')
const run = ['run', '--owner', 'a=b', '--nothing-tracked', '--host', 'unix:///nowhere/docker.sock']
const endOnceItRuns = () => {
  let isReported = false
  return (child: ChildProcess, out: string) => {
    if (isReported || !out.includes('"event":"engineDown"')) return
    isReported = true
    child.kill('SIGTERM')
  }
}

describe('production pays nothing for the inspector', () => {
  it('import of the library loads none of it', async () => {
    const { modules, out, code } = await loads([
      '--input-type=module',
      '-e',
      `import { createReconciler } from ${JSON.stringify(join(built.folder, 'dist/src/index.js'))}
      createReconciler({ owner: { label: 'a', value: 'b' }, tracked: new Set() })
      console.log('made')`,
    ])
    expect([code, out]).toEqual([0, expect.stringContaining('made')])
    expect(modules.some((url) => url.includes('/node_modules/xstate/'))).toBe(true)
    expect(modules.filter((url) => owned.test(url))).toEqual([])
    expect(foreign(modules)).toEqual([])
  })

  it('nor does the command without --inspect, and nothing of a recording without --record', async () => {
    const { modules, code } = await loads([main(), ...run], endOnceItRuns())
    expect(code).toBe(0)
    expect(modules.filter((url) => recorded.test(url))).toEqual([])
    expect(modules.some((url) => url.endsWith('/dist/src/cli/main.js'))).toBe(true)
    expect(modules.filter((url) => owned.test(url))).toEqual([])
    expect(foreign(modules)).toEqual([])
  }, 20_000)

  it('with --inspect it does, and this test would see it; and still nothing but xstate from elsewhere', async () => {
    const { modules, code } = await loads([main(), ...run, '--inspect'], endOnceItRuns())
    expect(code).toBe(0)
    expect(modules.some((url) => url.endsWith('/dist/src/inspector/index.js'))).toBe(true)
    expect(foreign(modules)).toEqual([])
  }, 20_000)

  it('with --record only the recorder is loaded, and no inspector', async () => {
    const { modules, code } = await loads(
      [main(), ...run, '--record', join(built.folder, 'run.jsonl')],
      endOnceItRuns(),
    )
    expect(code).toBe(0)
    expect(modules.filter((url) => recorded.test(url))).toHaveLength(1)
    expect(modules.filter((url) => owned.test(url))).toEqual([])
    expect(foreign(modules)).toEqual([])
  }, 20_000)

  it('an inspector that is never stopped keeps no process alive, with or without a tab', async () => {
    const { out, code } = await loads([
      '--input-type=module',
      '-e',
      `import { createInspector } from ${JSON.stringify(join(built.folder, 'dist/src/inspector/index.js'))}
      import { createActor, createMachine } from 'xstate'
      const { Request: ofNode, Response: alsoOfNode } = globalThis
      const inspector = await createInspector()
      const actor = createActor(createMachine({}), { inspect: inspector.inspect })
      actor.start()
      const { WebSocket } = await import(${JSON.stringify(import.meta.resolve('ws'))})
      const { host, search } = new URL(inspector.url)
      const tab = new WebSocket('ws://' + host + '/ws' + search)
      await new Promise((resolve) => tab.once('message', resolve))
      await fetch(inspector.url)
      console.log(ofNode === Request && alsoOfNode === Response ? 'untouched' : 'changed')
      // The tab of this same process must not be what holds it.
      tab._socket.unref()
      await fetch(inspector.url, { headers: { connection: 'close' } })
      console.log('nothing more to do')`,
    ])
    expect(out).toContain('untouched')
    expect(out).toContain('nothing more to do')
    expect(code).toBe(0)
  }, 20_000)
})
