import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createReconciler } from '../../src/index.ts'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../src/testing/index.ts'
import { createTestWorld, ranCli } from './support/cli-world.ts'
import { trackedText } from './support/tracked-text.ts'

const labels = { 'com.example.agent': 'agent-7' }
const owner = '--owner com.example.agent=agent-7'
const minutesMs = 60_000

let engine: EmbeddedEngine
let folder: string
let target: string
beforeEach(async () => {
  engine = createEmbeddedEngine()
  target = `--host ${await engine.listen()} ${owner}`
  folder = await mkdtemp(join(tmpdir(), 'flotsam-scan-'))
})
afterEach(async () => {
  await engine.close()
  await rm(folder, { recursive: true, force: true })
})

function add(name: string, spec: Parameters<EmbeddedEngine['containers']['create']>[0] = {}): string {
  return engine.containers.create({ name, labels, createdAtMs: Date.now() - 90 * minutesMs, ...spec })
}

/** One of each verdict. */
async function stockEngine() {
  const known = add('known')
  add('forgotten')
  add('kept', { labels: { ...labels, 'flotsam.keep': '' } })
  add('ended', { status: 'exited' })
  add('fresh', { createdAtMs: Date.now() })
  add('foreign', { labels: { 'com.example.agent': 'agent-8' } })
  const file = join(folder, 'containers')
  await writeFile(file, trackedText(known))
  return { file, known }
}

const words = (line: string) => line.split(/ {2,}/)

describe('scan', () => {
  it('shows every owned container with its verdict and reason, and the totals in the last line', async () => {
    const { file } = await stockEngine()
    const { code, out, err } = await ranCli(`scan ${target} --tracked ${file}`)
    expect([code, err]).toEqual([0, ''])
    const lines = out.split('\n')
    expect(words(lines[0] ?? '')).toEqual(['ID', 'NAME', 'IMAGE', 'STATE', 'AGE', 'VERDICT', 'REASON'])
    expect(
      lines
        .slice(1, -2)
        .map(words)
        .map(([, name, image, state, , verdict, reason]) => [name, image, state, verdict, reason].join(' '))
        .sort(),
    ).toEqual([
      'ended busybox:latest exited spared state-not-covered',
      'forgotten busybox:latest running dangling untracked',
      'fresh busybox:latest running graced creation-grace',
      'kept busybox:latest running spared keep-label',
      'known busybox:latest running tracked tracked',
    ])
    expect(lines.slice(-2)).toEqual(['5 owned containers: 1 tracked, 1 graced, 1 dangling, 2 spared', ''])
  })

  it('a container unpaused within the creation grace is new again', async () => {
    const id = add('resumed')
    engine.containers.pause(id)
    engine.containers.unpause(id)
    add('forgotten')
    const { out } = await ranCli(`scan ${target} --nothing-tracked`)
    expect(out).toMatch(/^\S+ +resumed .* graced +creation-grace$/m)
    expect(out).toMatch(/^\S+ +forgotten .* dangling +untracked$/m)
  })

  it('is aligned, with short ids and ages for people', async () => {
    const id = add('forgotten')
    add('a-much-longer-name')
    const { out } = await ranCli(`scan ${target} --nothing-tracked`)
    const [head = '', ...rows] = out.trimEnd().split('\n').slice(0, -1)
    for (const row of rows) {
      for (const title of ['NAME', 'IMAGE', 'STATE', 'AGE', 'VERDICT', 'REASON']) {
        const at = head.indexOf(`  ${title}`) + 2
        expect(row.slice(at - 2, at + 1)).toMatch(/^ {2}\S$/)
      }
    }
    expect(out).toMatch(new RegExp(`^${id.slice(0, 12)}  forgotten .* 1h 30m  dangling`, 'm'))
  })

  it('--states covers ended containers', async () => {
    add('ended', { status: 'exited' })
    add('begun', { status: 'created' })
    const { out } = await ranCli(`scan ${target} --nothing-tracked --states created,exited`)
    expect(out).toContain('2 owned containers: 0 tracked, 0 graced, 2 dangling, 0 spared')
  })

  it('says so when there is nothing', async () => {
    expect(await ranCli(`scan ${target} --nothing-tracked`)).toEqual({
      code: 0,
      out: '0 owned containers: 0 tracked, 0 graced, 0 dangling, 0 spared\n',
      err: '',
    })
  })

  it('sends the engine only read requests', async () => {
    const { file } = await stockEngine()
    await ranCli(`scan ${target} --tracked ${file}`)
    expect([...engine.requests].map(({ method }) => method)).not.toContain('DELETE')
    expect(new Set([...engine.requests].map(({ method }) => method))).toEqual(new Set(['GET']))
  })

  it('unknown-is-spared: without a tracker it spares every container, and hints at how to give one', async () => {
    add('forgotten')
    const { code, out, err } = await ranCli(`scan ${target}`)
    expect(code).toBe(0)
    expect(out).toMatch(/spared {2,}tracker-unknown$/m)
    expect(err).toBe(
      'hint: no tracker given, so no container is reported as dangling; give --tracked FILE, --tracked-url URL, --nothing-tracked or --sessions STORE\n',
    )
  })

  it('--json prints what scan() gives, as one object, and nothing else', async () => {
    const { file, known } = await stockEngine()
    const { code, out, err } = await ranCli(`scan ${target} --tracked ${file} --json`)
    expect([code, err]).toEqual([0, ''])
    expect(out.trimEnd().split('\n')).toHaveLength(1)
    const report = JSON.parse(out) as { containers: { id: string }[] }
    expect(Object.keys(report)).toEqual(['beganAt', 'endedAt', 'containers'])
    expect(report.containers).toHaveLength(5)
    expect(report.containers.find(({ id }) => id === known)).toEqual({
      id: known,
      name: 'known',
      image: 'busybox:latest',
      state: 'running',
      createdAt: expect.any(Number),
      ageMs: expect.any(Number),
      verdict: 'tracked',
      reason: 'tracked',
    })
  })

  it('what only a person can remove: the reason, and on standard error the command', async () => {
    engine.images.add({ reference: 'snapshot:1', labels })
    engine.images.add({ reference: 'gone:1' })
    const copy = add('copy', { image: 'snapshot:1', labels: {} }).slice(0, 12)
    const lost = add('lost', { image: 'gone:1' }).slice(0, 12)
    engine.images.remove('gone:1')
    const { out, err } = await ranCli(`scan ${target} --nothing-tracked`)
    expect(out).toMatch(/ copy .* label-from-image$/m)
    expect(out).toMatch(/ lost .* image-unknown$/m)
    const lines = [
      `hint: label-from-image: to remove it nevertheless: docker rm --force ${copy}`,
      `hint: image-unknown: if its image is gone, nothing can show who started it; to remove it: docker rm --force ${lost}`,
    ]
    expect(err.trimEnd().split('\n').toSorted()).toEqual(lines.toSorted())
  })

  it('names from an engine cannot control a terminal', async () => {
    engine.images.add({ reference: 'evil\u001b[2J:1' })
    add('forgotten', { image: 'evil\u001b[2J:1' })
    const { out } = await ranCli(`scan ${target} --nothing-tracked`)
    expect(out).toContain('evil?[2J:1')
    expect(out).not.toContain('\u001b')
  })
})

describe('colours are for terminals', () => {
  it.each<[boolean, Record<string, string>, boolean]>([
    [false, {}, false],
    [true, {}, true],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
    [false, { FORCE_COLOR: '1' }, true],
    [true, { FORCE_COLOR: '0' }, false],
    [false, { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
  ])('terminal %s, environment %j: %s', async (isTerminal, env, hasColor) => {
    add('forgotten')
    const { out } = await ranCli(`scan ${target} --nothing-tracked`, createTestWorld({ isTerminal, env }))
    expect(out.includes('\u001b[')).toBe(hasColor)
  })
})

describe('a failed scan ends with 1 and one line', () => {
  it('an absent engine', async () => {
    await engine.goDown()
    const { code, out, err } = await ranCli(`scan ${target} --json`)
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(/^error: cannot list containers at unix:[^\n]*ENOENT[^\n]*\n$/)
  })

  it('an engine that answers nonsense', async () => {
    engine.faults.add({ kind: 'html', path: '/containers/json' })
    const { code, out, err } = await ranCli(`scan ${target} --nothing-tracked`)
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(/^error: cannot list containers at [^\n]*\n$/)
  })

  it('a tracked file that is missing or invalid: the engine is not asked', async () => {
    const file = join(folder, 'containers')
    expect(await ranCli(`scan ${target} --tracked ${file}`)).toEqual({
      code: 1,
      out: '',
      err: `error: --tracked: "${file}" cannot be read: ENOENT: no such file or directory, open '${file}'\n`,
    })
    await writeFile(file, 'web\n')
    expect(await ranCli(`scan ${target} --tracked ${file}`)).toEqual({
      code: 1,
      out: '',
      err: `error: --tracked: "${file}" is invalid: its last line is "web"; a complete file ends with the line "end"; write it with flotsam track, or write a new file and rename it\n`,
    })
    expect(engine.requests.total).toBe(0)
  })

  it('a tracked file that breaks between the check and the scan', async () => {
    const { file } = await stockEngine()
    const world = createTestWorld({
      createReconciler(options) {
        const reconciler = createReconciler(options)
        const scan = async () => {
          await writeFile(file, 'web\n')
          return reconciler.scan()
        }
        return { ...reconciler, scan }
      },
    })
    const { code, out, err } = await ranCli(`scan ${target} --tracked ${file}`, world)
    expect(code).toBe(1)
    expect(out).toMatch(/spared {2,}tracked-file-invalid$/m)
    expect(err).toBe('error: --tracked: what is tracked is unknown: tracked-file-invalid\n')
  })
})
