import { expect, it } from 'vitest'
import { createLog } from '../../src/cli/log.ts'

it('drops lines that nothing reads, and says how many once it is read again', () => {
  const lines: string[] = []
  const output = { isTerminal: false, waitingLength: 0, write: (text: string) => void lines.push(text) }
  const log = createLog({ level: 'info', output, isPretty: false, hasColor: false })
  log.info('one')
  output.waitingLength = 9 * 1024 * 1024
  log.info('two')
  log.info('three')
  output.waitingLength = 0
  log.info('four')
  expect(lines.map((line) => (JSON.parse(line) as { msg: string; count?: number }).msg)).toEqual([
    'one',
    '2 lines were dropped, since the log was not read',
    'four',
  ])
})
