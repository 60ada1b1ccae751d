import { describe, expect, test } from 'vitest'
import type { AnyActorRef } from 'xstate'
import type { ReconcilerOptions } from '../../src/options/types.ts'
import { ownerLabel } from '../support/fake-engine.ts'
import { createHarness, type Harness } from '../support/harness.ts'

const minute = 60_000
const dangling = { verdict: 'dangling', reason: 'untracked', endedGuests: () => [] }
const changing = new Set(['remove', 'stop', 'unpause'])

/** A reconciler whose actors a host has captured. */
function createExposed(
  options: Partial<ReconcilerOptions> = {},
): Harness & { readonly actors: Map<string, AnyActorRef> } {
  const actors = new Map<string, AnyActorRef>()
  const inspect = ({ type, actorRef }: { readonly type: string; readonly actorRef: AnyActorRef }) => {
    if (type === '@xstate.actor') actors.set(actorRef.id, actorRef)
  }
  return { ...createHarness({ ...options, inspect: inspect as never }), actors }
}

/** Events sent by a host are ignored: this bypasses the seal, and XState's own wrapper. */
function forge(actor: AnyActorRef | undefined, event: { readonly type: string }): void {
  ;(actor as unknown as { _send(event: object): void } | undefined)?._send(event)
}

function forgeAdmission(actor: AnyActorRef | undefined, scan: number): void {
  const judgement = { verdict: dangling, scan, atMs: 0, recheckMs: undefined }
  for (const event of [
    { type: 'judged', judgement },
    { type: 'admitted', judgement },
    { type: 'xstate.done.actor.hook', actorId: 'hook', output: { answer: 'approved' } },
  ]) {
    forge(actor, event)
  }
}

const actorOf = (actors: ReadonlyMap<string, AnyActorRef>, id: string) =>
  [...actors].find(([name]) => name.endsWith(id.slice(0, 12)))?.[1]

/** The last scan if the last questions are to stop it; another one if only the verdict is against it. */
function scanOf({ actor }: Harness['reconciler'], name: string): number {
  const { scan } = actor.getSnapshot().context.verdicts
  return ['kept', 'refused by the hook'].includes(name) ? scan - 1 : scan
}

describe('fresh-scan: the last question is asked however a removal is admitted', () => {
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
    void reconciler.scan()
    await clock.advance(name === 'refused by the hook' ? 2 * minute : 1000)
    const actor = actorOf(actors, id)
    expect(actor).toBeDefined()
    for (let times = 0; times < 3; times++) {
      forgeAdmission(actor, scanOf(reconciler, name))
      forge(reconciler.actor, { type: 'removals.changed', inFlight: 0 } as never)
      await clock.advance(1000)
    }
    expect(engine.requests.filter(({ verb }) => changing.has(verb))).toEqual([])
    await reconciler.stop()
  })

  test('dangling by an outdated scan', async () => {
    const harness = createExposed({ beforeRemove: () => new Promise(() => {}) })
    const { actors, clock, engine, reconciler } = harness
    const { id } = engine.add()
    reconciler.start()
    await clock.advance(62_000)
    await clock.advance(5001)
    forgeAdmission(actorOf(actors, id), reconciler.actor.getSnapshot().context.verdicts.scan)
    expect(engine.count('remove')).toBe(0)
    const atMs = clock.now()
    await clock.advance(1000)
    const [list, ...others] = engine.requests.filter((request) => request.atMs >= atMs)
    expect([list?.verb, others.at(-1)?.verb]).toEqual(['list', 'remove'])
    await reconciler.stop()
  })
})

test('dry-run: no forged event leads to a request that changes anything', async () => {
  const { actors, clock, engine, reconciler } = createExposed({
    dryRun: true,
    beforeRemove: () => true,
    stopTimeout: '5s',
  })
  const { id } = engine.add({ state: 'paused' })
  reconciler.start()
  await clock.advance(2 * minute)
  forgeAdmission(actorOf(actors, id), reconciler.actor.getSnapshot().context.verdicts.scan)
  forge(reconciler.actor, { type: 'removals.changed', inFlight: 0 } as never)
  await clock.advance(minute)
  expect(reconciler.status().containers.byVerdict.dangling).toBe(1)
  expect(engine.requests.filter(({ verb }) => changing.has(verb))).toEqual([])
  await reconciler.stop()
})
