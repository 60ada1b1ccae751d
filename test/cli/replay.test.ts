import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Tape } from '../recording/support/tape.ts'
import { createHarness } from '../support/harness.ts'
import { ranCli } from './support/cli-world.ts'

const minute = 60_000

const tape = new Tape()
beforeAll(async () => {
  const { clock, engine, reconciler } = createHarness({ inspect: tape.inspect })
  engine.add({ name: 'web-1', ageMs: 10 * minute })
  engine.add({ name: 'web-2', ageMs: 10 * minute })
  reconciler.start()
  await clock.advance(minute)
  await reconciler.stop()
})

function fileOf(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'flotsam-replay-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'run.jsonl'), text)
  return join(folder, 'run.jsonl')
}

/** The recording, with the engine's answer to the removal of web-1 another one. */
const altered = () => {
  const line = tape.lineOf(({ status, name }) => status === 'done' && name.startsWith('web-1'))
  const lines = [...tape.lines]
  lines[line - 1] = (lines[line - 1] as string).replace('"answer":"done"', '"answer":"stale"')
  return { line, text: lines.join('') }
}

describe('replay', () => {
  test('says how many events of how many containers replayed identically, and ends with 0', async () => {
    const count = tape.events.length
    expect(await ranCli(['replay', fileOf(tape.text)])).toEqual({
      code: 0,
      out: `${count} events of the supervisor and 2 containers replayed identically\n`,
      err: '',
    })
  })

  test('of one container', async () => {
    const own = tape.events.filter(({ name }) => name.startsWith('web-2'))
    expect(await ranCli(['replay', fileOf(tape.text), 'web-2'])).toEqual({
      code: 0,
      out: `${own.length} events of 1 container replayed identically\n`,
      err: '',
    })
  })

  test('shows the first divergence with line, time, actor, event, and both states, and ends with 1', async () => {
    const { line, text } = altered()
    const { code, out, err } = await ranCli(['replay', fileOf(text)])
    expect([code, err]).toEqual([1, ''])
    expect(out.split('\n')).toEqual([
      `line ${line} diverges`,
      '  time          2026-11-29T12:00:00.000Z',
      expect.stringMatching(/^ {2}actor {9}web-1 [0-9a-f]{12}, container chart, session x:\d+$/),
      expect.stringMatching(
        /^ {2}event {9}xstate\.done\.actor\.removal \{"output":\{"answer":"stale"\}.*\}$/,
      ),
      '  state before  removing.attempting.slot.taken · removing.attempting.request.deleting',
      '  expected      gone (done)',
      expect.stringMatching(/^ {2}reached {7}classified\.queued$/),
      expect.stringMatching(/^ {2}outcome +expected "removed", reached "vanished"$/),
      '  isByAnswer    expected true, reached false',
      expect.stringMatching(
        /^before it, \d+ events of the supervisor and 2 containers replayed identically$/,
      ),
      '',
    ])
  })

  test('--json: one object, also for a divergence', async () => {
    const whole = await ranCli(['replay', fileOf(tape.text), '--json'])
    expect(whole).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(whole.out)).toEqual({
      runs: 1,
      by: ['9.8.7'],
      events: tape.events.length,
      containers: 2,
      hasSupervisor: true,
      cut: [],
      failures: [],
    })
    const { line, text } = altered()
    const other = await ranCli(['replay', fileOf(text), '--json'])
    expect(other.code).toBe(1)
    expect(JSON.parse(other.out)).toMatchObject({
      divergence: { line, expected: { state: 'gone' }, reached: { state: { classified: 'queued' } } },
    })
  })

  test('a last line that is cut off is left out and said', async () => {
    const { code, out, err } = await ranCli(['replay', fileOf(tape.text.slice(0, -20))])
    expect([code, out]).toEqual([0, expect.stringContaining(`${tape.events.length - 1} events `)])
    expect(err).toBe(
      `hint: line ${tape.lines.length} is cut off and was left out; its run was killed while it wrote\n`,
    )
  })

  test('a recording of another release is said', async () => {
    const { code, err } = await ranCli(['replay', fileOf(tape.text.replace('"by":"9.8.7"', '"by":"9.8.6"'))])
    expect([code, err]).toEqual([0, 'hint: it was written by flotsam 9.8.6; this is 9.8.7\n'])
  })

  test('text from an engine cannot control a terminal', async () => {
    const { text } = altered()
    const { out } = await ranCli(['replay', fileOf(text.replaceAll('web-1', 'web\\u001b[2J-1'))])
    expect(out).toContain('web?[2J-1')
    expect(out).not.toContain('\u001b')
  })
})

describe('wrong usage ends with 2 and one line', () => {
  test.each<[string, (path: string) => readonly string[], string]>([
    ['no file', () => [], "missing required argument 'file'"],
    ['a file that is not there', () => ['/nowhere/x'], 'replay: /nowhere/x cannot be read: ENOENT'],
    ['a folder', () => ['/'], 'replay: / cannot be read: EISDIR'],
    [
      'an unknown container',
      (path) => [path, 'web-3'],
      'has no container "web-3"; give a full id, the start of one, or a name',
    ],
    ['an empty one', (path) => [path, ''], 'has no container ""'],
    ['too much', (path) => [path, 'web-1', 'web-2'], "too many arguments for 'replay'"],
    ['--json twice', (path) => [path, '--json', '--json'], '--json may be given only once'],
    ['an unknown flag', (path) => [path, '--owner', 'a=b'], "unknown option '--owner'"],
  ])('%s', async (_what, args, complaint) => {
    const { code, out, err } = await ranCli(['replay', ...args(fileOf(tape.text))])
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(/^error: [^\n]*\n$/)
    expect(err).toContain(complaint)
  })

  test.each([
    ['garbage', 'garbage\n', /^error: \S+run\.jsonl:1: "garbage" is not allowed; the first line must be /],
    [
      'another version',
      '{"flotsam":"recording","version":2}\n',
      /^error: \S+:1: version 2 is not allowed; it must be 1\n$/,
    ],
    [
      'garbage in the middle',
      'garbage\n',
      /^error: \S+:2: "garbage" is not allowed; it must be a whole line of JSON/,
    ],
  ])('%s', async (what, text, complaint) => {
    const whole = what.endsWith('middle') ? tape.lines.toSpliced(1, 0, text).join('') : text
    const { code, out, err } = await ranCli(['replay', fileOf(whole)])
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(complaint)
  })
})
