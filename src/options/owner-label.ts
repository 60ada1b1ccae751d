import { isLabelName, isPlainObject, type TextKind, textKind } from './kinds.ts'

/** A label that marks a container as the agent's own: with one exact value or, explicitly, with any value. */
export type OwnerLabel =
  | { readonly label: string; readonly value: string; readonly anyValue?: false | undefined }
  | { readonly label: string; readonly anyValue: true; readonly value?: never }

/** The label that names a container's image, as proof that its owner label does not come from there. */
export function imageLabelOf({ label }: OwnerLabel): string {
  return `${label}.image`
}

/** The owner's name in events and log lines. It includes the label that narrows a preset. */
export function nameOfOwner(owner: OwnerLabel | undefined, preset: string | undefined): string {
  const label = owner && `${owner.label}=${owner.value ?? '*'}`
  return [preset, label].filter((part) => part !== undefined).join(' ')
}

export function ownerLabel(): TextKind<OwnerLabel> {
  return textKind('', {
    type: 'OwnerLabel',
    placeholder: 'KEY=VALUE',
    requirement:
      'it must be { label, value } with this agent\'s own value, or { label, anyValue: true }; a label must not be empty, and must not contain spaces or "="',
    textRequirement:
      'it must be KEY=VALUE, or KEY=* for any value; neither part may be empty, and KEY must not contain spaces',
    read: (given) => (isPlainObject(given) ? readOwner(given) : undefined),
    parse: (text) => {
      const [, label, value] = /^([^\s=]+)=(.+)$/s.exec(text) ?? []
      if (label === undefined || value === undefined) return undefined
      return value === '*' ? { label, anyValue: true } : { label, value }
    },
  })
}

function readOwner(given: Readonly<Record<string, unknown>>): OwnerLabel | undefined {
  const { label, value, anyValue, ...others } = given
  if (typeof label !== 'string' || !isLabelName(label) || Object.keys(others).length > 0) return undefined
  // `value: undefined` is a value that was forgotten, and must not mean any value.
  if (anyValue === true) return 'value' in given ? undefined : { label, anyValue }
  const isExact = typeof value === 'string' && value !== '' && (anyValue === undefined || anyValue === false)
  return isExact ? { label, value } : undefined
}
