import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readTrackedFile, trackedFile } from '../../src/cli/tracked/file.ts'
import { trackedUrl } from '../../src/cli/tracked/url.ts'
import { TrackerError } from '../../src/domain/tracked.ts'
import { fakeId } from '../support/fake-engine.ts'
import { anyJsonText, notJson, strangeText } from './json.ts'
import { type RawAnswer, type RawEngine, startRawEngine } from './raw-engine.ts'
import { expectNothingUncaught, fuzz, fuzzTimeoutMs } from './support.ts'

expectNothingUncaught()

let folder: string
let server: RawEngine
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotsam-fuzz-'))
  server = await startRawEngine('tcp')
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

const id = fc.integer({ min: 1, max: 20 }).map((number) => fakeId(number) as string)
const fullId = /^[0-9a-f]{64}$/

/** The reported tracked ids, or the reason why they are unknown; everything else fails here. */
async function knownOf(reading: Promise<Iterable<string>>): Promise<readonly string[] | string> {
  try {
    return [...(await reading)].toSorted()
  } catch (error) {
    if (!(error instanceof TrackerError)) throw error
    expect(error.message).not.toMatch(/[\r\n]/)
    return error.reason
  }
}

describe('unknown-is-spared: a tracked file', () => {
  const line = fc.oneof(
    { weight: 12, arbitrary: id },
    id.chain((text) =>
      fc.constantFrom(
        `${text}\r`,
        ` ${text}`,
        `${text} `,
        text.toUpperCase(),
        text.slice(1),
        `${text}0`,
        `\ufeff${text}`,
        `# ${text}`,
        `${text},`,
        `"${text}"`,
        text.replace('c', '\u0441'),
      ),
    ),
    strangeText,
  )

  test('gives exactly the ids on its lines, or nothing', { timeout: fuzzTimeoutMs }, async () => {
    let believed = 0
    await fuzz(
      150,
      fc.asyncProperty(
        fc.array(line, { maxLength: 4 }),
        fc.oneof(
          { weight: 3, arbitrary: fc.constant('end\n') },
          fc.constantFrom('', '\n', 'end', 'en', 'END\n', 'end\r\n', 'end\n\n', 'end \n', '\0'),
        ),
        async (lines, end) => {
          const path = join(folder, 'tracked')
          const text = `${lines.map((one) => `${one}\n`).join('')}${end}`
          await writeFile(path, text)
          const bytes = Buffer.from(text).toString('latin1')
          // the shape of a whole file as a pattern, where the command takes it line by line
          const inside = /^((?:[0-9a-f]{64}\n)*)end\n$/.exec(bytes)?.[1]
          const expected =
            inside === undefined
              ? 'tracked-file-invalid'
              : [...new Set(inside.split('\n').filter((one) => one !== ''))].toSorted()
          expect(await knownOf(readTrackedFile(path))).toEqual(expected)
          if (Array.isArray(expected) && expected.length > 0) believed++
        },
      ),
    )
    expect(believed).toBeGreaterThan(15)
  })

  test(
    'that is written to, replaced or truncated while it is read is rejected',
    { timeout: fuzzTimeoutMs },
    async () => {
      await fuzz(
        60,
        fc.asyncProperty(
          fc.uniqueArray(id, { minLength: 1, maxLength: 4 }),
          fc.array(line, { maxLength: 3 }),
          async (ids, after) => {
            const path = join(folder, 'changing')
            await rm(path, { force: true })
            await writeFile(path, `${ids.join('\n')}\nend\n`)
            const change = () => writeFile(path, `${after.join('\n')}\nend\n`)
            expect(await knownOf(readTrackedFile(path, change))).toBe('tracked-file-invalid')
          },
        ),
      )
    },
  )

  test('that is not a regular file is refused in time', { timeout: fuzzTimeoutMs }, async () => {
    await mkdir(join(folder, 'directory'), { recursive: true })
    execFileSync('mkfifo', [join(folder, 'pipe')])
    const name = fc.constantFrom('directory', 'pipe', 'none', 'none/none', '.', '', 'x'.repeat(300), 'a\0b')
    const paths = fc.oneof(
      name.map((text) => `${folder}/${text}`),
      fc.constantFrom('/dev/zero', '/dev/null', '/dev/tty'),
    )
    await fuzz(
      40,
      fc.asyncProperty(paths, async (path) => {
        const beganMs = performance.now()
        const { tracked } = trackedFile(path)
        const reason = await knownOf(
          Promise.resolve(tracked.has(fakeId(1))).then((answer) => [String(answer)]),
        )
        expect(reason).toBe('tracked-file-unreadable')
        expect(performance.now() - beganMs).toBeLessThan(2000)
      }),
    )
  })
})

describe('unknown-is-spared: a tracked URL', () => {
  const element = fc.oneof(
    { weight: 8, arbitrary: id.map((text) => JSON.stringify(text)) },
    id.map((text) => JSON.stringify(text.toUpperCase())),
    anyJsonText,
  )
  const body = fc.oneof(
    { weight: 6, arbitrary: fc.array(element, { maxLength: 3 }).map((all) => `[${all.join(',')}]`) },
    anyJsonText,
    notJson,
    id.map((text) => `{"ids":["${text}"]}`),
    id.map((text) => `\ufeff["${text}"]`),
  )
  const answer = fc
    .record({
      body,
      status: fc.oneof({ weight: 6, arbitrary: fc.constant(200) }, fc.integer({ min: 201, max: 599 })),
      headers: fc.array(
        fc.constantFrom(
          'Location: /',
          'Location: http://127.0.0.1:1/',
          'Content-Type: text/html',
          'Content-Encoding: gzip',
          'Set-Cookie: a=b',
          'Refresh: 0',
        ),
        { maxLength: 2 },
      ),
      cut: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 30 })),
    })
    .map(({ body, status, headers, cut }): { readonly raw: RawAnswer; readonly said: string | undefined } => {
      const bytes = Buffer.from(body)
      const head = [
        `HTTP/1.1 ${status} Whatever`,
        'Connection: close',
        `Content-Length: ${bytes.length}`,
        ...headers,
      ]
      const isPlain =
        status === 200 && (cut === 0 || bytes.length === 0) && !headers.includes('Content-Encoding: gzip')
      const sent = bytes.subarray(0, Math.max(0, bytes.length - cut))
      return { raw: { pieces: [`${head.join('\r\n')}\r\n\r\n`, sent] }, said: isPlain ? body : undefined }
    })

  function idsIn(body: string | undefined): readonly string[] | undefined {
    try {
      const said: unknown = JSON.parse(body ?? '')
      return Array.isArray(said) && said.every((one) => typeof one === 'string' && fullId.test(one))
        ? (said as string[])
        : undefined
    } catch {
      return undefined
    }
  }

  test('gives exactly the ids of a complete answer, or nothing', { timeout: fuzzTimeoutMs }, async () => {
    let believed = 0
    await fuzz(
      150,
      fc.asyncProperty(answer, id, async ({ raw, said }, asked) => {
        server.answer = () => raw
        server.requests.length = 0
        const { tracked } = trackedUrl(new URL(`http://127.0.0.1:${server.port}/ids?token=secret`))
        // What says that it is something else than JSON is no answer.
        const isOther = /content-type: (?!application\/json)/i.test(String(raw.pieces[0]))
        const expected = isOther ? undefined : idsIn(said)
        const has = Promise.resolve(tracked.has(asked)).then((answer) => [String(answer)])
        const known = await knownOf(has)
        if (expected) expect(known).toEqual([String(expected.includes(asked))])
        else expect(['tracked-url-failed', 'tracked-url-invalid']).toContain(known)
        // redirects are not followed, and nothing is asked twice
        expect(server.requests).toEqual([{ method: 'GET', path: '/ids?token=secret' }])
        if (expected && expected.length > 0) believed++
      }),
    )
    expect(believed).toBeGreaterThan(15)
  })

  test('that trickles for ever, or never answers, is refused in time', { timeout: 20_000 }, async () => {
    const head = 'HTTP/1.1 200 OK\r\n\r\n['
    const answers = [[], [head], [head, ...Array.from({ length: 100_000 }, () => ' ')]]
    server.answer = ({ path }) => ({ pieces: answers[Number(path.slice(1))] ?? [], staysOpen: true })
    const beganMs = performance.now()
    const asked = answers.map(async (_answer, at) => {
      const { tracked } = trackedUrl(new URL(`http://127.0.0.1:${server.port}/${at}`))
      return knownOf(Promise.resolve(tracked.has(fakeId(1))).then((answer) => [String(answer)]))
    })
    expect(await Promise.all(asked)).toEqual(asked.map(() => 'tracked-url-failed'))
    expect(performance.now() - beganMs).toBeLessThan(2500)
  })
})
