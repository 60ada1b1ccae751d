import { toEngineError } from '../../../src/engine/failure.ts'
import { readListing } from '../../../src/engine/listing.ts'
import { PastListing } from '../../../src/engine/past-listing.ts'
import type { Listing } from '../../../src/engine/port.ts'
import { labelsToKeep, ownedByLabel } from '../../../src/policy/ownership.ts'
import type { SameWords } from '../../support/same-words.ts'
import type { Fault, Lie } from '../plan.ts'
import type { Random } from '../random.ts'
import { keepLabel, ownerLabel, ownerValue, type Setting } from '../setting.ts'
import type { Word } from '../vocabulary.ts'
import { bears, type Body, networkModeOf } from './body.ts'
import { address } from './wire.ts'

type Entry = Record<string, unknown>

export interface ListingOptions {
  readonly bodies: readonly Body[]
  readonly lies: ReadonlySet<Lie>
  readonly label: string | undefined
  readonly nowMs: number
  readonly listsNetworks: boolean
  readonly random: Random
  readonly note: (word: Word) => void
}

/** What the engine writes into a listing: the true state, and its lies. */
export function entriesOf(options: ListingOptions): readonly Entry[] {
  const { bodies, lies, label, nowMs, listsNetworks, random, note } = options
  if (lies.has('elsewhere')) {
    note('lie:elsewhere')
    return []
  }
  const isStale = lies.has('stale') && random.chance(0.7)
  const asOfMs = nowMs - (isStale ? random.between(1000, 60_000) : 0)
  const ghostsSinceMs = asOfMs - (lies.has('ghosts') ? 20_000 : 0)
  const filter = lies.has('ignores-filter') ? undefined : label
  if (isStale) note('lie:stale')
  if (filter !== label) note('lie:ignores-filter')
  const entries: Entry[] = []
  for (const body of bodies) {
    const { createdMs, removedMs, labels } = body
    if (createdMs > asOfMs || (removedMs !== undefined && removedMs <= ghostsSinceMs)) continue
    if (removedMs !== undefined && removedMs <= nowMs && !isStale) note('lie:ghosts')
    if (filter !== undefined && !bears(labels, filter)) continue
    if (lies.has('omits') && random.chance(0.25)) note('lie:omits')
    else entries.push(...entriesFor(body, lies, listsNetworks, random, note))
  }
  if (!lies.has('duplicates') || entries.length === 0) return entries
  note('lie:duplicates')
  return [...entries, ...entries.slice(0, 3)]
}

function entriesFor(
  body: Body,
  lies: ReadonlySet<Lie>,
  listsNetworks: boolean,
  random: Random,
  note: ListingOptions['note'],
): readonly Entry[] {
  const { id, name, labels, imageId, createdAtMs, isOverLimit, listedState } = body
  const entry: Entry = {
    Id: id,
    Names: [`/${name}`],
    Image: 'busybox:test',
    ImageID: imageId,
    State: listedState,
    Created: createdAtMs / 1000,
    Labels: labels,
    HostConfig: listsNetworks ? { NetworkMode: networkModeOf(body) } : {},
  }
  if (isOverLimit || (lies.has('over-limit') && random.chance(0.2))) {
    note(isOverLimit ? 'engine:over-limit' : 'lie:over-limit')
    // Not every engine need write the id first.
    return [{ overLimit: !isOverLimit && random.chance(0.2) ? { Labels: {}, Id: id } : entry }]
  }
  if (lies.size === 0) return [entry]
  if (lies.has('short-ids')) {
    note('lie:short-ids')
    entry['Id'] = id.slice(0, 12)
  }
  if (lies.has('misshapen')) {
    note('lie:misshapen')
    entry['Labels'] = ['wrong']
  }
  if (lies.has('lacks-fields') && random.chance(0.3)) {
    note('lie:lacks-fields')
    const field = random.pick(['Names', 'ImageID', 'State', 'Created', 'HostConfig'])
    if (field !== 'Names' || mayLackName(name)) delete entry[field]
  }
  if (lies.has('nameless') && mayLackName(name)) {
    note('lie:nameless')
    entry['Names'] = random.pick([null, []])
  }
  // Answers that got mixed up: another container's labels stand in the entry.
  if (lies.has('mixes-up') && labels[ownerLabel] !== ownerValue) {
    note('lie:mixes-up')
    entry['Labels'] = { [ownerLabel]: ownerValue }
  }
  if (lies.has('twice') && random.chance(0.3)) {
    note('lie:twice')
    return [
      entry,
      {
        ...entry,
        ...random.pick([
          { State: 'exited' },
          { Created: createdAtMs / 1000 - 86_400 },
          { Names: ['/other'] },
        ]),
      },
    ]
  }
  const isOtherwise = labels[ownerLabel] !== ownerValue || Object.hasOwn(labels, keepLabel)
  if (!lies.has('contradicts') || !(isOtherwise || random.chance(0.1))) return [entry]
  note('lie:contradicts')
  const other = { ...entry, Labels: isOtherwise ? { [ownerLabel]: ownerValue } : {} }
  return random.chance(0.5) ? [entry, other] : [other, entry]
}

/** Where an inspection does not show it, only its name identifies a pod's infra container, or one named like an id. */
function mayLackName(name: string): boolean {
  return !(name.endsWith('-infra') || /^[0-9a-f]{64}$/.test(name))
}

const ownership = ownedByLabel({ label: ownerLabel, value: ownerValue })
/** As it is where the agent has a session. */
const anyOwnership = ownedByLabel({ label: ownerLabel, anyValue: true })
const noBytes = { bytes: new Uint8Array(), start: 0, end: 0 }

/** Read by the real reader of entries: what it does not accept is unknown. */
export function listingOf(
  entries: readonly Entry[],
  engineNowMs: number | undefined,
  inSameWords: SameWords,
  { hasSessions }: Pick<Setting, 'hasSessions'>,
): Listing {
  try {
    const reading = new PastListing(labelsToKeep(hasSessions ? anyOwnership : ownership)).read()
    for (const entry of entries) {
      const { overLimit } = entry
      if (overLimit === undefined) reading.changed(entry, noBytes)
      else reading.tooLarge(Buffer.from(JSON.stringify(overLimit)), 'it is over the limit')
    }
    const { containers, unidentified } = reading.end()
    return { containers: inSameWords(containers), unidentified, engineNowMs, bytes: entries.length * 800 }
  } catch (thrown) {
    throw toEngineError(thrown, { verb: 'list', address })
  }
}

/** Bodies that are no listing. */
export const brokenBodies: readonly Fault[] = ['web-page', 'cut-off', 'null']

/** Read by the real reader of bodies, from bytes. */
export function readBroken(fault: Fault, entries: readonly Entry[]): Promise<unknown> {
  const whole = JSON.stringify(entries)
  const text = fault === 'web-page' ? '<html>sign in</html>' : fault === 'null' ? 'null' : whole.slice(0, -1)
  const body = (async function* () {
    yield Buffer.from(text)
  })()
  return readListing(body, async () => {})
}
