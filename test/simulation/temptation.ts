import type { Random } from './random.ts'
import type { World } from './world.ts'

/** The agent does the most awkward thing at the most awkward moment. */
export class Temptation {
  readonly #world: World
  readonly #random: Random

  constructor(world: World, random: Random) {
    this.#world = world
    this.#random = random
  }

  toAdopt(probability: number): void {
    const random = this.#random
    if (!this.#world.isWild || !random.chance(probability)) return
    const { leaks, process } = this.#world
    if (leaks.length === 0) return
    const { id } = random.pick(leaks)
    this.#world.note('agent:adopts-at-the-worst-moment')
    process.setTimeout(() => this.#world.adopt(id), random.between(1, 2500))
  }

  /** Adopted while its connection is made: in the very moment before the request leaves, or after it. */
  toAdoptThis(id: string | undefined, probability: number): void {
    const random = this.#random
    if (id === undefined || !this.#world.isWild || !random.chance(probability)) return
    this.#world.note('agent:adopts-at-the-worst-moment')
    this.#world.process.setTimeout(() => this.#world.adopt(id), random.between(1, 40))
  }

  atHook(id: string): void {
    const random = this.#random
    const { isWild, process } = this.#world
    if (!isWild) return
    if (random.chance(0.35)) process.setTimeout(() => this.#world.adopt(id), random.between(1, 800))
    else this.toStop(0.3)
  }

  /** Podman is killed in the middle of a removal, and comes back. */
  toKillPodman(probability: number): void {
    const random = this.#random
    const { engine, isWild, setting, standstill, timeline } = this.#world
    if (!isWild || !setting.isPodman || !random.chance(probability)) return
    timeline.after(random.between(2, 150), () => {
      if (!this.#world.isWild || !engine.isUp) return
      standstill.cutOff('down')
      timeline.after(random.between(500, 20_000), () => {
        if (this.#world.isWild && !engine.isUp) standstill.recover()
      })
    })
  }

  /** The agent stops while something is under way. */
  toStop(probability: number): void {
    const random = this.#random
    if (!this.#world.isWild || !random.chance(probability)) return
    this.#world.note('agent:stops-at-the-worst-moment')
    this.#world.process.setTimeout(() => this.#world.stop(), random.between(1, 400))
  }
}
