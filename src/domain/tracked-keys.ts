import { types } from 'node:util'
import { parseContainerId } from './ids.ts'

/**
 * Returns the first key of a `Map` or `Set` that is not a full container id; `has(id)` is `false` for containers stored
 * under such a key. Undefined if every key is an id, or if `has` is overridden, since only the built-in one is known to
 * compare keys. Pure.
 */
export function firstWrongKey(tracked: object): { readonly key: unknown } | undefined {
  for (const key of keysOf(tracked)) {
    if (!parseContainerId(key)) return { key }
  }
  return undefined
}

const wordKinds = ['URLSearchParams', 'Headers', 'FormData']

/**
 * Detects web collections of strings, whose `has` has another meaning (such as a second argument for a value) and may
 * always return `false` for a container id. Undefined if `has` is overridden. Pure.
 */
export function wordKind(tracked: object): string | undefined {
  let holder: object | null = Object.getPrototypeOf(tracked) as object | null
  if (Object.hasOwn(tracked, 'has')) return undefined
  while (holder !== null && !Object.hasOwn(holder, 'has'))
    holder = Object.getPrototypeOf(holder) as object | null
  // Identified by name rather than by class, since there are several implementations of each.
  const name: unknown = holder && Object.getOwnPropertyDescriptor(holder, Symbol.toStringTag)?.value
  return wordKinds.find((kind) => kind === name)
}

function keysOf(tracked: object): Iterable<unknown> {
  // Checked by internal type rather than `instanceof`, since a collection may come from another realm.
  if (types.isMap(tracked) && isBuiltIn(tracked)) return Map.prototype.keys.call(tracked)
  if (types.isSet(tracked) && isBuiltIn(tracked)) return Set.prototype.values.call(tracked)
  return []
}

/** Whether `has` is built in, in this or another realm: a user-defined method shows its source. */
function isBuiltIn(collection: object): boolean {
  const method: unknown = Reflect.get(collection, 'has')
  return (
    typeof method === 'function' &&
    method.name === 'has' &&
    Function.prototype.toString.call(method).endsWith('{ [native code] }')
  )
}
