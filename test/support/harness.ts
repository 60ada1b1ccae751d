import type { EventName, EventOf, FlotsamEvent } from '../../src/domain/events.ts'
import type { ReconcilerOptions } from '../../src/options/types.ts'
import { createReconcilerIn, type Reconciler } from '../../src/reconciler.ts'
import { createFakeClock, type FakeClock } from './fake-clock.ts'
import { createFakeEngine, type FakeEngine, ownerLabel, ownerValue } from './fake-engine.ts'
import { selfNamed } from './self-tests.ts'

/**
 * A reconciler with a clock and an engine that the test controls, and everything that it emits. By default it does not
 * follow events, so that the test determines when it scans.
 */
export interface Harness {
  readonly clock: FakeClock
  readonly engine: FakeEngine
  readonly tracked: Set<string>
  readonly reconciler: Reconciler
  readonly events: FlotsamEvent[]
  /** The number of callers that keep the process alive. */
  readonly holds: number
  of<TName extends EventName>(name: TName): EventOf<TName>[]
}

export const graces = { creationGrace: '60s', restoreGrace: '0s', releaseGrace: '30s', period: '5m' } as const

export function createHarness(
  options: Partial<ReconcilerOptions> = {},
  surroundings: Partial<Parameters<typeof createReconcilerIn>[0]> = {},
): Harness {
  const clock = createFakeClock()
  const engine = createFakeEngine(clock)
  const tracked = new Set<string>()
  let holds = 0
  const reconciler = createReconcilerIn(
    {
      clock,
      engine,
      random: () => 0.5,
      holdProcess: () => {
        holds += 1
        return () => void (holds -= 1)
      },
      self: async (named) => selfNamed(named),
      ...surroundings,
    },
    { owner: { label: ownerLabel, value: ownerValue }, tracked, ...graces, events: false, ...options },
  )
  const events: FlotsamEvent[] = []
  reconciler.on('*', (event) => events.push(event))
  return {
    clock,
    engine,
    tracked,
    reconciler,
    events,
    get holds() {
      return holds
    },
    of: (name) => events.filter((event): event is EventOf<typeof name> & FlotsamEvent => event.type === name),
  }
}
