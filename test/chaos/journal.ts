/** The last steps of a run, each with its time, printed with a failure. */
export class Journal {
  readonly #beganMs: number
  readonly #longest: number
  readonly #steps: string[] = []

  constructor(beganMs: number, longest = 5000) {
    this.#beganMs = beganMs
    this.#longest = longest
  }

  note(who: string, text: string): void {
    const seconds = ((Date.now() - this.#beganMs) / 1000).toFixed(3).padStart(8)
    this.#steps.push(`${seconds}  ${who.padEnd(9)} ${text}`)
    if (this.#steps.length > this.#longest) this.#steps.shift()
  }

  /** The last steps, oldest first: all of them, or those that name one container. */
  last(count: number, about?: string): readonly string[] {
    const word = about === undefined ? undefined : new RegExp(`(^|[ /])${about}($|[ :,/])`)
    return this.#steps.filter((step) => word === undefined || word.test(step)).slice(-count)
  }
}

/** An id as people read it. */
export function short(id: string): string {
  return id.slice(0, 12)
}
