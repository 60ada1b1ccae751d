import type * as z from 'zod'

import { coverableStates, dataOptions, durationForms, labelForm, labelName } from './data-options.ts'
import { OptionError } from './errors.ts'
import { show } from './show.ts'

/** What is wrong with the data options, in a sentence that names the option, its value and what is allowed. */
export function complaintAbout(input: Record<string, unknown>, issue: z.core.$ZodIssue): OptionError {
  const [first, second] = issue.path
  const isOwnersOwn = first === 'owner' && issue.code === 'unrecognized_keys' && issue.keys[0] === 'value'
  if (isOwnersOwn) return ownerError(input['owner'])
  if (issue.code === 'unrecognized_keys') {
    const name = [...issue.path, issue.keys[0]].join('.')
    return new OptionError(name, `unknown option ${name}; allowed: ${namesIn(first).join(', ')}`)
  }
  if (first === 'owner') return ownerError(input['owner'])
  const name = issue.path.join('.')
  const value = issue.path.reduce<unknown>((part, key) => (part as Record<PropertyKey, unknown>)[key], input)
  const allowed = issue.code === 'custom' ? issue.message : allowedBy(issue, first, second)
  return new OptionError(name, `option ${name}: ${show(value)} is not allowed; ${allowed}`)
}

/** The options that there are, or the parts of one. */
function namesIn(option: PropertyKey | undefined): readonly string[] {
  if (option === 'owner') return ['owner.label', 'owner.value', 'owner.anyValue']
  if (option === 'backoff') return ['backoff.min', 'backoff.max']
  return [...Object.keys(dataOptions.shape), 'tracked', 'engine', 'beforeRemove', 'logger', 'inspect']
}

function allowedBy(
  issue: z.core.$ZodIssue,
  option: PropertyKey | undefined,
  part: PropertyKey | undefined,
): string {
  if (option === 'states') {
    return `it must be ${part === undefined ? 'a list of one or more' : 'one'} of ${coverableStates.join(', ')}`
  }
  if (option === 'maxDanglingShare') return 'it must be a number above 0 and up to 1'
  if (issue.code === 'invalid_union') return `it must be ${durationForms}`
  if (issue.code === 'too_small') return `it must be at least ${issue.minimum}`
  if (issue.code === 'too_big') return `it must be at most ${issue.maximum}`
  if (issue.code === 'invalid_value') return `it must be ${issue.values.map(show).join(' or ')}`
  if (option === 'backoff') return 'it must be an object { min, max } of durations'
  if (issue.code === 'invalid_type')
    return `it must be ${issue.expected === 'int' ? 'a whole number' : `a ${issue.expected}`}`
  return issue.message
}

function ownerError(owner: unknown): OptionError {
  const { label, value, anyValue } = (typeof owner === 'object' && owner !== null ? owner : {}) as Record<
    string,
    unknown
  >
  const form = "owner must be { label, value } with this agent's own value, or { label, anyValue: true }"
  if (typeof owner !== 'object' || owner === null || Array.isArray(owner)) {
    return new OptionError('owner', `option owner: ${show(owner)} is not allowed; ${form}`)
  }
  if (typeof label !== 'string' || !labelName.safeParse(label).success) {
    return new OptionError('owner.label', `option owner.label: ${show(label)} is not allowed; ${labelForm}`)
  }
  if (value === undefined && anyValue !== true) {
    return new OptionError('owner.value', `option owner.value is missing for the label ${label}; ${form}`)
  }
  if (value === '')
    return new OptionError(
      'owner.value',
      `option owner.value: "" is not allowed for the label ${label}; ${form}`,
    )
  return new OptionError('owner', `option owner: ${show(owner)} is not allowed; ${form}`)
}
