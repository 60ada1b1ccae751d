import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import { createDockerodeEngine } from '../../src/engine/dockerode-engine.ts'
import { AnswerError } from '../../src/engine/failure.ts'
import { deepestNesting, longestParsedBytes } from '../../src/engine/limits.ts'
import { MemberPicker, type Wanted } from '../../src/engine/member-picker.ts'
import { type RawEngine, startRawEngine, wholeAnswer } from '../fuzz/raw-engine.ts'
import { fakeId } from '../support/fake-engine.ts'
import { wholeContainer } from '../support/whole-container.ts'

/** What is picked from a text whose bytes arrive split at these offsets. */
function pick(text: string, wanted: Wanted, cuts: readonly number[] = []): unknown {
  const bytes = Buffer.from(text)
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  const picker = new MemberPicker(wanted)
  let from = 0
  for (const to of places) {
    picker.push(bytes.subarray(from, to))
    from = to
  }
  return JSON.parse(picker.end())
}

/** The same, computed from the whole value. */
function picked(value: unknown, wanted: Wanted): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value as Record<string, unknown>)
      .filter(([name]) => Object.hasOwn(wanted, name))
      .map(([name, member]) => {
        const within = wanted[name] as true | Wanted
        return [name, within === true ? member : picked(member, within)]
      }),
  )
}

const wanted: Wanted = { a: true, b: { a: true, c: { d: true } }, 'é"\\': true }
const name = fc.constantFrom('a', 'b', 'c', 'd', 'é"\\', 'toString', '__proto__', 'x'.repeat(300))
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.string(),
    fc.constantFrom('}', '{', ',', '":', '\\"', null, true, -1.5e-3),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc
    .array(fc.tuple(name, tie('value')), { maxLength: 5 })
    .map((members) => Object.fromEntries(members)),
}))
const cutPlaces = fc.array(fc.nat(), { maxLength: 8 })

describe('members are picked as JSON.parse would read them', () => {
  test('of any object, split at any bytes', () => {
    const object = fc.array(fc.tuple(name, value), { maxLength: 6 }).map((all) => Object.fromEntries(all))
    fc.assert(
      fc.property(object, cutPlaces, fc.constantFrom(0, 1, 2), (members, cuts, indent) => {
        const text = JSON.stringify(members, null, indent)
        expect(pick(text, wanted, cuts)).toEqual(picked(JSON.parse(text), wanted))
      }),
      { numRuns: 1500 },
    )
  })

  test('of a member that is there twice the last one counts, and a name may be escaped', () => {
    expect(pick('{"a":1,"a":{"x":[2]},"\\u0062":{"a":3}}', wanted)).toEqual({ a: { x: [2] }, b: { a: 3 } })
  })

  test.each(['', '[]', 'null', '"a"', '{', '{"a":1', '{"a"}', '{"a":1}}', '{"a":1} x', '{a:1}', '<html>'])(
    '%j is refused',
    (text) => {
      expect(() => pick(text, wanted)).toThrow()
    },
  )

  test('every truncated object is refused', () => {
    const text = '{"x":[{"a":"}"}],"b":{"c":{"d":"\\""}},"a":[1,{"b":2}]}'
    for (let length = 0; length < text.length; length++)
      expect(() => pick(text.slice(0, length), wanted), text.slice(0, length)).toThrow(AnswerError)
  })

  test('what is passed over may have any size and depth; what is wanted may not', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    const long = JSON.stringify('x'.repeat(longestParsedBytes))
    expect(pick(`{"x":${deep},"y":${long},"a":1}`, wanted)).toEqual({ a: 1 })
    expect(() => pick(`{"a":${deep}}`, wanted)).toThrow(`nested more than ${deepestNesting} deep`)
    expect(() => pick(`{"a":${long}}`, wanted)).toThrow(`longer than ${longestParsedBytes} bytes`)
    const endless = new MemberPicker(wanted)
    endless.push(Buffer.from('{"x":"'))
    const before = process.memoryUsage().external
    for (let count = 0; count < 64; count++) endless.push(Buffer.alloc(1024 * 1024, 'x'))
    expect(process.memoryUsage().external - before).toBeLessThan(80 * 1024 * 1024)
    expect(() => endless.push(Buffer.from('","a":1}'))).not.toThrow()
    expect(JSON.parse(endless.end())).toEqual({ a: 1 })
  })
})

describe('an answer over the limit', () => {
  const id = fakeId(1)
  const call = { deadlineMs: 20_000 }
  const filler = 'x'.repeat(17 * 1024 * 1024)
  let server: RawEngine
  const engine = () => createDockerodeEngine({ engine: server.address, clock: systemClock })
  const answer = (value: unknown) => (server.answer = () => wholeAnswer(200, JSON.stringify(value)))

  beforeAll(async () => {
    server = await startRawEngine()
  })
  afterAll(() => server.close())

  test('positive-evidence: an inspection says the same with 17 MiB of what nobody reads', async () => {
    const whole = wholeContainer(id) as { Config: object }
    answer(whole)
    const expected = await engine().inspect(id, call)
    answer({ filler, ...whole, Config: { Env: [filler], ...whole.Config } })
    expect(await engine().inspect(id, call)).toEqual({ ...expected, engineNowMs: undefined })
  })

  test('with labels of 17 MiB it says only what it shares', async () => {
    const whole = wholeContainer(id) as { Config: object; HostConfig: object }
    const pid = `container:${fakeId(2)}`
    answer({ ...whole, Config: { Labels: { filler } }, HostConfig: { ...whole.HostConfig, PidMode: pid } })
    await expect(engine().inspect(id, call)).rejects.toMatchObject({ kind: 'invalid-answer' })
    expect(await engine().shares(id, call)).toMatchObject({ namespaces: { pid } })
  })

  test.each<[string, (whole: Record<string, unknown>) => unknown]>([
    ['another id', (whole) => ({ ...whole, Id: fakeId(3) })],
    ['no network mode', (whole) => ({ ...whole, HostConfig: {} })],
    [
      'a state that contradicts itself',
      (whole) => ({ ...whole, State: { Status: 'exited', Running: true } }),
    ],
  ])('with %s it does not even say that', async (_, change) => {
    answer({ filler, ...(change(wholeContainer(id) as Record<string, unknown>) as object) })
    await expect(engine().shares(id, call)).rejects.toThrow()
  })

  test('every-call-ends: one that is nested ever deeper is refused without being parsed', async () => {
    server.answer = () => wholeAnswer(200, `{"Id":${'['.repeat(1024 * 1024)}`)
    await expect(engine().inspect(id, call)).rejects.toThrow('nested more than')
    server.answer = () => wholeAnswer(200, `{"Id":${'['.repeat(14 * 1024 * 1024)}`)
    await expect(engine().inspect(id, call)).rejects.toThrow('nested more than')
  })
})
