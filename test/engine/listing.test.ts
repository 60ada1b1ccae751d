import * as fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { type ContainerId, parseContainerId } from '../../src/domain/ids.ts'
import { createArrayScanner, type Elements } from '../../src/engine/array-scanner.ts'
import { AnswerError } from '../../src/engine/failure.ts'
import { deepestNesting, longestEntryBytes, longestListingBytes } from '../../src/engine/limits.ts'
import { readListing } from '../../src/engine/listing.ts'
import type { PastListing } from '../../src/engine/past-listing.ts'
import { unreadableSummary } from '../../src/engine/summary.ts'
import { createFakeClock } from '../support/fake-clock.ts'

/** Scans a text whose bytes arrive split at these offsets. */
function scan(text: string | Buffer, cuts: readonly number[] = []): unknown[] {
  const bytes = Buffer.from(text)
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  const elements: unknown[] = []
  const scanner = createArrayScanner(collecting(elements))
  let from = 0
  for (const to of places) {
    scanner.push(bytes.subarray(from, to))
    from = to
  }
  scanner.end()
  return elements
}

/** Takes every element for a new one. */
function collecting(elements: unknown[]): Elements {
  return {
    expected: undefined,
    again: () => {
      throw new Error('nothing was expected')
    },
    changed: (element) => elements.push(element),
    tooLarge: (head, why) => elements.push({ head: Buffer.from(head).toString(), why }),
  }
}

/** What JSON.parse makes of it, where that is an array. */
function parseArray(text: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

const cutPlaces = fc.array(fc.nat(), { maxLength: 8 })
const spaces = fc.array(fc.constantFrom(' ', '\n', '\r', '\t'), { maxLength: 3 }).map((all) => all.join(''))
const strangeText = fc.array(fc.constantFrom('"', '\\', '[', ']', '{', '}', ',', 'é', '𝄞', '\n', 'a'), {
  maxLength: 9,
})
const value = fc.oneof(
  fc.jsonValue(),
  strangeText.map((all) => all.join('')),
)

describe('a listing is read as JSON.parse reads it', () => {
  test('any array, split at any bytes', () => {
    fc.assert(
      fc.property(fc.array(value), cutPlaces, spaces, spaces, (array, cuts, before, after) => {
        const text = `${before}${JSON.stringify(array, null, before.length)}${after}`
        expect(scan(text, cuts)).toEqual(JSON.parse(text))
      }),
      { numRuns: 500 },
    )
  })

  test('every single byte alone', () => {
    const array = [{ a: '[{,"\\' }, [], {}, [[]], 'é𝄞', -1.5e3, true, null, { 'k"': { deep: [1, [2]] } }]
    for (const text of [JSON.stringify(array), JSON.stringify(array, null, 2), '[]', ' [ ] ']) {
      const everyByte = Array.from({ length: Buffer.byteLength(text) }, (_, at) => at)
      expect(scan(text, everyByte)).toEqual(JSON.parse(text))
    }
  })

  test('everything that JSON.parse does not read as an array is refused, however close to one', () => {
    const fragment = fc.constantFrom(
      '[',
      ']',
      '{',
      '}',
      ',',
      ':',
      '"',
      '"a"',
      '1',
      'null',
      ' ',
      '\\',
      '{"a":1}',
      '-',
    )
    fc.assert(
      fc.property(
        fc.array(fragment, { maxLength: 12 }),
        cutPlaces,
        fc.boolean(),
        (fragments, cuts, wrapped) => {
          const text = wrapped ? `[${fragments.join('')}]` : fragments.join('')
          const expected = parseArray(text)
          if (expected === undefined) expect(() => scan(text, cuts)).toThrow(AnswerError)
          else expect(scan(text, cuts)).toEqual(expected)
        },
      ),
      { numRuns: 3_000 },
    )
  })

  test('every truncated array is refused', () => {
    const text = JSON.stringify([{ Id: 'a', Labels: { b: 'c,]' } }, { Id: 'd' }])
    for (let length = 0; length < text.length; length++) {
      expect(() => scan(text.slice(0, length)), text.slice(0, length)).toThrow(AnswerError)
    }
  })

  test.each([
    ['a page', '<html>[]</html>', 'web page'],
    ['null', 'null', 'no array'],
    ['an object', '{"message":"[]"}', 'no array'],
    ['a text', '"[]"', 'no array'],
    ['nothing', '', 'empty'],
    ['trailing garbage', '[] x', 'data after the end'],
    ['two arrays', '[][]', 'data after the end'],
    ['a trailing comma', '[1,]', 'malformed'],
    ['a missing entry', '[,1]', 'malformed'],
    ['the wrong bracket', '[1}', 'closing bracket'],
    ['a byte order mark', '\uFEFF[]', 'no array'],
  ])('%s is refused and says why', (_what, text, why) => {
    expect(() => scan(text)).toThrow(why)
  })

  test('of an entry over a limit only the beginning is kept, and the others are read', () => {
    const long = `{"Id":"long","Labels":{"a":"${'],{'.repeat(longestEntryBytes / 3)}"}}`
    const deep = `{"Id":"deep","a":${'['.repeat(deepestNesting)}${']'.repeat(deepestNesting)}}`
    const asDeepAsMayBe = JSON.parse(deep.replace('[', '').replace(']', '')) as object
    const lengths = fc.array(fc.integer({ min: 1, max: 400_000 }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(
        lengths,
        fc.shuffledSubarray([long, deep, '{"b":1}', JSON.stringify(asDeepAsMayBe)]),
        (cuts, all) => {
          const elements = scan(`[${all.join(',')}]`, cuts) as { head?: string; why?: string }[]
          const expected = all.map((text) =>
            text === long || text === deep
              ? {
                  head: text.slice(0, 1024),
                  why: text === long ? 'it is larger than 1048576 bytes' : 'it is nested more than 32 deep',
                }
              : (JSON.parse(text) as object),
          )
          expect(elements).toEqual(expected)
        },
      ),
      { numRuns: 60 },
    )
  })
})

const id = parseContainerId('a'.repeat(64)) as ContainerId
const otherId = 'b'.repeat(64)

async function* chunksOf(text: string): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.from(text))
}

async function readOne(entry: unknown) {
  const { listing } = await readListing(chunksOf(JSON.stringify([entry])), () => Promise.resolve())
  return listing.containers[0]
}

describe('an entry is reduced to the fields that the rules need', () => {
  test('every field', async () => {
    const entry = {
      Id: id,
      Names: ['/other/link', '/web'],
      Image: 'busybox:1',
      ImageID: 'sha256:abc',
      State: 'running',
      Created: 1_700_000_000,
      Labels: { 'com.example': 'x', constructor: 'y' },
      HostConfig: { NetworkMode: 'container:b' },
      Mounts: [{ Destination: '/data' }, { Destination: '/alloc' }],
      Command: 'left out',
    }
    expect(await readOne(entry)).toEqual({
      id,
      name: 'web',
      names: ['other/link', 'web'],
      image: 'busybox:1',
      imageId: 'sha256:abc',
      platform: '',
      state: 'running',
      createdAtMs: 1_700_000_000_000,
      labels: { 'com.example': 'x', constructor: 'y' },
      networkMode: 'container:b',
      mountTargets: ['/data', '/alloc'],
    })
  })

  test.each([
    ['absent', { Id: id }],
    [
      'null',
      { Id: id, Names: null, State: null, Labels: null, HostConfig: null, Mounts: null, Created: null },
    ],
  ])('what is %s is empty or undefined', async (_what, entry) => {
    expect(await readOne(entry)).toEqual({
      id,
      name: '',
      names: [],
      image: '',
      imageId: '',
      platform: '',
      state: '',
      createdAtMs: undefined,
      labels: {},
      networkMode: '',
      mountTargets: [],
    })
  })

  test('an unset label is not found, and one named like an Object.prototype member is not lost', async () => {
    const labels = (await readOne(JSON.parse(`{"Id":"${id}","Labels":{"__proto__":"p"}}`)))?.labels
    expect(labels?.['toString']).toBeUndefined()
    expect(Object.entries(labels ?? {})).toEqual([['__proto__', 'p']])
  })

  test('a creation time before 1970 is dropped', async () => {
    expect((await readOne({ Id: id, Created: -62_135_596_800 }))?.createdAtMs).toBeUndefined()
  })

  test.each([
    ['no id', {}],
    ['a short id', { Id: 'a'.repeat(12) }],
    ['an id in capitals', { Id: 'A'.repeat(64) }],
    ['a label that is a number', { Id: id, Labels: { a: 1 } }],
    ['labels in an array', { Id: id, Labels: ['a=b'] }],
    ['a name that is a number', { Id: id, Names: [1] }],
    ['names in a text', { Id: id, Names: '/a' }],
    ['a state that is a number', { Id: id, State: 1 }],
    ['a network that is an object', { Id: id, HostConfig: { NetworkMode: {} } }],
    ['mounts that are an object', { Id: id, Mounts: {} }],
    ['null', null],
    ['an array', []],
    ['a text', 'x'],
  ])(
    'unknown-is-spared: of %s no more than the id is known, and the others are read',
    async (_what, entry) => {
      const { listing } = await readListing(chunksOf(JSON.stringify([{ Id: otherId }, entry])), () =>
        Promise.resolve(),
      )
      const { containers, unidentified } = listing
      expect(containers[0]).toMatchObject({ id: otherId, unreadable: undefined })
      if ((entry as { Id?: string } | null)?.Id === id) {
        expect(containers).toHaveLength(2)
        expect(containers[1]).toEqual({
          ...unreadableSummary(id, ''),
          unreadable: expect.stringMatching(/^its /),
        })
        expect(unidentified).toBeUndefined()
      } else {
        expect(containers).toHaveLength(1)
        expect(unidentified).toEqual({ count: 1, first: expect.stringMatching(/^entry 2: it /) })
      }
    },
  )
})

describe('a listing is bounded', () => {
  const read = (text: string, before?: PastListing) =>
    readListing(chunksOf(text), () => Promise.resolve(), before)

  test('an entry over a limit costs what it says, but for its id where that comes first', async () => {
    const filler = 'x'.repeat(longestEntryBytes)
    const entries = [
      { Id: otherId },
      { Id: id, Labels: { filler } },
      { Labels: { filler }, Id: 'c'.repeat(64) },
    ]
    const { listing } = await read(JSON.stringify(entries))
    const why = 'it is larger than 1048576 bytes'
    expect(listing.containers.map((one) => [one.id, one.unreadable])).toEqual([
      [otherId, undefined],
      [id, why],
    ])
    expect(listing.unidentified).toEqual({ count: 1, first: `entry 3: ${why}` })
    expect(listing.heldBytes).toBeLessThan(3 * longestEntryBytes)
  })

  test('an entry that stays unreadable is the same object, and so is the listing', async () => {
    const text = (filler: string) =>
      JSON.stringify([{ Id: otherId }, { Id: id, Labels: { filler: filler.repeat(longestEntryBytes) } }])
    const { listing: before } = await read(text('x'))
    const { listing } = await read(text('y'), before)
    expect(listing).toBe(before)
    const { listing: readable } = await read(JSON.stringify([{ Id: otherId }, { Id: id }]), listing)
    expect(readable.containers[0]).toBe(before.containers[0])
    expect(readable.containers[1]).toMatchObject({ id, unreadable: undefined })
    const { listing: again } = await read(text('z'), readable)
    expect(again.containers[1]).toEqual(before.containers[1])
  })

  test('whatever outgrows its limit beside a text that nobody reads is read by its own bytes', async () => {
    const entry = (Status: string, more = {}) => ({ Id: id, State: 'running', Status, ...more })
    const { listing: before } = await read(JSON.stringify([entry('Up'), { Id: otherId }]))
    const long = 'Up '.repeat(longestEntryBytes)
    const { listing } = await read(JSON.stringify([entry(long), { Id: otherId }]), before)
    expect(listing.containers.map(({ unreadable }) => unreadable !== undefined)).toEqual([true, false])
    const { listing: after } = await read(JSON.stringify([entry(long, { Labels: {} })]), before)
    expect(after.containers.map(({ unreadable }) => unreadable !== undefined)).toEqual([true])
  })

  async function* endless(start: string, chunk: string): AsyncGenerator<Buffer> {
    yield Buffer.from(start)
    const bytes = Buffer.from(chunk)
    for (;;) yield await Promise.resolve(bytes)
  }

  test.each([
    [
      'entries',
      '[{"Id":"a"}',
      `,${JSON.stringify({ Id: id, Labels: { filler: 'x'.repeat(60_000) } })}`,
      /longer than/,
    ],
    ['small entries', '[1', ',2'.repeat(10_000), /more than 100000 entries/],
    ['blanks', '[', ' '.repeat(65_536), /longer than/],
    ['one entry', '[{"Id":"', 'x'.repeat(65_536), /longer than/],
    ['one entry that is ever deeper', '[', '['.repeat(65_536), /longer than/],
  ])(
    '%s without an end are refused, and take no more memory than their limit',
    async (_what, start, chunk, why) => {
      const before = process.memoryUsage()
      let most = 0
      const breathe = () => {
        const { heapUsed, external } = process.memoryUsage()
        most = Math.max(most, heapUsed + external - before.heapUsed - before.external)
        return Promise.resolve()
      }
      await expect(readListing(endless(start, chunk), breathe)).rejects.toThrow(why)
      expect(most).toBeLessThan(3 * longestListingBytes)
    },
    30_000,
  )
})

describe('a large listing does not block the program', () => {
  test('it yields at least once every 16 KiB, even within one chunk', async () => {
    const clock = createFakeClock()
    let breaths = 0
    const entries = Array.from({ length: 2_000 }, (_, at) => ({
      Id: at.toString(16).padStart(64, '0'),
      Labels: { filler: 'x'.repeat(1_000) },
    }))
    const text = JSON.stringify(entries)
    const { listing, bytes } = await readListing(chunksOf(text), () => {
      breaths += 1
      return clock.breathe()
    })
    expect(listing.containers.map((container) => container.id)).toEqual(entries.map((entry) => entry.Id))
    expect(bytes).toBe(text.length)
    expect(breaths).toBe(Math.floor(bytes / (16 * 1024)))
  })
})

describe('an unchanged entry is not parsed again', () => {
  interface Change {
    readonly at: number
    readonly what: 'change' | 'remove' | 'add' | 'swap' | 'status'
  }
  const idOf = (number: number) => number.toString(16).padStart(64, '0')
  const entry = (number: number, mark = '') => ({
    Id: idOf(number),
    Names: [`/task-${number}`],
    Labels: { '},{"': '[,]"\\', mark, Status: 'Up 1 minute' },
    Status: 'Up 5 minutes',
    State: 'running',
  })
  const change = fc.record({
    at: fc.nat(),
    what: fc.constantFrom<Change['what']>('change', 'remove', 'add', 'swap', 'status'),
  })

  function changed(
    entries: readonly object[],
    changes: readonly Change[],
    statuses: readonly string[],
  ): readonly object[] {
    const now = [...entries]
    for (const [number, { at, what }] of changes.entries()) {
      const index = at % Math.max(1, now.length)
      const before = now[index]
      if (what === 'add') now.splice(index, 0, entry(1000 + number))
      else if (what === 'remove') now.splice(index, 1)
      else if (before && what === 'change') now[index] = { ...before, State: `state-${number}` }
      else if (before && what === 'status') now[index] = { ...before, Status: statuses[number] ?? 'Up' }
      else if (before) now.push(...now.splice(index, 1))
    }
    return now
  }

  async function* cut(text: string, cuts: readonly number[]): AsyncGenerator<Buffer> {
    const bytes = Buffer.from(text)
    const places = cuts.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b)
    let from = 0
    for (const to of [...places, bytes.length]) {
      yield await Promise.resolve(bytes.subarray(from, to))
      from = to
    }
  }
  const breathe = () => Promise.resolve()
  const read = async (entries: readonly object[], before?: PastListing) =>
    (await readListing(chunksOf(JSON.stringify(entries)), breathe, before)).listing
  const parsedDuring = async (work: () => Promise<unknown>) => {
    const parse = vi.spyOn(JSON, 'parse')
    await work()
    const { length } = parse.mock.calls
    parse.mockRestore()
    return length
  }

  test('whatever changed, and wherever the bytes are split, it reads as if there had been no previous listing', async () => {
    const cuts = fc.array(fc.nat(), { maxLength: 12 })
    const texts = fc.array(
      strangeText.map((all) => all.join('')),
      { maxLength: 12 },
    )
    await fc.assert(
      fc.asyncProperty(
        texts,
        texts,
        fc.array(change, { maxLength: 8 }),
        cuts,
        cuts,
        spaces,
        async (marks, statuses, ...rest) => {
          const [changes, cutsBefore, cutsNow, blanks] = rest
          const old = marks.map((mark, number) => entry(number, mark))
          const write = (entries: readonly object[]) => JSON.stringify(entries, null, blanks.length)
          const { listing: past } = await readListing(cut(write(old), cutsBefore), breathe)
          const now = write(changed(old, changes, statuses))
          const remembered = await readListing(cut(now, cutsNow), breathe, past)
          const fresh = await readListing(chunksOf(now), breathe)
          expect(remembered.listing.containers).toEqual(fresh.listing.containers)
          expect(remembered.bytes).toBe(fresh.bytes)
          // and that reading serves as the next past
          const again = await readListing(cut(now, cutsBefore), breathe, remembered.listing)
          expect(again.listing.containers).toBe(remembered.listing.containers)
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('an entry that continues after the bytes of the previous one is a different entry', async () => {
    const past = await read([entry(1)])
    const text = JSON.stringify([entry(1)])
    for (const end of [' ', '\n ']) {
      const { listing } = await readListing(chunksOf(`${text.slice(0, -1)}${end}]`), breathe, past)
      expect(listing.containers.map(({ id }) => id)).toEqual([idOf(1)])
    }
    for (const broken of [`${text.slice(0, -1)}x]`, `${text.slice(0, -1)}{}]`, text.slice(0, -1)]) {
      await expect(readListing(chunksOf(broken), breathe, past)).rejects.toThrow(AnswerError)
    }
  })

  test('unchanged entries are the same objects, even behind one that changed, appeared or disappeared', async () => {
    const before = await read([1, 2, 3, 4, 5].map((number) => entry(number)))
    const [, second, , fourth, fifth] = before.containers
    const now = [entry(9), entry(1, 'changed'), entry(2), entry(4), entry(5)]
    const { containers } = await read(now, before)
    expect(containers[2]).toBe(second)
    expect(containers[4]).toBe(fifth)
    // an entry that has moved is parsed again
    expect(containers[3]).toEqual(fourth)
  })

  test('a listing equal to the previous one is the same object, and one without its end is not', async () => {
    const entries = [1, 2, 3].map((number) => entry(number))
    const before = await read(entries)
    expect(await read(entries, before)).toBe(before)
    const shorter = await read(entries.slice(0, 2), before)
    expect(shorter.containers).toEqual(before.containers.slice(0, 2))
    expect((await read([], before)).containers).toEqual([])
  })

  test('the text for how long a container has been up is skipped, however long', async () => {
    const before = await read([1, 2, 3].map((number) => entry(number)))
    for (const Status of ['Up 6 minutes', 'Up About an hour (healthy)', '', 'seit 5 Stunden – läuft']) {
      const now = [1, 2, 3].map((number) => ({ ...entry(number), Status }))
      expect(await parsedDuring(async () => expect(await read(now, before)).toBe(before))).toBe(0)
    }
  })

  test('wherever the bytes are split within that text', async () => {
    const before = await read([entry(1)])
    const text = JSON.stringify([{ ...entry(1), Status: 'Up 55 minutes' }])
    for (let place = 0; place < text.length; place++) {
      const { listing } = await readListing(cut(text, [place]), breathe, before)
      expect(listing).toBe(before)
    }
  })

  test.each([
    ['a label called Status', { Labels: { Status: 'Up 2 minutes' } }],
    ['a field called Status within another', { HostConfig: { Status: 'x', NetworkMode: 'none' } }],
    ['words with an escape', { Status: 'Up "5" minutes' }],
    ['no words but a number', { Status: 5 }],
    ['a field whose name only ends so', { XStatus: 'y' }],
    ['another field besides the words', { Status: 'Up 6 minutes', State: 'paused' }],
  ])('%s: the entry is read', async (_what, change) => {
    const one = { ...entry(1), HostConfig: { Status: 'w', NetworkMode: 'none' }, XStatus: 'x' }
    const before = await read([one])
    const now = { ...one, ...change }
    expect(await parsedDuring(async () => read([now], before))).toBe(1)
    expect((await read([now], before)).containers).toEqual((await read([now])).containers)
  })

  test('text that is not JSON is not skipped', async () => {
    const before = await read([entry(1)])
    const text = JSON.stringify([entry(1)])
    for (const words of ['Up 5\nminutes', 'Up 5\\xminutes', 'Up 5"minutes']) {
      const broken = chunksOf(text.replace('Up 5 minutes', words))
      await expect(readListing(broken, breathe, before)).rejects.toThrow(AnswerError)
    }
  })

  test('flat: the retained bytes stay in proportion, however many listings change a little', async () => {
    const count = 800
    let entries = Array.from({ length: count }, (_, number) => entry(number))
    let listing = await read(entries)
    for (let round = 0; round < 300; round++) {
      entries = entries.with((round * 37) % count, entry((round * 37) % count, `round-${round}`))
      listing = await read(entries, listing)
      expect(listing.heldBytes).toBeLessThan(1.3 * JSON.stringify(entries).length)
    }
    expect(listing.containers).toEqual((await read(entries)).containers)
  })

  test('flat: the rest of a listing that has shrunk does not retain the buffers of the whole', async () => {
    const all = Array.from({ length: 10_000 }, (_, number) => entry(number))
    const left = all.filter((_, number) => number % 160 < 2)
    async function* inChunks(entries: readonly object[]): AsyncGenerator<Buffer> {
      const text = JSON.stringify(entries)
      for (let from = 0; from < text.length; from += 65_536)
        yield await Promise.resolve(Buffer.from(text.slice(from, from + 65_536)))
    }
    let listing: PastListing | undefined
    for (const entries of [all, left, left]) {
      listing = (await readListing(inChunks(entries), breathe, listing)).listing
    }
    expect(listing?.containers).toHaveLength(left.length)
    expect(listing?.heldBytes).toBeLessThan(2 * JSON.stringify(left).length + 65_536)
  })
})
