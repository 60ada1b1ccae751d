import * as fc from 'fast-check'
import { afterAll, beforeAll, expect } from 'vitest'

const times = Number(process.env['FLOTSAM_FUZZ_RUNS'] ?? 1)
const seed = Number(process.env['FLOTSAM_FUZZ_SEED'] ?? 20_260_115)
if (!(times > 0) || !Number.isSafeInteger(seed))
  throw new RangeError('FLOTSAM_FUZZ_RUNS must be a number above 0, and FLOTSAM_FUZZ_SEED a whole number')

/** Enough for a minute of each property; FLOTSAM_FUZZ_RUNS raises it. */
export const fuzzTimeoutMs = 20_000 + times * 10_000

/**
 * Checks a property so often, from a fixed seed. FLOTSAM_FUZZ_RUNS=50 checks it fifty times as often, and
 * FLOTSAM_FUZZ_SEED sets another seed.
 */
export async function fuzz<TInputs extends [unknown, ...unknown[]]>(
  runs: number,
  property: fc.IAsyncProperty<TInputs> | fc.IProperty<TInputs>,
): Promise<void> {
  await fc.assert(property, { numRuns: Math.ceil(runs * times), seed })
}

/** Makes whatever is thrown outside every promise a failure of the file that this is called in. */
export function expectNothingUncaught(): void {
  const thrown: unknown[] = []
  const note = (error: unknown) => void thrown.push(error)
  beforeAll(() => {
    process.on('uncaughtException', note)
    process.on('unhandledRejection', note)
  })
  afterAll(async () => {
    // An unhandled rejection is reported only after the turn in which it happens.
    await new Promise<void>((resolve) => setTimeout(resolve, 20))
    process.off('uncaughtException', note)
    process.off('unhandledRejection', note)
    expect(thrown).toEqual([])
  })
}
