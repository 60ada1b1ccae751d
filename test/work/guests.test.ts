import { expect, test } from 'vitest'
import type { ContainerSummary, Inspection, SharedNamespaces } from '../../src/domain/container.ts'
import { EngineError } from '../../src/domain/errors.ts'
import { weighGuests } from '../../src/policy/namespaces.ts'
import { createNamespaceFacts } from '../../src/scanning/namespace-facts.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { createFakeEngine, fakeId } from '../support/fake-engine.ts'
import { summary } from '../support/summary.ts'

const { signal } = new AbortController()
const nameOf = (number: number) => `task-${number}`

/** How each container of a chain, but for the first, refers to the one before it. */
type Chain = (before: number) => Partial<SharedNamespaces>

/** Weighs the guests of every container of a chain, and counts how often a property of any of them is read. */
async function readsOf(count: number, chain: Chain, fields: Partial<ContainerSummary> = {}): Promise<number> {
  let reads = 0
  const clock = createFakeClock()
  const engine = createFakeEngine(clock)
  const containers = Array.from({ length: count }, (_, at) => {
    const number = at + 1
    const { id } = engine.add({ id: fakeId(number), name: nameOf(number), namespaces: chain(number - 1) })
    const listed = summary({ id, name: nameOf(number), state: 'exited', createdAtMs: number, ...fields })
    return new Proxy(listed, {
      get(target, key) {
        reads++
        return target[key as keyof ContainerSummary]
      },
    })
  })
  if (fields.state === 'running')
    engine.inspect = async (): Promise<Inspection> => {
      throw new EngineError('refused', 'inspect: refused')
    }
  const { mayBeNeeded, sharing } = await createNamespaceFacts(engine, clock, 1000).of(containers, signal)
  const guestsOf = weighGuests(sharing, () => true)
  for (const container of containers) {
    guestsOf(container)
    mayBeNeeded(container)
  }
  return reads
}

test.each<[string, Chain, Partial<ContainerSummary>?]>([
  ['by id', (before) => ({ network: `container:${fakeId(before)}` })],
  ['by the start of an id', (before) => ({ pid: `container:${fakeId(before).slice(0, 16)}` })],
  ['by name', (before) => ({ ipc: `container:${nameOf(before)}` })],
  [
    'by a name that the listing leaves out',
    (before) => ({ ipc: `container:${nameOf(before)}` }),
    { names: [] },
  ],
  ['by a name that no container has', (before) => ({ ipc: `container:other-${nameOf(before)}` })],
  ['by path, so that each may use the namespaces of each', () => ({ uts: 'ns:/proc/1/ns/uts' })],
  ['in a way that no inspection shows', () => ({}), { state: 'running' }],
])(
  'ten times as many guests, each of the one before, are ten times the work: %s',
  async (_, chain, fields) => {
    const [few, many] = [await readsOf(200, chain, fields), await readsOf(2000, chain, fields)]
    expect(many).toBeLessThan(11 * few)
  },
)
