import { Writable } from 'node:stream'
import { pino } from 'pino'
import { createHarness } from '../support/harness.ts'

const dayMs = 24 * 3_600_000
const minuteMs = 60_000
const containers = 500

/** What a day without the engine costs in log lines, from the moment it goes until all is well again. */
export interface OutageCost {
  readonly lines: number
  readonly byEvent: Readonly<Record<string, number>>
  readonly failedScans: number
  readonly removedAfterwards: number
}

/** `unavailable`: refuses connections; `hang`: accepts them and never answers. */
export async function liveThroughOutage(fault: 'unavailable' | 'hang'): Promise<OutageCost> {
  const byEvent: Record<string, number> = {}
  const stream = new Writable({
    write(line: Buffer, _encoding, done) {
      const { event } = JSON.parse(line.toString()) as { readonly event: string }
      byEvent[event] = (byEvent[event] ?? 0) + 1
      done()
    },
  })
  const { clock, engine, tracked, reconciler, of } = createHarness({
    logger: pino({ level: 'info' }, stream),
  })
  for (let count = 0; count < containers; count++) {
    const { id } = engine.add()
    if (count % 2 === 0) tracked.add(id)
  }
  reconciler.start()
  await clock.advance(30_000)
  const linesBefore = total(byEvent)
  engine.fault = () => fault
  await clock.advance(dayMs)
  engine.fault = () => undefined
  await clock.advance(5 * minuteMs)
  const removedAfterwards = of('removed').length
  // A line for each container removed at last is owed to the leak, not to the outage.
  const lines = total(byEvent) - linesBefore - removedAfterwards
  const [up] = of('engineUp')
  await reconciler.stop()
  return { lines, byEvent, failedScans: up?.failures ?? 0, removedAfterwards }
}

function total(byEvent: Readonly<Record<string, number>>): number {
  return Object.values(byEvent).reduce((sum, count) => sum + count, 0)
}
