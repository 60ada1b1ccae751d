import { plainOf } from './plain.ts'

/** Definitions by the configuration of their machine, so that all actors of one machine share one text. */
const quotedDefinitions = new WeakMap<object, string>()

/**
 * The definition of an actor's chart as the protocol requires it: the machine's configuration as JSON, with functions
 * replaced by their names. It is already quoted for a message. An actor that is not a machine has only its name.
 */
export function quotedDefinitionOf(actorRef: object, name: string): string {
  const config = configOf(actorRef)
  if (config === undefined) return JSON.stringify(JSON.stringify({ id: name }))
  const known = quotedDefinitions.get(config)
  if (known !== undefined) return known
  const quoted = JSON.stringify(definitionText(config, name))
  quotedDefinitions.set(config, quoted)
  return quoted
}

/** The configuration of a machine. Machines made by `provide` share it. */
export function configOf(actorRef: object): object | undefined {
  const { config } = ((actorRef as { readonly logic?: unknown }).logic ?? {}) as { readonly config?: unknown }
  return typeof config === 'object' && config !== null ? config : undefined
}

/** The keys under these are names of the author's choice, and not properties. */
const listsOfNames = new Set(['states', 'on', 'after'])
/** These contain data, which is not part of the chart. */
const data = new Set(['context', 'input', 'params', 'meta', 'output'])

function definitionText(config: object, name: string): string {
  const above: unknown[] = []
  const named = new WeakSet<object>()
  try {
    return JSON.stringify(config, function (this: object, key, value: unknown) {
      while (above.length > 0 && above.at(-1) !== this) above.pop()
      if (above.includes(value)) return '(circular)'
      const isProperty = !named.has(this)
      if (isProperty && data.has(key)) return plainOf(value)
      if (typeof value === 'function') return { type: value.name }
      if (typeof value === 'bigint') return `${value}n`
      if (typeof value !== 'object' || value === null) return value
      above.push(value)
      if (isProperty && listsOfNames.has(key)) named.add(value)
      return value
    })
  } catch {
    return JSON.stringify({ id: name })
  }
}
