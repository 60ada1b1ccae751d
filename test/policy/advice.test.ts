import { describe, expect, test } from 'vitest'
import { adviceOn } from '../../src/policy/advice.ts'
import { fakeId } from '../support/fake-engine.ts'

const [first, second] = [fakeId(1), fakeId(2)]
const one = (id: string, name = 'web') => ({ id, name })
const [a, b] = [first.slice(0, 12), second.slice(0, 12)]

describe('what a person can do about a spared container, with the command', () => {
  test.each<[string, readonly ReturnType<typeof one>[], string]>([
    [
      'image-unknown',
      [one(first)],
      `if its image is gone, nothing can show who started it; to remove it: docker rm --force ${a}`,
    ],
    [
      'image-unknown',
      [one(first), one(second)],
      `if their image is gone, nothing can show who started them; to remove them: docker rm --force ${a} ${b}`,
    ],
    ['label-from-image', [one(first)], `to remove it nevertheless: docker rm --force ${a}`],
    [
      'infra-container',
      [one(first, '0123456789ab-infra')],
      'to remove it, remove its pod: podman pod rm 0123456789ab',
    ],
    [
      'infra-container',
      [one(first, '0123456789ab-infra'), one(second, 'ba9876543210-infra')],
      'to remove them, remove their pods: podman pod rm 0123456789ab ba9876543210',
    ],
    [
      'infra-container',
      [one(first, '0123456789ab-infra'), one(second, 'named')],
      `to remove them, remove their pods: podman pod rm $(podman inspect --format '{{.Pod}}' ${a} ${b})`,
    ],
  ])('%s', (reason, containers, advice) => {
    expect(adviceOn(reason as 'image-unknown', containers)).toBe(advice)
  })

  test.each(['keep-label', 'namespace-shared', 'creation-grace', 'untracked', 'tracked', 'self'] as const)(
    'none for %s, which the setting, the agent or time decides',
    (reason) => {
      expect(adviceOn(reason, [one(first)])).toBeUndefined()
    },
  )

  test('no name is part of a command, since the creator of a container chooses it', () => {
    const evil = one(first, '$(reboot)-infra')
    for (const reason of ['image-unknown', 'label-from-image', 'infra-container'] as const)
      expect(adviceOn(reason, [evil])).not.toContain('reboot')
  })

  test('bounded: a command names at most twenty, and the text says so', () => {
    const many = Array.from({ length: 1000 }, (_, number) => one(fakeId(number)))
    const advice = adviceOn('label-from-image', many)
    expect(advice).toMatch(
      /^to remove the first 20 of 1000 nevertheless: docker rm --force( [0-9a-f]{12}){20}$/,
    )
  })
})
