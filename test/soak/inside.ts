import { Session } from 'node:inspector'

interface RemoteObject {
  readonly objectId?: string
}

interface Property {
  readonly name: string
  readonly value?: RemoteObject
}

interface Properties {
  readonly result: readonly Property[]
  readonly internalProperties?: readonly Property[]
}

const handle = '__inside'

/**
 * Inspects what JavaScript itself cannot reach: the variables that a function closes over, and the entries of a WeakMap.
 * It asks the engine's own inspector, in this very process, and keeps nothing of what it saw.
 */
export class Inside {
  readonly #session = new Session()

  constructor() {
    this.#session.connect()
  }

  close(): void {
    this.#session.disconnect()
  }

  /** What `count`, a function's source, makes of a variable that `fn` closes over; undefined where there is none of that name. */
  countClosed(fn: (...args: never[]) => unknown, variable: string, count: string): number | undefined {
    return this.#holding(fn, (object) => {
      const found = this.#closedOver(object, variable)
      return found === undefined ? undefined : this.#call(found, count)
    })
  }

  /** What `count`, a function's source, makes of the entries of a WeakMap that `fn` closes over. */
  countWeakMap(fn: (...args: never[]) => unknown, variable: string, count: string): number | undefined {
    return this.#holding(fn, (object) => {
      const map = this.#closedOver(object, variable)
      const entries = map && this.#internal(map, '[[Entries]]')
      return entries === undefined ? undefined : this.#call(entries, count)
    })
  }

  #holding<T>(fn: unknown, scan: (object: RemoteObject) => T): T {
    const place = globalThis as Record<string, unknown>
    place[handle] = fn
    try {
      const params = { expression: `globalThis.${handle}`, objectGroup: handle }
      const { result } = this.#post('Runtime.evaluate', params) as { readonly result: RemoteObject }
      return scan(result)
    } finally {
      delete place[handle]
      this.#post('Runtime.releaseObjectGroup', { objectGroup: handle })
    }
  }

  #closedOver(fn: RemoteObject, variable: string): RemoteObject | undefined {
    const scopes = this.#internal(fn, '[[Scopes]]')
    if (!scopes) return undefined
    for (const { value: scope } of this.#properties(scopes).result) {
      if (scope?.objectId === undefined) continue
      const found = this.#properties(scope).result.find(({ name }) => name === variable)
      if (found?.value) return found.value
    }
    return undefined
  }

  #internal(object: RemoteObject, name: string): RemoteObject | undefined {
    return this.#properties(object).internalProperties?.find((property) => property.name === name)?.value
  }

  #properties({ objectId }: RemoteObject): Properties {
    return this.#post('Runtime.getProperties', { objectId, ownProperties: true }) as Properties
  }

  #call({ objectId }: RemoteObject, count: string): number {
    const params = { objectId, functionDeclaration: count, returnByValue: true }
    const { result, exceptionDetails } = this.#post('Runtime.callFunctionOn', params) as {
      readonly result: { readonly value: number }
      readonly exceptionDetails?: { readonly exception?: { readonly description?: string } }
    }
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? 'it threw')
    return result.value
  }

  /** Within one process the answer is there before `post` returns. */
  #post(method: string, params: object): unknown {
    let answer: { readonly error: Error | null; readonly result: unknown } | undefined
    this.#session.post(method, params, (error, result) => {
      answer = { error, result }
    })
    if (!answer) throw new Error(`the inspector gave no answer to ${method}`)
    if (answer.error) throw answer.error
    return answer.result
  }
}
