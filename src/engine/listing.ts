import { createArrayScanner } from './array-scanner.ts'
import { AnswerError } from './failure.ts'
import { longestListingBytes, mostEntries } from './limits.ts'
import { PastListing } from './past-listing.ts'

// under a millisecond of scanning and parsing
const sliceBytes = 16 * 1024
/** What has not changed since the listing before is only compared, which is so many times faster. */
const comparingIsFaster = 16

export interface ReadListing {
  /** What it says, and what the next one will be read in step with. */
  readonly listing: PastListing
  readonly bytes: number
}

/**
 * Reads the body of a listing as it arrives, in slices with a breath between, so that neither its size nor its speed
 * blocks the event loop. Rejects with an `AnswerError` for everything but one whole and valid array, and for one over a limit.
 * An entry that cannot be read, or is over a limit of its own, costs no more than what it would have said.
 *
 * An entry that says what it did in the listing before is not read again: its summary is the same object, and a listing
 * that says nothing new is the same one.
 */
export async function readListing(
  body: AsyncIterable<Uint8Array>,
  breathe: () => Promise<void>,
  before = new PastListing(),
): Promise<ReadListing> {
  const reading = before.read()
  let comparedBytes = 0
  const scanner = createArrayScanner({
    get expected() {
      return reading.expected
    },
    again(stretch) {
      countEntry()
      comparedBytes += stretch.end - stretch.start
      reading.again(stretch)
    },
    changed: (value, stretch) => {
      countEntry()
      reading.changed(value, stretch)
    },
    tooLarge: (head, why) => {
      countEntry()
      reading.tooLarge(head, why)
    },
  })
  let entries = 0
  function countEntry(): void {
    if (++entries > mostEntries) throw new AnswerError(`the listing has more than ${mostEntries} entries`)
  }
  let bytes = 0
  let sinceBreath = 0
  for await (const chunk of body) {
    for (let from = 0; from < chunk.length; from += sliceBytes) {
      const slice = chunk.subarray(from, from + sliceBytes)
      comparedBytes = 0
      scanner.push(slice)
      bytes += slice.length
      if (bytes > longestListingBytes)
        throw new AnswerError(`the listing is longer than ${longestListingBytes} bytes`)
      const savedBytes = comparedBytes - comparedBytes / comparingIsFaster
      sinceBreath += Math.max(0, slice.length - savedBytes)
      if (sinceBreath >= sliceBytes) {
        sinceBreath = 0
        await breathe()
      }
    }
  }
  scanner.end()
  return { listing: reading.end(), bytes }
}
