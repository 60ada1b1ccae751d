import { describe, expect, test } from 'vitest'
import { createLog } from '../../src/cli/log.ts'
import { jsonLine } from '../../src/cli/text.ts'
import { createTestWorld, ranCli } from './support/cli-world.ts'

const forged = 'web\n[12:00:00] INFO: removed db\u2028{"level":"info"}\u202E\u001B[2K'

function logged(isPretty: boolean, write: (log: ReturnType<typeof createLog>) => void): string {
  let text = ''
  const output = { isTerminal: false, write: (part: string) => ((text += part), true) }
  write(createLog({ level: 'debug', output, isPretty, hasColor: false }))
  return text
}

/** The lines as any reader may tell them apart. */
const linesOf = (text: string) => text.split(/[\n\r\u0085\u2028\u2029]/).filter((line) => line !== '')

describe('what the engine calls a container', () => {
  test('forges no line of the log for people, in a field or in the message', () => {
    const text = logged(true, (log) => log.info({ container: forged }, `removed ${forged}`))
    expect(linesOf(text)).toHaveLength(1)
    for (const control of ['\u202E', '\u001B']) expect(text).not.toContain(control)
  })

  test('forges no line of the JSON log, which says it whole', () => {
    const text = logged(false, (log) => log.info({ container: forged }, 'removed'))
    expect(linesOf(text)).toHaveLength(1)
    expect(JSON.parse(text)).toMatchObject({ container: forged })
  })

  test('forges no line of a JSON answer, which says it whole', () => {
    expect(linesOf(jsonLine({ name: forged }))).toHaveLength(1)
    expect(JSON.parse(jsonLine({ name: forged }))).toEqual({ name: forged })
  })

  test('a stack trace keeps its lines', () => {
    const text = logged(true, (log) => log.error({ err: new Error('boom') }, 'failed'))
    expect(linesOf(text).length).toBeGreaterThan(1)
  })
})

describe('a password in an address', () => {
  test.each([
    ['as a flag', ['--host', 'tcp://bob:secret@127.0.0.1:1'], {}],
    ['as JSON', ['--json', '--host', 'tcp://bob:secret@127.0.0.1:1'], {}],
    ['in a variable', [], { FLOTSAM_HOST: 'tcp://bob:secret@127.0.0.1:1' }],
    ['with a scheme that is not allowed', [], { FLOTSAM_TRACKED_URL: 'ftp://bob:secret@127.0.0.1' }],
    ['in a query', ['--tracked-url', 'http://127.0.0.1/?token=secret'], {}],
  ])('is shown by no line of flotsam config: %s', async (_name, args, env) => {
    const { err, out } = await ranCli(['config', '--owner', 'a=b', ...args], createTestWorld({ env }))
    expect(out + err).not.toContain('secret')
    expect(out + err).toMatch(/127\.0\.0\.1|FLOTSAM_TRACKED_URL/)
  })
})
