import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mutations, nameOf, partMutations, plant } from './mutations.ts'
import { planOf, planOfWorlds } from './plan.ts'
import { run } from './run.ts'
import { safetyRules } from './safety/life.ts'
import { keep, shrink } from './shrink.ts'
import { Tally, vocabulary } from './vocabulary.ts'

const root = join(import.meta.dirname, '../..')

describe('a simulated world', () => {
  test('no rule is broken in any of these seeds', async () => {
    let removals = 0
    for (let seed = 20_001; seed <= 20_100; seed++) {
      const result = await run({ seed })
      expect(result.violations, `npm run simulate -- --seed ${seed}`).toEqual([])
      removals += result.removals
    }
    expect(removals).toBeGreaterThan(300)
  })

  test('things that never happened in a run are named', () => {
    const tally = new Tally()
    expect(tally.missing).toEqual(vocabulary)
    tally.add({ 'act:crash': 2, 'says:removed': 1 })
    tally.note('act:crash')
    expect(tally.counts).toEqual({ 'act:crash': 3, 'says:removed': 1 })
    expect(tally.missing).toEqual(
      vocabulary.filter((word) => word !== 'act:crash' && word !== 'says:removed'),
    )
    expect(tally.lines()[0]).toContain('crash 3, stop 0')
  })

  test('additions to a world leave its own acts unchanged', () => {
    const plan = planOfWorlds(3, { setting: { dryRun: true }, more: [{ times: 2, act: { kind: 'stop' } }] })
    const { acts, setting } = planOf(3)
    expect(plan.setting).toEqual({ ...setting, dryRun: true })
    expect(plan.acts).toHaveLength(acts.length + 2)
    expect(plan.acts).toEqual(expect.arrayContaining([...acts]))
  })

  test.each([7, 17, 1213])('seed %i gives the same run each time', async (seed) => {
    const reportAll = async () => {
      const story: string[] = []
      await run({ seed, say: (text) => story.push(text) })
      return story.join('\n')
    }
    const story = await reportAll()
    expect(story.split('\n').length).toBeGreaterThan(100)
    expect(await reportAll()).toBe(story)
  })

  test('two seeds give two different runs', () => {
    expect(planOf(1)).toEqual(planOf(1))
    expect(planOf(1)).not.toEqual(planOf(2))
  })

  test('leaving out an act changes no other', () => {
    const whole = planOf(3)
    const fewer = keep(whole, [0, 2])
    expect(fewer.setting).toBe(whole.setting)
    expect(fewer.acts).toEqual([whole.acts[0], whole.acts[2]])
  })

  test('a failing plan is shortened to the acts that matter', async () => {
    const whole = planOf(3)
    const [second, last] = [whole.acts[1], whole.acts.at(-1)]
    const kept = await shrink(
      whole,
      ({ acts }) => acts.some((act) => act === second) && acts.some((act) => act === last),
    )
    expect(kept).toEqual([1, whole.acts.length - 1])
  })
})

describe('without one of its rules', () => {
  const cache = join(root, 'node_modules/.cache/simulation')
  let folder = ''

  beforeAll(() => {
    mkdirSync(cache, { recursive: true })
    folder = mkdtempSync(join(cache, 'test-'))
    const config = ['-p', 'test/simulation/tsconfig.json', '--noCheck', '--outDir', join(folder, 'sound')]
    execFileSync(join(root, 'node_modules/.bin/tsc'), config, { cwd: root, timeout: 180_000 })
  }, 180_000)

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test.each([...mutations, ...partMutations])(
    '$rule: the simulation finds the library without $without',
    async (mutation) => {
      const mutated = join(folder, nameOf(mutation))
      plant(mutation, join(folder, 'sound'), mutated)
      const library = (await import(join(mutated, 'test/simulation/run.js'))) as { readonly run: typeof run }
      const finds = async (seed: number) => {
        const plan = planOfWorlds(seed, mutation.worlds)
        const { violations } = await library.run({ seed, plan, countsAll: true })
        return violations.some(({ rule }) => rule === mutation.rule)
      }
      let seed = 1
      while (seed <= 100 && !(await finds(seed))) seed++
      expect(seed).toBeLessThanOrEqual(100)
    },
  )

  test('each safety rule has a mutation of its own', () => {
    const rules = mutations.map(({ rule }) => rule)
    expect(new Set(rules).size).toBe(rules.length)
    expect(rules.toSorted()).toEqual(safetyRules.toSorted())
  })
})
