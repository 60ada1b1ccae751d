import { describe, expect, test } from 'vitest'
import { ownerLabel } from '../support/fake-engine.ts'
import { createHarness } from '../support/harness.ts'

const rulesOf = (explanation: { rules: readonly { rule: string }[] }) =>
  explanation.rules.map(({ rule }) => rule)

describe('explain', () => {
  test('lists every rule in order, its finding, and when the verdict could change by itself', async () => {
    const { clock, engine, reconciler } = createHarness()
    const { id } = engine.add()
    reconciler.start()
    await clock.advance(20_000)
    const explanation = await reconciler.explain(id.slice(0, 60))
    expect(rulesOf(explanation)).toEqual([
      'owned-only',
      'not-self',
      'tracked',
      'exact-id',
      'keep-label',
      'orchestrated',
      'unknown-is-spared',
      'live-session',
      'own-label',
      'state-covered',
      'namespace-shared',
      'graces',
      'hook',
      'second-source',
      'dangling',
    ])
    expect(explanation).toMatchObject({ id, verdict: 'graced', reason: 'creation-grace' })
    expect(explanation.outlook).toBe('dangling in 40s unless registered')
    expect(explanation.changesInMs).toBeGreaterThan(39_000)
    expect(explanation.changesInMs).toBeLessThanOrEqual(40_000)
    expect(explanation.rules[0]).toEqual({
      rule: 'owned-only',
      seen: `label ${ownerLabel}=agent-7`,
      verdict: null,
    })
    await reconciler.stop()
  })

  test('uses the history of a running reconciler, and changes nothing', async () => {
    const { clock, engine, tracked, reconciler } = createHarness({ period: '10s' })
    const { id, name } = engine.add({ ageMs: 3_600_000 })
    tracked.add(id)
    reconciler.start()
    await clock.advance(15_000)
    tracked.delete(id)
    await clock.advance(10_000)
    expect(await reconciler.explain(name)).toMatchObject({ verdict: 'graced', reason: 'release-grace' })
    expect(engine.count('remove')).toBe(0)
    await reconciler.stop()
  })

  test('before the start it judges by the creation grace alone', async () => {
    const { engine, reconciler } = createHarness({ restoreGrace: '5m' })
    const { id } = engine.add({ ageMs: 3_600_000 })
    const explanation = await reconciler.explain(id)
    expect(explanation).toMatchObject({
      verdict: 'dangling',
      reason: 'untracked',
      outlook: 'it would be removed now',
      changesInMs: null,
    })
  })

  test('a foreign container: that it is not owned, and nothing further', async () => {
    const { engine, reconciler } = createHarness()
    const { id } = engine.add({ labels: { [ownerLabel]: 'agent-8' } })
    const explanation = await reconciler.explain(id)
    expect(explanation).toMatchObject({ verdict: 'foreign', reason: 'not-owned' })
    expect(explanation.rules).toEqual([
      { rule: 'owned-only', seen: `label ${ownerLabel}=agent-8, and not agent-7`, verdict: null },
    ])
  })

  test('bounded-removal: a container withheld only by the share is explained as such', async () => {
    const { engine, reconciler } = createHarness({ maxDanglingShare: 0.1 })
    const { id } = engine.add({ ageMs: 3_600_000 })
    const explanation = await reconciler.explain(id)
    expect(explanation).toMatchObject({ verdict: 'spared', reason: 'dangling-share' })
    expect(rulesOf(explanation).at(-1)).toBe('bounded-removal')
  })

  test('a container whose image is gone: the command with which a person can remove it', async () => {
    const { engine, reconciler } = createHarness()
    const { id } = engine.add({ ageMs: 3_600_000, imageId: 'sha256:gone' })
    expect(await reconciler.explain(id)).toMatchObject({
      reason: 'image-unknown',
      outlook: `spared until its image can be inspected; if its image is gone, nothing can show who started it; to remove it: docker rm --force ${id.slice(0, 12)}`,
    })
  })

  test.each([
    ['0123456789ab-infra', 'podman pod rm 0123456789ab'],
    ['plain', "podman pod rm $(podman inspect --format '{{.Pod}}' ID)"],
  ])('the infra container %s: the command that removes its pod', async (name, command) => {
    const { engine, reconciler } = createHarness()
    const { id } = engine.add({ ageMs: 3_600_000, name, isInfra: true })
    expect(await reconciler.explain(id)).toMatchObject({
      reason: 'infra-container',
      outlook: `spared forever: an engine removes it only with its pod; to remove it, remove its pod: ${command.replace('ID', id.slice(0, 12))}`,
    })
  })

  test.each([
    ['missing', 'the engine lists no such container'],
    ['c0ffee', '2 containers have an id with this prefix'],
    ['', 'the engine lists no such container'],
  ])('%j calls no one container: %s', async (called, why) => {
    const { engine, reconciler } = createHarness()
    engine.add()
    engine.add()
    await expect(reconciler.explain(called)).rejects.toThrow(why)
  })
})
