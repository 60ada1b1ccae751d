import { types } from 'node:util'
import type { InspectionEvent, Observer } from 'xstate'
import type { EngineClient } from '../domain/engine-client.ts'
import type { BeforeRemove } from '../domain/hook.ts'
import type { Logger } from '../domain/logger.ts'
import { kindOf, show } from '../domain/show.ts'
import { firstWrongKey, wordKind } from '../domain/tracked-keys.ts'
import type { Tracked } from '../domain/tracked.ts'
import { type Kind, textKind } from './kinds.ts'
import { Refusal } from './refusal.ts'

/** XState's inspection callback or observer. What it throws is reported once as `degraded`. */
export type Inspect = Observer<InspectionEvent> | ((event: InspectionEvent) => void)

/** A kind for functions and for objects with methods, which are used as given. */
function thing<TThing>(
  type: string,
  requirement: string,
  isOne: (given: unknown) => boolean,
  objectionTo: (one: TThing) => Refusal | undefined = () => undefined,
): Kind<TThing> {
  return {
    type,
    unit: '',
    limits: '',
    read: (given) =>
      isOne(given) ? (objectionTo(given as TThing) ?? (given as TThing)) : new Refusal(requirement),
  }
}

const isFunction = (value: unknown) => typeof value === 'function'
const memberOf = (value: unknown, name: string) =>
  (value as Readonly<Record<string, unknown>> | null | undefined)?.[name]

export const trackedThing = thing<Tracked>(
  'Tracked',
  'it must have a method has(id), as a Map or a Set does',
  (given) => isFunction(memberOf(given, 'has')),
  objectionToTracked,
)

/** A Map or a Set of names or short ids would answer `false` for every container, and all would be removed. */
function objectionToTracked(tracked: Tracked): Refusal | undefined {
  if (types.isWeakMap(tracked) || types.isWeakSet(tracked)) {
    return new Refusal('it cannot hold container ids', 'a WeakMap or WeakSet')
  }
  const kind = wordKind(tracked)
  if (kind !== undefined) {
    return new Refusal('its has() does not take container ids; give a Map or a Set', kind)
  }
  const { ready } = tracked as { readonly ready?: unknown }
  if (ready !== undefined && !isFunction(ready)) {
    return new Refusal('its ready must be a method', `{ ready: ${show(ready)} }`)
  }
  const wrong = firstWrongKey(tracked)
  return (
    wrong &&
    new Refusal(
      'keys must be full container ids of 64 lower-case hexadecimal digits; for other keys give { has: (id, container) => … }',
      `its key ${show(wrong.key)}`,
    )
  )
}

const dockerodeForm = 'it must be an address or a Dockerode instance'

/** Connection settings given by mistake may contain a private key, so the value is never shown. */
export const engine = textKind<EngineClient | string, ''>('', {
  type: 'EngineClient | string',
  placeholder: 'URL',
  requirement: dockerodeForm,
  textRequirement: 'it must be the address of an engine',
  read: (given) => {
    if (typeof given === 'string') return given
    const isInstance = isFunction(memberOf(memberOf(given, 'modem'), 'dial'))
    return isInstance ? (given as EngineClient) : new Refusal(dockerodeForm, kindOf(given))
  },
  parse: (text) => text || undefined,
})

export const beforeRemove = thing<BeforeRemove>('BeforeRemove', 'it must be a function', isFunction)

const levels = ['debug', 'info', 'warn', 'error'] as const satisfies readonly (keyof Logger)[]
export const logger = thing<Logger>(
  'Logger',
  'it must be a pino logger, or have the methods debug, info, warn and error',
  (given) => {
    if (!levels.every((name) => isFunction(memberOf(given, name)))) return false
    const isLevelEnabled = memberOf(given, 'isLevelEnabled')
    return isLevelEnabled === undefined || isFunction(isLevelEnabled)
  },
)

export const inspect = thing<Inspect>(
  'Inspect',
  'it must be a function or an observer',
  (given) => isFunction(given) || isFunction(memberOf(given, 'next')),
)
