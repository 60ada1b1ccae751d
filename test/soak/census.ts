import { getEventListeners } from 'node:events'
import { Socket } from 'node:net'
import { queryObjects, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { AnyActorRef } from 'xstate'
import { containerMachine } from '../../machines/container.machine.ts'
import type { Reconciler } from '../../src/reconciler.ts'
import { Inside } from './inside.ts'

/** How many of everything there are at one moment. */
export interface Census {
  /** Containers that had come and gone by then. */
  readonly containers: number
  readonly heapBytes: number
  readonly counts: Readonly<Record<string, number>>
}

/** A table that only a run itself can count, such as the timers of its clock. */
export type OwnCounts = () => Readonly<Record<string, number>>

const collectGarbage = (() => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
})()

/** Counts everything of one reconciler, and of the process that it lives in. */
export class CensusTaker {
  readonly #inside = new Inside()
  readonly #reconciler: Reconciler
  readonly #ownCounts: OwnCounts

  constructor(reconciler: Reconciler, ownCounts: OwnCounts) {
    this.#reconciler = reconciler
    this.#ownCounts = ownCounts
  }

  async take(containers: number): Promise<Census> {
    const counts = { ...this.#ownCounts(), ...this.#xstate(), ...ofProcess() }
    // What a finalizer or a closed socket releases is free only after another turn and another collection.
    for (let turn = 0; turn < 4; turn++) {
      collectGarbage()
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    const instances = ofInstances(this.#reconciler.actor)
    collectGarbage()
    return { containers, heapBytes: process.memoryUsage().heapUsed, counts: { ...counts, ...instances } }
  }

  close(): void {
    this.#inside.close()
  }

  /** XState's own tables: the system's, and what each state node remembers of event types; and our scheduler's. */
  #xstate(): Record<string, number> {
    const { actor } = this.#reconciler
    const internals = actor as unknown as {
      readonly system: {
        readonly _register: () => void
        readonly scheduler: { readonly cancelAll: () => void }
        getAll(): object
      }
      readonly observers: ReadonlySet<unknown>
      readonly eventListeners: ReadonlyMap<string, ReadonlySet<unknown>>
    }
    const { system } = internals
    const sizeOf = (variable: string, closure = system._register) =>
      known(this.#inside.countClosed(closure, variable, 'function () { return this.size }'), variable)
    return {
      'xstate: registered actors': sizeOf('children'),
      'xstate: keyed actors': sizeOf('keyedActors'),
      'xstate: inspection observers': sizeOf('inspectionObservers'),
      'delayed events': sizeOf('delayedEvents', system.scheduler.cancelAll),
      "xstate: the supervisor's children": Object.keys(actor.getSnapshot().children).length,
      "xstate: the supervisor's observers": internals.observers.size,
      "xstate: the supervisor's listeners": [...internals.eventListeners.values()].reduce(
        (sum, { size }) => sum + size,
        0,
      ),
      'xstate: remembered event types': this.#rememberedEventTypes(),
    }
  }

  #rememberedEventTypes(): number {
    const { next } = containerMachine.root as unknown as { readonly next: () => void }
    const count = this.#inside.countWeakMap(
      next,
      'cache',
      `function () {
        return Array.from(this, ({ value }) => Object.keys(value).filter((key) => key.startsWith('candidates-')).length)
          .reduce((sum, count) => sum + count, 0)
      }`,
    )
    return known(count, 'cache')
  }
}

function known(count: number | undefined, variable: string): number {
  if (count === undefined)
    throw new Error(`this version of XState has no table "${variable}": look up its new name`)
  return count
}

/** Live objects by their constructors; each question collects garbage first. */
function ofInstances(actor: AnyActorRef): Record<string, number> {
  const count = (constructor: unknown) => queryObjects(constructor as () => void, { format: 'count' })
  return {
    'live actors': count(actor.constructor),
    'live abort signals': count(AbortSignal),
    'live sockets': count(Socket),
  }
}

function ofProcess(): Record<string, number> {
  const resources = process.getActiveResourcesInfo()
  const is = (pattern: RegExp) => resources.filter((name) => pattern.test(name)).length
  return {
    'active timers': is(/^(Timeout|Immediate)$/),
    'active sockets': is(/^(PipeWrap|TCPSocketWrap|TLSWrap|PipeConnectWrap|TCPConnectWrap)$/),
    'listeners on the process': listenersOf(process),
  }
}

interface Emitter {
  eventNames(): (string | symbol)[]
  listenerCount(name: string | symbol): number
}

export function listenersOf(emitter: Emitter): number {
  return emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0)
}

export function listenersOfSignal(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length
}
