import type { Mark } from './glyphs.ts'

/**
 * The marks of one container, one for each interval. Each change has a mark of its own, so that even a state of one
 * millisecond is visible: a change within the same interval is moved to the next one.
 */
export class Lane {
  readonly #marks: { readonly place: number; readonly mark: Mark }[] = []

  note(place: number, mark: Mark): void {
    const last = this.#marks.at(-1)
    if ((last?.mark ?? 'absent') === mark) return
    this.#marks.push({ place: last ? Math.max(place, last.place + 1) : place, mark })
  }

  /** The marks from one position up to another, which is excluded. */
  between(from: number, to: number): Mark[] {
    const shown: Mark[] = []
    let next = 0
    let going: Mark = 'absent'
    for (let place = 0; place < to; place++) {
      const change = this.#marks[next]
      if (change?.place === place) next++
      const mark: Mark = change?.place === place ? change.mark : going
      going = mark === 'gone' ? 'absent' : mark
      if (place >= from) shown.push(mark)
    }
    return shown
  }
}
