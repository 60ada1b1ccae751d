import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'vite'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const cache = join(root, 'node_modules/.cache')
const count = 20_000
const heapMiB = 128

let engine: Server
let folder: string

/** Foreign containers with 2 kB of labels each, no two of which are the same. */
function* listing(): Generator<string> {
  yield '['
  for (let number = 0; number < count; number++) {
    const labels = Object.fromEntries(
      Array.from({ length: 50 }, (_, at) => [`label-${at}`, `${number}-${at}-`.padEnd(32, 'x')]),
    )
    const id = number.toString(16).padStart(64, '0')
    const entry = { Id: id, Names: [`/foreign-${number}`], Image: 'x', ImageID: 'sha256:x', State: 'running' }
    yield `${number > 0 ? ',' : ''}${JSON.stringify({ ...entry, Created: 1_700_000_000, Labels: labels })}`
  }
  yield ']'
}

beforeAll(async () => {
  const body = Buffer.from([...listing()].join(''))
  engine = createServer((_request, response) => {
    response.setHeader('Content-Type', 'application/json')
    response.end(body)
  })
  await new Promise<void>((listening) => engine.listen(0, '127.0.0.1', listening))
  // beside the modules that it imports
  await mkdir(cache, { recursive: true })
  folder = await mkdtemp(join(cache, 'heap-'))
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    build: { target: 'node20', ssr: join(root, 'src/index.ts'), outDir: folder, minify: false },
  })
  const { port } = engine.address() as AddressInfo
  const program = `
    import { createReconciler } from './index.js'
    const reconciler = createReconciler({
      owner: { label: 'com.example.agent', value: 'agent-7' },
      tracked: new Set(),
      engine: 'tcp://127.0.0.1:${port}',
      events: false,
    })
    reconciler.on('scanned', ({ listed }) => console.log(listed))
    reconciler.start()
    for (let scans = 0; scans < 3; scans++) await reconciler.scan()
    await reconciler.stop()`
  await writeFile(join(folder, 'program.mjs'), program)
})

afterAll(async () => {
  engine.close()
  await rm(folder, { recursive: true, force: true })
})

test(`flat: ${count} foreign containers with 2 kB of labels are scanned with a heap of ${heapMiB} MiB`, async () => {
  const run = promisify(execFile)
  const { stdout } = await run(
    process.execPath,
    [`--max-old-space-size=${heapMiB}`, join(folder, 'program.mjs')],
    { env: { ...process.env, NODE_OPTIONS: '' } },
  )
  expect(stdout.trim().split('\n').slice(0, 3)).toEqual([`${count}`, `${count}`, `${count}`])
})
