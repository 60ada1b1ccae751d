import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const root = join(import.meta.dirname, '../..')

/** As other programs have them, by the names that the snippet imports. */
const packages = [
  'pino9@npm:pino@9',
  'pino10@npm:pino@10',
  'dockerode4@npm:dockerode@4',
  'dockerode5@npm:dockerode@5',
  '@types/dockerode4@npm:@types/dockerode@3',
  '@types/dockerode5@npm:@types/dockerode@4',
]

const snippet = `
import Dockerode4 from 'dockerode4'
import Dockerode5 from 'dockerode5'
import { pino as pino9 } from 'pino9'
import { pino as pino10 } from 'pino10'
import { type EngineClient, type Logger, type ReconcilerOptions } from 'flotsam'

const customLevels = { audit: 35 }
export const loggers: Logger[] = [
  console,
  pino9(),
  pino9({ customLevels }),
  pino9().child({ a: 1 }),
  pino10(),
  pino10({ customLevels }),
  pino10().child({ a: 1 }),
]
export const engines: EngineClient[] = [new Dockerode4(), new Dockerode5()]
const owner = { label: 'com.example.agent', value: 'agent-7' }
export const options: ReconcilerOptions[] = [
  { owner, tracked: new Set(), logger: pino9({ customLevels }), engine: new Dockerode4() },
  { owner, tracked: new Set(), logger: pino10({ customLevels }), engine: new Dockerode5() },
]
// @ts-expect-error: it cannot log warnings
export const noLogger: Logger = { debug() {}, info() {}, error() {} }
// @ts-expect-error: nothing can be asked of it
export const noEngine: EngineClient = { modem: {} }
`

// It needs a registry, and half a minute.
test.runIf(process.env['CI'])(
  'loggers of pino 9 and 10 and instances of dockerode 4 and 5 pass the compiler',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'flotsam-majors-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
    const npm = ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages]
    execFileSync('npm', npm, { cwd: folder, stdio: 'pipe' })
    writeFileSync(join(folder, 'snippet.mts'), snippet)
    const compilerOptions = {
      types: [],
      paths: { flotsam: [join(root, 'src/index.ts')] },
    }
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, 'tsconfig.json'),
        compilerOptions,
        files: ['snippet.mts'],
        include: [],
      }),
    )
    expect(complaintsAbout(folder)).toBe('')
  },
  180_000,
)

function complaintsAbout(folder: string): string {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  try {
    execFileSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
    return ''
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string }
    return `${stdout ?? ''}${stderr ?? ''}` || String(error)
  }
}
