import { afterEach, beforeEach, expect, test } from 'vitest'
import { createEmbeddedEngine, type EmbeddedEngine } from '../../src/testing/index.ts'
import { createTestWorld, ranCli } from './support/cli-world.ts'

const labels = { 'com.example.agent': 'agent-7' }
let engine: EmbeddedEngine
let target: string

beforeEach(async () => {
  engine = createEmbeddedEngine()
  target = `--host ${await engine.listen()} --owner com.example.agent=agent-7`
})
afterEach(() => engine.close())

test('shows each rule with its finding, marks the one that decides, and ends with the verdict and when it could change', async () => {
  const id = engine.containers.create({ name: 'fresh', labels, createdAtMs: Date.now() - 108_000 })
  const { code, out, err } = await ranCli(`explain fresh ${target} --nothing-tracked`)
  expect([code, err]).toEqual([0, ''])
  const lines = out.trimEnd().split('\n')
  expect(lines[0]).toBe(`fresh (${id.slice(0, 12)}, busybox:latest, running)`)
  expect(lines.filter((line) => line.startsWith('>'))).toHaveLength(1)
  expect(lines.find((line) => line.startsWith('>'))).toMatch(
    /^> graces {13}creation-grace for another \d+s → graced: creation-grace$/,
  )
  expect(lines.at(-1)).toMatch(/^graced: creation-grace; dangling in 3m 1[0-9]s unless registered$/)
})

test('--json prints one object and nothing else', async () => {
  engine.containers.create({ name: 'kept', labels: { ...labels, 'flotsam.keep': '' }, createdAtMs: 1 })
  const { code, out } = await ranCli(`explain kept ${target} --nothing-tracked --json`)
  expect(code).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ verdict: 'spared', reason: 'keep-label' })
})

test('a foreign container is explained as such', async () => {
  engine.containers.create({ name: 'foreign', labels: { 'com.example.agent': 'agent-8' } })
  const { out } = await ranCli(`explain foreign ${target}`)
  expect(out.trimEnd().split('\n').at(-1)).toBe('foreign: not-owned; it is not owned, so it is never changed')
})

test('without a tracker the answer is unknown, and the output says so', async () => {
  engine.containers.create({ name: 'old', labels, createdAtMs: 1000 })
  const { out } = await ranCli(`explain old ${target}`)
  expect(out).toContain('spared: tracker-unknown')
})

test('an unknown container is a usage error: one line and exit code 2', async () => {
  const { code, out, err } = await ranCli(`explain missing ${target}`, createTestWorld())
  expect([code, out]).toEqual([2, ''])
  expect(err).toBe(
    'error: container "missing": the engine lists no such container; give a full id, an id prefix, or a name\n',
  )
})
