import type { Departure } from './ledger.ts'
import type { Passage } from './proxy.ts'
import { harmIn } from './wire.ts'

/** What Flotsam says of a container's end. */
export interface Said {
  readonly word: 'removed' | 'vanished'
  /** Of `removed`: what it rests on. */
  readonly confirmedBy?: 'answer' | 'scan'
  readonly id: string
  /** The life of Flotsam that says it. */
  readonly life: number
}

export interface WhatHappened {
  readonly departures: readonly Departure[]
  readonly passages: readonly Passage[]
  /** Its creator requested its removal too, or it removes itself when it ends, or its creator is unknown. */
  readonly couldBeOthers: boolean
}

/**
 * What contradicts the report at the moment at which it is made. `removed` means that the engine confirmed our removal, by
 * its answer or by a later scan; `vanished` that it was not our request that removed it.
 */
export function lieIn(said: Said, { departures, passages, couldBeOthers }: WhatHappened): string | undefined {
  const { confirmedBy, id, life, word } = said
  const left = departures.filter((one) => one.life === life && one.verb === 'remove')
  const arrived = removalsOf(id, passages).filter((one) => one.life === life)
  if (word === 'vanished') {
    return arrived.some(isConfirmed) && !couldBeOthers
      ? 'the engine carried its removal out, and no other client requested it'
      : undefined
  }
  if (left.length === 0) return 'no removal of it was ever sent'
  if (confirmedBy === 'answer') {
    return arrived.some((one) => isConfirmed(one) && isReceived(one))
      ? undefined
      : 'no answer of the engine confirms it'
  }
  return arrived.filter(isRefused).length >= left.length
    ? 'the engine refused every removal of it'
    : undefined
}

/** Every removal of one container that came as far as the proxy. */
export function removalsOf(id: string | undefined, passages: readonly Passage[]): readonly Passage[] {
  return passages.filter(({ method, path }) => {
    const harm = harmIn(method, path)
    return harm?.verb === 'remove' && harm.target === id
  })
}

export function isConfirmed({ status }: { readonly status: number | undefined }): boolean {
  return status === 200 || status === 204
}

/** The engine's answer came through. */
function isReceived({ struckBy }: Passage): boolean {
  return struckBy !== 'loses-answer' && struckBy !== 'swallows-answer'
}

function isRefused(passage: Passage): boolean {
  return isReceived(passage) && passage.status !== undefined && !isConfirmed(passage)
}
