import { describe, expect, test } from 'vitest'
import { createHarness, type Harness } from '../support/harness.ts'

const minute = 60_000

interface Persisted {
  readonly status: string
  readonly value: unknown
  readonly context: Readonly<Record<string, unknown>>
  readonly children: Readonly<Record<string, { readonly snapshot: Persisted }>>
}

/** By name, with the state and the verdict of each container. */
function containersIn({ reconciler }: Harness): Readonly<Record<string, unknown>> {
  const plain = JSON.parse(JSON.stringify(reconciler.actor.getPersistedSnapshot())) as Persisted
  const { children = {} } = plain.children['fleet']?.snapshot ?? {}
  return Object.fromEntries(
    Object.values(children).map(({ snapshot: { context, value } }) => [
      (context['listed'] as { readonly name: string }).name,
      [value, (context['verdict'] as { readonly reason: string }).reason],
    ]),
  )
}

async function watching(): Promise<Harness> {
  const harness = createHarness()
  harness.engine.add({ name: 'young' })
  harness.tracked.add(harness.engine.add({ name: 'known', ageMs: 10 * minute }).id)
  harness.reconciler.start()
  await harness.clock.advance(1000)
  return harness
}

const both = {
  young: [{ graced: 'waiting' }, 'creation-grace'],
  known: [{ classified: 'tracked' }, 'tracked'],
}

function crash({ reconciler }: Harness): void {
  const { logic } = reconciler.actor as unknown as { readonly logic: object }
  const transition = () => {
    throw new Error('a fault inside')
  }
  const value = Object.assign(Object.create(logic) as object, { transition })
  Object.defineProperty(reconciler.actor, 'logic', { value })
  reconciler.actor.send({ type: 'scan.requested' })
}

describe("the supervisor's persisted snapshot has its containers, with their states and records", () => {
  test('while it runs', async () => {
    const harness = await watching()
    expect(containersIn(harness)).toEqual(both)
    await harness.reconciler.stop()
  })

  test('when `crashed` is emitted, as they were at that moment, and afterwards', async () => {
    const harness = await watching()
    const seen: unknown[] = []
    harness.reconciler.on('crashed', () => seen.push(containersIn(harness)))
    crash(harness)
    expect(seen).toEqual([both])
    await harness.clock.advance(minute)
    expect(containersIn(harness)).toEqual(both)
    expect(harness.reconciler.actor.getPersistedSnapshot()).toMatchObject({
      status: 'error',
      value: { running: { scanning: { idle: expect.anything() } } },
      error: new Error('a fault inside'),
    })
  })

  test('but none after stop(), which has let all of them go', async () => {
    const harness = await watching()
    await harness.reconciler.stop()
    expect(containersIn(harness)).toEqual({})
  })
})
