import { expect, test } from 'vitest'
import { programOf, signalNumber } from '../../src/testing/programs.ts'
import { spokenDuration } from '../../src/testing/shapes/durations.ts'

test.each([
  [['true'], 0, 0],
  [['/bin/false'], 0, 1],
  [['sleep', '5'], 5_000, 0],
  [['sleep', '1.5m', '1s'], 91_000, 0],
  [['sleep', 'infinity'], undefined, 0],
  [['sleep', '100d'], undefined, 0],
  [['sh'], 0, 0],
  [['sh', '-c', 'exit 3'], 0, 3],
  [['/bin/sh', '-c', 'sleep 2'], 2_000, 0],
  [['bash', '-c', 'while true; do sleep 1; done'], undefined, 0],
  [['serve', 'true'], undefined, 0],
] as const)('%j ends after %s ms with %i', (command, endsAfterMs, exitCode) => {
  expect(programOf(command, false)).toMatchObject({ endsAfterMs, exitCode })
})

test('as the first process, sleep and a plain shell ignore SIGTERM; an init, a trap or any other program obey', () => {
  const codeOnTerm = (command: string[], hasInit = false) =>
    programOf(command, hasInit).codeOnPoliteSignal?.(15)
  expect(codeOnTerm(['sleep', '60'])).toBeUndefined()
  expect(codeOnTerm(['sh', '-c', 'while :; do :; done'])).toBeUndefined()
  expect(codeOnTerm(['sleep', '60'], true)).toBe(143)
  expect(codeOnTerm(['sh', '-c', 'while :; do :; done'], true)).toBe(143)
  expect(codeOnTerm(['sh', '-c', 'trap "exit 0" TERM; sleep 60'])).toBe(0)
  expect(codeOnTerm(['serve'])).toBe(143)
})

test('signals are accepted by number and by name', () => {
  expect(['9', 'KILL', 'SIGKILL', 'sigterm', '64'].map(signalNumber)).toEqual([9, 9, 9, 15, 64])
  expect(['0', '65', 'BOGUS', '-1', '9x', 'toString'].map(signalNumber)).toEqual(Array(6).fill(undefined))
})

test.each([
  [999, 'Less than a second'],
  [1_999, '1 second'],
  [59_999, '59 seconds'],
  [60_000, 'About a minute'],
  [120_000, '2 minutes'],
  [3_600_000, 'About an hour'],
  [7_200_000, '2 hours'],
  [172_800_000, '2 days'],
  [14 * 86_400_000, '2 weeks'],
  [60 * 86_400_000, '2 months'],
  [730 * 86_400_000, '2 years'],
])('%i ms are formatted as %s', (ms, text) => {
  expect(spokenDuration(ms)).toBe(text)
})
