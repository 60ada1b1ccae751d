import { expect, it } from 'vitest'
import type { EngineUnderTest } from '../support/engine-matrix.ts'
import { roundsOf } from './rounds.ts'

const engine = (name: string): EngineUnderTest => ({
  name,
  kind: name.startsWith('dockerd') ? 'dockerd' : 'podman',
  version: '1.0',
  folder: undefined,
  imageStore: undefined,
})
const rounds = (...names: string[]) =>
  roundsOf(names.map(engine)).map((round) => round.map(({ name }) => name))

it('one of each kind side by side, and never two of a kind', () => {
  expect(rounds('dockerd-20.10', 'dockerd-28', 'podman-4', 'podman-5.8')).toEqual([
    ['dockerd-20.10', 'podman-4'],
    ['dockerd-28', 'podman-5.8'],
  ])
  expect(rounds('dockerd-20.10', 'dockerd-26', 'podman-4')).toEqual([
    ['dockerd-20.10', 'podman-4'],
    ['dockerd-26'],
  ])
})

it('every engine has its round', () => {
  expect(rounds('podman-4')).toEqual([['podman-4']])
  expect(rounds()).toEqual([])
})
