import type { World } from '../world.ts'
import { type Fail, second } from './bounds.ts'

/** one-line-per-change: what begins ends before it begins again, and what lasts is reported with increasing intervals. */
export function checkLines({ events }: World, fail: Fail): void {
  const open = new Map<string, number>()
  for (const event of events) {
    if (event.type === 'started') open.clear()
    const about = 'about' in event ? event.about : event.type.startsWith('engine') ? 'engine' : undefined
    if (about === undefined) continue
    // These are reported once, and have no end.
    if (event.type === 'degraded' && (event.kind === 'tracker-never-true' || event.kind === 'recreated'))
      continue
    const mentions = open.get(about)
    if (event.type === 'degraded' || event.type === 'engineDown') {
      if (mentions !== undefined) fail('one-line-per-change', `${about} began twice`)
      open.set(about, 0)
    } else if (event.type === 'recovered' || event.type === 'engineUp') {
      if (mentions === undefined) fail('one-line-per-change', `${about} was over without having begun`)
      open.delete(about)
    } else {
      const forMs =
        event.type === 'engineStillDown'
          ? event.downForMs
          : event.type === 'stillDegraded'
            ? event.lastedMs
            : 0
      if (mentions === undefined) fail('one-line-per-change', `${about} goes on without having begun`)
      else if (forMs < 60 * second * 2 ** mentions - second)
        fail('one-line-per-change', `${about} is mentioned again after ${forMs} ms`)
      open.set(about, (mentions ?? 0) + 1)
    }
  }
}
