import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { mutations } from './mutations.ts'
import { planOf } from './plan.ts'
import { run } from './run.ts'
import { keep, shrink } from './shrink.ts'

const root = join(import.meta.dirname, '../..')

describe('a simulated world', () => {
  test('no rule is broken in any of these seeds', { timeout: 60_000 }, async () => {
    let removals = 0
    for (let seed = 20_001; seed <= 20_150; seed++) {
      const result = await run({ seed })
      expect(result.violations, `npm run simulate -- --seed ${seed}`).toEqual([])
      removals += result.removals
    }
    expect(removals).toBeGreaterThan(500)
  })

  test.each([7, 17, 1213])('seed %i tells the same story each time', async (seed) => {
    const tellAll = async () => {
      const story: string[] = []
      await run({ seed, tell: (text) => story.push(text) })
      return story.join('\n')
    }
    const story = await tellAll()
    expect(story.split('\n').length).toBeGreaterThan(100)
    expect(await tellAll()).toBe(story)
  })

  test('two seeds tell two stories', () => {
    expect(planOf(1)).toEqual(planOf(1))
    expect(planOf(1)).not.toEqual(planOf(2))
  })

  test('an act that is left out changes no other', () => {
    const whole = planOf(3)
    const fewer = keep(whole, [0, 2])
    expect(fewer.setting).toBe(whole.setting)
    expect(fewer.acts).toEqual([whole.acts[0], whole.acts[2]])
  })

  test('a failing plan is shortened to the acts that matter', async () => {
    const whole = planOf(3)
    const [second, last] = [whole.acts[1], whole.acts.at(-1)]
    const kept = await shrink(whole, ({ acts }) => acts.some((act) => act === second) && acts.some((act) => act === last))
    expect(kept).toEqual([1, whole.acts.length - 1])
  })
})

describe('without one of its rules', () => {
  test('the library is seen to break it', { timeout: 120_000 }, () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(root, 'scripts/simulate.mjs'), '--mutation', 'all', '--seeds', '1000', '--prevented', '1'],
      { cwd: root, encoding: 'utf8', timeout: 110_000 },
    )
    expect(stderr).toBe('')
    const lines = stdout.trim().split('\n')
    expect(lines).toHaveLength(mutations.length)
    for (const line of lines) expect(line).toMatch(/^[a-z-]+ +\d+ prevented in +\d+ seeds, found at seed \d+/)
    expect(status).toBe(0)
  })

  test('each safety rule has a mutation of its own', () => {
    const rules = mutations.map(({ rule }) => rule)
    expect(new Set(rules).size).toBe(rules.length)
    expect(rules.toSorted()).toEqual([
      'awake-time',
      'bounded-removal',
      'dry-run',
      'exact-id',
      'fresh-look',
      'honest-clock',
      'not-self',
      'own-label',
      'owned-only',
      'protected',
      'quiet-stop',
      'truthful',
      'unknown-is-spared',
    ])
  })
})
