import { isSessionId, type LeaseStore, type Session } from '../domain/session.ts'
import { kindOf, show } from '../domain/show.ts'
import { isLabelName, isPlainObject, type TextKind, textKind } from './kinds.ts'
import { Refusal } from './refusal.ts'

/**
 * A label that marks containers as the agent's own: with one exact value, with the id of a session as the value or,
 * explicitly, with any value.
 *
 * With `session` the containers of other sessions are owned too. They are removed after their session has ended. `leases`
 * is the same for a process without a session, which has no containers of its own.
 */
export type OwnerLabel = { readonly label: string } & (
  | {
      readonly value: string
      readonly anyValue?: false | undefined
      readonly session?: never
      readonly leases?: never
    }
  | { readonly anyValue: true; readonly value?: never; readonly session?: never; readonly leases?: never }
  | {
      readonly session: Session
      readonly anyValue?: false | undefined
      readonly value?: never
      readonly leases?: never
    }
  | {
      readonly leases: LeaseStore
      readonly anyValue?: false | undefined
      readonly value?: never
      readonly session?: never
    }
)

/** A label without a value, which only the command takes: the store of `--sessions` completes it. */
export interface BareLabel {
  readonly label: string
  readonly value?: undefined
  readonly anyValue?: undefined
  readonly session?: undefined
}

/** The label that names a container's image, as proof that its owner label does not come from there. */
export function imageLabelOf({ label }: OwnerLabel): string {
  return `${label}.image`
}

/** The owner's name in events and log lines. It includes the label that narrows a preset, or the id of the own session. */
export function nameOfOwner(owner: OwnerLabel | BareLabel | undefined, preset: string | undefined): string {
  const value = owner?.session?.id ?? owner?.value ?? (owner?.anyValue ? '*' : undefined)
  const label = owner && (value === undefined ? owner.label : `${owner.label}=${value}`)
  return [preset, label].filter((part) => part !== undefined).join(' ')
}

const requirement =
  'it must be { label, value } with this agent\'s own value, { label, session }, { label, leases } or { label, anyValue: true }; a label must not be empty, and must not contain spaces or "="'

export function ownerLabel(): TextKind<OwnerLabel, '', OwnerLabel | BareLabel> {
  return textKind<OwnerLabel, '', OwnerLabel | BareLabel>('', {
    type: 'OwnerLabel',
    placeholder: 'KEY=VALUE',
    requirement,
    textRequirement:
      'it must be KEY=VALUE, KEY=* for any value, or KEY alone with --sessions; neither part may be empty, and KEY must not contain spaces',
    read: (given) =>
      isPlainObject(given) ? (readOwner(given) ?? new Refusal(requirement, shownOwner(given))) : undefined,
    parse: (text) => {
      const [, label, value] = /^([^\s=]+)(?:=(.+))?$/s.exec(text) ?? []
      if (label === undefined) return undefined
      if (value === undefined) return { label }
      return value === '*' ? { label, anyValue: true } : { label, value }
    },
  })
}

function readOwner(given: Readonly<Record<string, unknown>>): OwnerLabel | Refusal | undefined {
  const { label, value, anyValue, session, leases, ...others } = given
  if (typeof label !== 'string' || !isLabelName(label) || Object.keys(others).length > 0) return undefined
  // `value: undefined` is a value that was forgotten, and must not mean any value.
  const named = ['value', 'session', 'leases'].filter((name) => name in given)
  if (anyValue === true) return named.length > 0 ? undefined : { label, anyValue }
  if (named.length !== 1 || (anyValue !== undefined && anyValue !== false)) {
    return named.length > 1 ? new Refusal(`${tooMany}: ${named.join(', ')}`, shownOwner(given)) : undefined
  }
  if ('session' in given) return readSession(label, session)
  if ('leases' in given) return readLeases(label, leases)
  return typeof value === 'string' && value !== '' ? { label, value } : undefined
}

const tooMany = 'it must have only one of value, session and leases, and not'

function readSession(label: string, session: unknown): OwnerLabel | Refusal {
  const refuse = (why: string) => new Refusal(why, shownOwner({ label, session }))
  if (isFunction(memberOf(session, 'then')))
    return refuse('its session is a promise; give what openSession() resolves with, by await')
  const id = memberOf(session, 'id')
  if (typeof id !== 'string' || !isSessionId(id) || !isStore(memberOf(session, 'leases')))
    return refuse('its session must be what openSession() resolves with')
  return { label, session: session as Session }
}

function readLeases(label: string, leases: unknown): OwnerLabel | Refusal {
  return isStore(leases)
    ? { label, leases: leases as LeaseStore }
    : new Refusal('its leases must have the method isHeld(id)', shownOwner({ label, leases }))
}

const isFunction = (value: unknown) => typeof value === 'function'
const memberOf = (value: unknown, name: string) =>
  (value as Readonly<Record<string, unknown>> | null | undefined)?.[name]
const isStore = (store: unknown) => {
  const list = memberOf(store, 'list')
  return isFunction(memberOf(store, 'isHeld')) && (list === undefined || isFunction(list))
}

/** A lease store may hold credentials, so neither it nor a session is ever shown. */
export function shownOwner(owner: unknown): string | undefined {
  if (!isPlainObject(owner) || !('session' in owner || 'leases' in owner)) return undefined
  const { label, session, leases } = owner
  const hidden = [
    ...('session' in owner ? [`session: ${kindOf(session)}`] : []),
    ...('leases' in owner ? [`leases: ${kindOf(leases)}`] : []),
  ]
  return `{ label: ${show(label)}, ${hidden.join(', ')} }`
}
