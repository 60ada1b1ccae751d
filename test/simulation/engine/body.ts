import type { Trouble } from '../plan.ts'

/** A container as it truly is, whatever a listing says of it. */
export interface Body {
  readonly id: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly imageId: string
  readonly networkMode: string
  /** Whose network it truly uses, however the mode calls it. */
  readonly holderId: string | undefined
  /** By the world's time, and by the engine's clock of that moment. */
  readonly createdMs: number
  readonly createdAtMs: number
  /** How soon a restart policy brings it back when it ended without being told to. */
  readonly restartsAfterMs: number | undefined
  state: string
  removedMs: number | undefined
  isRemovalUnderWay: boolean
  /** What goes wrong when it is to be removed, and how often. */
  trouble: { readonly kind: Trouble; times: number } | undefined
}

/** What may be said of a container before it is created. */
export type Draft = Pick<Body, 'id' | 'name' | 'labels' | 'imageId' | 'networkMode' | 'state'> &
  Partial<Pick<Body, 'holderId' | 'restartsAfterMs' | 'trouble'>>

export function bears(labels: Body['labels'], filter: string): boolean {
  const [key = '', value] = filter.split('=')
  return Object.hasOwn(labels, key) && (value === undefined || labels[key] === value)
}
