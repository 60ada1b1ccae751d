import { expect, test } from 'vitest'
import { isOursToFinish } from '../../src/policy/half-removed.ts'

const listed = { names: ['task-1'], state: 'removing' }

test.each([
  ['our removal was sent', { listed, wasRemovalSent: true }, true],
  ['no removal of ours was sent', { listed, wasRemovalSent: false }, false],
  ['nothing is known of it', { listed }, false],
  ['the listing omits its name', { listed: { ...listed, names: [] }, wasRemovalSent: true }, false],
  ['it is in another state', { listed: { ...listed, state: 'exited' }, wasRemovalSent: true }, false],
])('positive-evidence: %s: ours to finish: %s', (_, halfRemoved, isOurs) => {
  expect(isOursToFinish(halfRemoved)).toBe(isOurs)
})
