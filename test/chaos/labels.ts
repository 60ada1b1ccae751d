import type { Kind } from './ledger.ts'

export const owner = { label: 'com.example.agent', value: 'agent-7' } as const

/** What a container of each kind is made with; the label of `label-from-image` comes with its image. */
export const labelsOf: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  ours: { [owner.label]: owner.value },
  kept: { [owner.label]: owner.value, 'flotsam.keep': 'true' },
  'label-from-image': {},
  'other-value': { [owner.label]: `${owner.value}0` },
  unlabelled: {},
}
