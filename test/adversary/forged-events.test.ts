import { describe, expect, test } from 'vitest'
import type { AnyActorRef } from 'xstate'

import type { ReconcilerOptions } from '../../src/options.ts'
import { createHarness, type Harness } from '../support/harness.ts'
import { ownerLabel } from '../support/fake-engine.ts'

const minute = 60_000
const dangling = { verdict: 'dangling', reason: 'untracked', endedGuests: [] }
const changing = new Set(['remove', 'stop', 'unpause'])

/** A reconciler whose actors a host has got hold of. */
function createExposed(
  options: Partial<ReconcilerOptions> = {},
): Harness & { readonly actors: Map<string, AnyActorRef> } {
  const actors = new Map<string, AnyActorRef>()
  const inspect = ({ type, actorRef }: { readonly type: string; readonly actorRef: AnyActorRef }) => {
    if (type === '@xstate.actor') actors.set(actorRef.id, actorRef)
  }
  return { ...createHarness({ ...options, inspect: inspect as never }), actors }
}

function forgeAdmission(actor: AnyActorRef | undefined): void {
  for (const event of [
    { type: 'judged', verdict: dangling },
    { type: 'admitted' },
    { type: 'xstate.done.actor.hook', actorId: 'hook', output: { answer: 'approved' } },
  ]) {
    actor?.send(event)
  }
}

describe('fresh-look: the last question is asked whoever admits a removal', () => {
  test.each<[string, (harness: Harness) => { id: string }]>([
    [
      'tracked',
      ({ engine, tracked }) => {
        const container = engine.add()
        tracked.add(container.id)
        return container
      },
    ],
    ['in its creation grace', ({ engine, clock }) => engine.add({ createdAtMs: clock.wallNow() })],
    ['kept', ({ engine }) => engine.add({ labels: { [ownerLabel]: 'agent-7', 'flotsam.keep': 'yes' } })],
    ['refused by the hook', ({ engine }) => engine.add()],
  ])('%s', async (name, make) => {
    const harness = createExposed(name === 'refused by the hook' ? { beforeRemove: () => false } : {})
    const { actors, clock, engine, reconciler } = harness
    reconciler.start()
    await clock.advance(name === 'in its creation grace' ? minute : 0)
    const { id } = make(harness)
    void reconciler.look()
    await clock.advance(name === 'refused by the hook' ? 2 * minute : 1000)
    for (let times = 0; times < 3; times++) {
      forgeAdmission(actors.get(id))
      reconciler.actor.send({ type: 'placeFreed' })
      reconciler.actor.send({ type: 'engineAnswered' })
      await clock.advance(1000)
    }
    expect(actors.has(id)).toBe(true)
    expect(engine.requests.filter(({ verb }) => changing.has(verb))).toEqual([])
    await reconciler.stop()
  })

  test('dangling by a look that is too old', async () => {
    const harness = createExposed({ beforeRemove: () => new Promise(() => {}) })
    const { actors, clock, engine, reconciler } = harness
    const { id } = engine.add()
    reconciler.start()
    await clock.advance(62_000)
    await clock.advance(5001)
    forgeAdmission(actors.get(id))
    expect(engine.count('remove')).toBe(0)
    await clock.advance(1000)
    expect(engine.requests.slice(-2).map(({ verb }) => verb)).toEqual(['list', 'remove'])
    await reconciler.stop()
  })
})

test('dry-run: no event that a host can forge makes a request that changes anything', async () => {
  const { actors, clock, engine, reconciler } = createExposed({
    dryRun: true,
    beforeRemove: () => true,
    stopTimeout: '5s',
  })
  const { id } = engine.add({ state: 'paused' })
  reconciler.start()
  await clock.advance(2 * minute)
  forgeAdmission(actors.get(id))
  reconciler.actor.send({ type: 'placeFreed' })
  await clock.advance(minute)
  expect(reconciler.status().containers.byVerdict.dangling).toBe(1)
  expect(engine.requests.filter(({ verb }) => changing.has(verb))).toEqual([])
  await reconciler.stop()
})
