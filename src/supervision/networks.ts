import type { ContainerSummary, WatchingEngine } from '../engine/port.ts'
import { EngineError } from '../errors.ts'
import type { ContainerId } from '../ids.ts'

/** So many containers are asked about at a time. */
const questionsAtOnce = 8

/** What is known of the networks that one listing's containers use. */
export interface Networks {
  readonly containers: readonly ContainerSummary[]
  /** One of them with its network mode. */
  readonly filledIn: (container: ContainerSummary) => ContainerSummary
  /** Every one of them is known. */
  readonly isWhole: boolean
}

/**
 * Fills in the network modes that an engine leaves out of its listings, as Podman does. A container's network mode never
 * changes, so each container is asked about once.
 */
export interface NetworkModes {
  fillIn(containers: readonly ContainerSummary[], signal: AbortSignal): Promise<Networks>
  /** Why some network could not be known since this was last called, and forgets it. */
  takeTrouble(): Trouble | undefined
}

interface Trouble {
  readonly kind: string
  readonly message: string
}

export function createNetworkModes(engine: WatchingEngine, deadlineMs: number): NetworkModes {
  let known = new Map<ContainerId, string>()
  let trouble: Trouble | undefined

  async function ask(
    { id }: ContainerSummary,
    modes: Map<ContainerId, string>,
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      modes.set(id, await engine.networkMode(id, { deadlineMs, signal }))
      return true
    } catch (thrown) {
      if (!(thrown instanceof EngineError)) throw thrown
      // One that is gone by now uses no network.
      if (thrown.kind === 'gone') return true
      trouble = { kind: thrown.kind, message: thrown.message }
      return false
    }
  }

  async function askAll(
    unknown: readonly ContainerSummary[],
    modes: Map<ContainerId, string>,
    signal: AbortSignal,
  ): Promise<boolean> {
    for (let from = 0; from < unknown.length; from += questionsAtOnce) {
      const asked = unknown.slice(from, from + questionsAtOnce)
      const answers = await Promise.all(asked.map((one) => ask(one, modes, signal)))
      signal.throwIfAborted()
      // One question without an answer is enough: the others can wait for the next look.
      if (answers.includes(false)) return false
    }
    return true
  }

  return {
    async fillIn(containers, signal) {
      const silent = containers.filter(({ networkMode }) => networkMode === '')
      if (silent.length === 0) return { containers, filledIn: (container) => container, isWhole: true }
      // A map of this listing's own: another one, asked about beside it, must not make this one forget a guest.
      const modes = new Map(
        silent.flatMap(({ id }) => (known.has(id) ? [[id, known.get(id) as string]] : [])),
      )
      const isWhole = await askAll(
        silent.filter(({ id }) => !modes.has(id)),
        modes,
        signal,
      )
      known = modes
      const filledIn = (one: ContainerSummary) =>
        one.networkMode === '' ? { ...one, networkMode: modes.get(one.id) ?? '' } : one
      return { containers: containers.map(filledIn), filledIn, isWhole }
    },
    takeTrouble() {
      const taken = trouble
      trouble = undefined
      return taken
    },
  }
}
