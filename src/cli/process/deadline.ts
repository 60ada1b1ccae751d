import type { CommandClock } from '../world.ts'

/** What a promise resolves to, or what `late` gives if that takes too long. */
export async function within<T, TLate>(
  promise: Promise<T>,
  limitMs: number,
  late: () => TLate,
  clock: CommandClock,
): Promise<T | TLate> {
  let timer: unknown
  const tooLate = new Promise<'late'>((resolve) => (timer = clock.setTimeout(() => resolve('late'), limitMs)))
  try {
    const first = await Promise.race([promise.then((value) => ({ value })), tooLate])
    return first === 'late' ? late() : first.value
  } finally {
    clock.clearTimeout(timer)
  }
}
