import type { Mark } from './glyphs.ts'

/**
 * The marks of one life, one for each stretch of time. Each change has a mark of its own, so that a state that lasted a
 * millisecond is seen as well: what comes too soon after the mark before it takes the next place.
 */
export class Lane {
  readonly #marks: { readonly place: number; readonly mark: Mark }[] = []

  note(place: number, mark: Mark): void {
    const last = this.#marks.at(-1)
    if ((last?.mark ?? 'absent') === mark) return
    this.#marks.push({ place: last ? Math.max(place, last.place + 1) : place, mark })
  }

  /** The marks from one place up to, and without, another. */
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
