import type { ContainerSummary } from '../domain/container.ts'
import { type ContainerId, parseContainerId } from '../domain/ids.ts'
import { asRecord } from './as-record.ts'
import { AnswerError } from './failure.ts'
import type { Expectation, Span, Stretch } from './follower.ts'
import type { Unidentified } from './port.ts'
import { findStatusText } from './status-text.ts'
import { allLabels, type Keeping, type LabelsOf, readSummary, unreadableSummary } from './summary.ts'

/** Texts that many containers have in common, such as the id of their image, are kept once; so many of them at most. */
const sharedTexts = 1000

/** So many entries may have a copy of their own, or this share of all. Each costs some 200 bytes more than its bytes. */
const copiesAtMost = 64
const copiesShare = 1 / 8
const mostCopiesOf = (count: number) => Math.max(copiesAtMost, count * copiesShare)

/** Where some have gone from a listing, the next one is looked for among so many before all are put in order of their ids. */
const searchedAhead = 100

/**
 * A listing as it was read: what it says of each container, and the bytes that say so. A later listing with the same
 * bytes says the same, so that a scan at which nothing has changed parses nothing and makes no new objects.
 */
export class PastListing {
  /** In the engine's order. Where a listing says what the one before did, this is the same array. */
  readonly containers: readonly ContainerSummary[]
  /** The entries that may be any container. */
  readonly unidentified: Unidentified | undefined
  readonly #entries: Entries
  readonly #texts: Map<string, string>
  readonly #labelsOf: LabelsOf
  #indexes: ReadonlyMap<ContainerId, number> | undefined

  constructor(labelsOf: LabelsOf = allLabels, read?: Read) {
    this.containers = read?.containers ?? []
    this.unidentified = read?.unidentified
    this.#entries = read?.entries ?? new Entries()
    this.#texts = read?.texts ?? new Map<string, string>()
    this.#labelsOf = labelsOf
  }

  /** The bytes of all buffers that are held for its entries, for the limit on them. */
  get heldBytes(): number {
    return this.#entries.heldBytes
  }

  /** Begins to read the listing that comes after this one. */
  read(): Reading {
    return new Reading(this, this.#entries, this.#texts, this.#labelsOf)
  }

  /** Where it was in the listing; undefined where it was not. Most likely soon after the entry that was expected. */
  indexOf(id: ContainerId, expectedAt: number): number | undefined {
    const { containers } = this
    const nearEnd = Math.min(containers.length, expectedAt + searchedAhead)
    for (let index = expectedAt; index < nearEnd; index++) if (containers[index]?.id === id) return index
    this.#indexes ??= new Map(this.containers.map((container, index) => [container.id, index]))
    return this.#indexes.get(id)
  }
}

/** What was read. */
interface Read extends Pick<PastListing, 'containers' | 'unidentified'> {
  readonly entries: Entries
  readonly texts: Map<string, string>
}

/**
 * A listing that is being read, in step with the one before it. As long as it says the same it is the same: nothing is
 * copied before the first difference.
 */
export class Reading {
  readonly #before: PastListing
  readonly #old: Entries
  readonly #texts: Map<string, string>
  readonly #keeping: Keeping
  readonly #labelsOf: LabelsOf
  /** Which entry of the one before is expected next. */
  #next = 0
  #count = 0
  #copied = 0
  #unidentified: Unidentified | undefined
  /** Undefined while all that came is what the one before began with. */
  #containers: ContainerSummary[] | undefined
  #entries: Entries | undefined
  /** Whether the entries take the bytes that come now, since there are no old ones or these are too scattered. */
  readonly #renews: boolean

  constructor(before: PastListing, old: Entries, texts: Map<string, string>, labelsOf: LabelsOf) {
    this.#before = before
    this.#old = old
    this.#texts = texts
    this.#labelsOf = labelsOf
    this.#keeping = { share: this.#share, labelsOf }
    this.#renews = before.containers.length === 0 || old.isScattered
    if (this.#renews) this.#entries = new Entries()
  }

  /** The bytes of the entry that comes next where nothing has changed; undefined after the last one. */
  get expected(): Expectation | undefined {
    return this.#old.expectationOf(this.#next)
  }

  /** The expected entry has come, in these bytes. */
  again(stretch: Stretch): void {
    const at = this.#next++
    this.#count++
    this.#containers?.push(this.#before.containers[at] as ContainerSummary)
    if (this.#renews) this.#entries?.add(stretch, this.#old.unreadMovedTo(stretch, at))
    else this.#entries?.addFrom(this.#old, at)
  }

  /** Another entry has come. Where it is a changed one of the past, what followed it then is expected now. */
  changed(value: unknown, stretch: Stretch): void {
    const container = this.#read(value)
    if (container) this.#take(container, stretch)
  }

  /** An entry over a limit has come, which begins so. */
  tooLarge(head: Uint8Array, why: string): void {
    const id = firstId.exec(Buffer.from(head).toString('latin1'))?.[1]
    const container = this.#unread(id, why)
    if (container) this.#take(container, noBytes)
  }

  #read(value: unknown): ContainerSummary | undefined {
    try {
      return readSummary(value, this.#keeping)
    } catch (thrown) {
      if (!(thrown instanceof AnswerError)) throw thrown
      return this.#unread(asRecord(value)?.['Id'], thrown.message)
    }
  }

  /** The entry costs no more than what it would have said: of a container whose id is known, that is all but its id. */
  #unread(id: unknown, why: string): ContainerSummary | undefined {
    const known = parseContainerId(id)
    if (known) return unreadableSummary(known, why)
    const { count, first } = this.#unidentified ?? { count: 0, first: `entry ${this.#count + 1}: ${why}` }
    this.#unidentified = { count: count + 1, first }
    return undefined
  }

  #take(container: ContainerSummary, stretch: Stretch): void {
    const index = this.#before.indexOf(container.id, this.#next)
    const past = index === undefined ? undefined : this.#before.containers[index]
    const isUnreadAgain = past?.unreadable !== undefined && past.unreadable === container.unreadable
    if (isUnreadAgain && index === this.#next) return this.#unreadAgain(past, stretch)
    this.#containers ??= this.#before.containers.slice(0, this.#count)
    this.#entries ??= this.#old.first(this.#count)
    this.#count++
    this.#containers.push(container)
    if (this.#renews || this.#isWorthNoCopies) this.#entries.add(stretch)
    else this.#copy(this.#entries, stretch)
    if (index !== undefined) this.#next = index + 1
  }

  #copy(entries: Entries, stretch: Stretch): void {
    this.#copied++
    entries.addCopy(stretch)
  }

  /** Where so much has changed, the next listing stores all entries again. */
  get #isWorthNoCopies(): boolean {
    return this.#copied > mostCopiesOf(this.#before.containers.length)
  }

  /** What could not be read before cannot be read now, whatever its bytes are. */
  #unreadAgain(past: ContainerSummary, stretch: Stretch): void {
    const at = this.#next++
    this.#count++
    this.#containers?.push(past)
    if (this.#renews) this.#entries?.add(stretch)
    else this.#entries?.addFrom(this.#old, at)
  }

  /** The whole listing has come. */
  end(): PastListing {
    const before = this.#before
    const unidentified = this.#unidentified
    const isSame = this.#containers === undefined && this.#count === before.containers.length
    const isSameBut = isSame && unidentified === undefined && before.unidentified === undefined
    if (isSameBut && (!this.#renews || this.#count === 0)) return before
    const containers = isSame
      ? before.containers
      : (this.#containers ?? before.containers.slice(0, this.#count))
    const entries = this.#entries ?? this.#old.first(this.#count)
    return new PastListing(this.#labelsOf, { containers, unidentified, entries, texts: this.#texts })
  }

  /** The same text, as the same string where it was met before. */
  readonly #share = (text: string): string => {
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    if (this.#texts.size >= sharedTexts) this.#texts.clear()
    this.#texts.set(text, text)
    return text
  }
}

/** Engines write the id first. A text cannot look like it, since its quotes are escaped. */
const firstId = /^\s*\{\s*"Id"\s*:\s*"([0-9a-f]{64})"/
const noBytes: Stretch = { bytes: new Uint8Array(), start: 0, end: 0 }

/** In the place of an index. */
const notFound = -1

/**
 * The bytes of each entry. What came in one listing lies close together in the buffers that it came in; an entry that
 * changes later gets a copy of its own, so that it keeps none of the buffers of a whole listing alive.
 */
class Entries {
  // plain arrays: an object for each entry would take more memory than many an entry
  #buffers: Uint8Array[] = []
  #starts: number[] = []
  #ends: number[] = []
  #unreadStarts: number[] = []
  #unreadEnds: number[] = []
  #copies = 0
  /** How many came in the listing whose buffers most of them are in. */
  #cameTogether = 0

  /** Whether so many have a copy of their own, or are gone of those that came together, that all had better be stored again. */
  get isScattered(): boolean {
    const count = this.#starts.length
    return this.#copies > mostCopiesOf(count) || count < this.#cameTogether / 2
  }

  get heldBytes(): number {
    const buffers = new Set(this.#buffers.map(({ buffer }) => buffer))
    return [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0)
  }

  /** The first so many, to go on from. */
  first(count: number): Entries {
    const first = new Entries()
    first.#buffers = this.#buffers.slice(0, count)
    first.#starts = this.#starts.slice(0, count)
    first.#ends = this.#ends.slice(0, count)
    first.#unreadStarts = this.#unreadStarts.slice(0, count)
    first.#unreadEnds = this.#unreadEnds.slice(0, count)
    first.#copies = this.#copies
    first.#cameTogether = this.#cameTogether
    return first
  }

  /** Keeps the buffer that it came in. */
  add(stretch: Stretch, unread?: Span): void {
    this.#cameTogether++
    this.#push(stretch, unread?.start ?? notFound, unread?.end ?? notFound)
  }

  addCopy({ bytes, start, end }: Stretch): void {
    this.#copies++
    const copy = Uint8Array.prototype.slice.call(bytes, start, end)
    this.#push({ bytes: copy, start: 0, end: end - start }, notFound, notFound)
  }

  #push({ bytes, start, end }: Stretch, unreadStart: number, unreadEnd: number): void {
    this.#buffers.push(bytes)
    this.#starts.push(start)
    this.#ends.push(end)
    this.#unreadStarts.push(unreadStart)
    this.#unreadEnds.push(unreadEnd)
  }

  addFrom(other: Entries, at: number): void {
    this.#buffers.push(other.#buffers[at] as Uint8Array)
    this.#starts.push(other.#starts[at] as number)
    this.#ends.push(other.#ends[at] as number)
    this.#unreadStarts.push(other.#unreadStarts[at] as number)
    this.#unreadEnds.push(other.#unreadEnds[at] as number)
  }

  expectationOf(at: number): Expectation | undefined {
    const bytes = this.#buffers[at]
    // nothing was kept of an entry over a limit
    if (bytes === undefined || this.#starts[at] === this.#ends[at]) return undefined
    return new ExpectedEntry(this, at, bytes, this.#starts[at] as number, this.#ends[at] as number)
  }

  /** Where the unused text is in these bytes, which are those of an entry but for that text. */
  unreadMovedTo({ start, end }: Stretch, at: number): Span | undefined {
    const unreadStart = this.#unreadStarts[at] as number
    if (unreadStart === notFound) return undefined
    return {
      start: start + (unreadStart - (this.#starts[at] as number)),
      end: end - ((this.#ends[at] as number) - (this.#unreadEnds[at] as number)),
    }
  }

  /** Searched for where an entry is no longer what it was, up to where it differs, and remembered. */
  unreadOf(at: number, entry: Stretch, upTo: number): Span | undefined {
    const start = this.#unreadStarts[at] as number
    if (start !== notFound) return { start, end: this.#unreadEnds[at] as number }
    const found = findStatusText(entry, upTo)
    this.#unreadStarts[at] = found?.start ?? notFound
    this.#unreadEnds[at] = found?.end ?? notFound
    return found
  }
}

/** One for each entry of each listing, so it is made of no more than it takes. */
class ExpectedEntry implements Expectation {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  readonly #entries: Entries
  readonly #at: number

  constructor(entries: Entries, at: number, bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes
    this.start = start
    this.end = end
    this.#entries = entries
    this.#at = at
  }

  unread(upTo: number): Span | undefined {
    return this.#entries.unreadOf(this.#at, this, upTo)
  }
}
