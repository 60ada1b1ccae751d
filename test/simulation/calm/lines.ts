import type { World } from '../world.ts'
import { type Fail, second } from './bounds.ts'

/** one-line-per-change: what begins ends before it begins again, and what goes on is told ever more rarely. */
export function checkLines({ events }: World, fail: Fail): void {
  const open = new Map<string, number>()
  for (const event of events) {
    if (event.type === 'started') open.clear()
    const about = 'about' in event ? event.about : event.type.startsWith('engine') ? 'engine' : undefined
    if (about === undefined) continue
    const mentions = open.get(about)
    if (event.type === 'trouble' || event.type === 'engineDown') {
      if (mentions !== undefined) fail('one-line-per-change', `${about} began twice`)
      open.set(about, 0)
    } else if (event.type === 'troubleOver' || event.type === 'engineUp') {
      if (mentions === undefined) fail('one-line-per-change', `${about} was over without having begun`)
      open.delete(about)
    } else {
      const forMs =
        event.type === 'engineStillDown'
          ? event.downForMs
          : event.type === 'troubleGoesOn'
            ? event.lastedMs
            : 0
      if (mentions === undefined) fail('one-line-per-change', `${about} goes on without having begun`)
      else if (forMs < 60 * second * 2 ** mentions - second)
        fail('one-line-per-change', `${about} is mentioned again after ${forMs} ms`)
      open.set(about, (mentions ?? 0) + 1)
    }
  }
}
