import { afterEach, describe, expect, it, vi } from 'vitest'

import { accountOf } from './account.ts'
import { Journal } from './journal.ts'
import { type Graces, Ledger, type Made } from './ledger.ts'
import type { Passage } from './proxy.ts'
import { Standstills } from './standstills.ts'
import type { Row } from './witness.ts'

afterEach(() => vi.useRealTimers())

const idOf = (digit: string) => digit.repeat(64)

/** A book with one container in it, long out of every grace. */
function bookWith(entry: Partial<Made> = {}, graces: Partial<Graces> = {}) {
  const standstills = new Standstills()
  const none = { creationMs: 0, restoreMs: 0, releaseMs: 0, recoveryMs: 0 }
  const ledger = new Ledger({ ...none, ...graces }, new Journal(Date.now()), standstills)
  ledger.begin(new Set())
  const add = (id: string, more: Partial<Made> = {}): Made => {
    const made = ledger.open({
      name: `of-${id[0]}`,
      kind: 'ours',
      story: 'task',
      holder: undefined,
      removesItself: false,
      isPromised: false,
      ...more,
    })
    Object.assign(made, { answeredMs: Date.now() }, more)
    ledger.learnId(made, id)
    return made
  }
  const made = add(idOf('a'), entry)
  let mood: 'knows' | 'unknown' | 'throws' = 'knows'
  const tracker = ledger.trackerOf(() => mood)
  return {
    ledger,
    standstills,
    made,
    add,
    tracker,
    feel: (next: typeof mood) => void (mood = next),
    /** Asks as Flotsam does, and sends. */
    remove: (target = idOf('a')) => {
      void tracker.has(target)
      return ledger.departs({ verb: 'remove', target }, ledger.life).wrong
    },
    account: (rows: readonly Row[], passages: readonly Passage[] = []) =>
      accountOf({ ledger, rows, passages }),
  }
}

const row = (made: Made, state = 'running'): Row => ({ id: made.id ?? '', name: made.name, state })
const removal = (made: Made, status: number | undefined): Passage => ({
  method: 'DELETE',
  path: `/containers/${made.id}`,
  query: '',
  life: 1,
  atMs: 0,
  struckBy: undefined,
  passedMs: 1,
  status,
})

describe('a request is judged as it leaves', () => {
  it('one for a container that dangles is right', () => {
    const book = bookWith()
    expect(book.remove()).toBeUndefined()
    expect(book.ledger.convictions).toEqual([])
  })

  it('tracked convicts', () => {
    const book = bookWith()
    book.ledger.register(book.made)
    expect(book.remove()).toBe("the tracker's last answer was true")
    expect(book.ledger.convictions).toHaveLength(1)
  })

  it('adopted between the last answer and the request convicts', () => {
    const book = bookWith()
    void book.tracker.has(idOf('a'))
    book.ledger.register(book.made)
    expect(book.ledger.departs({ verb: 'remove', target: idOf('a') }, 1).wrong).toBe('the agent tracks it')
  })

  it('an answer from before anything else ran is no last answer', async () => {
    const book = bookWith()
    void book.tracker.has(idOf('a'))
    await Promise.resolve()
    expect(book.ledger.departs({ verb: 'remove', target: idOf('a') }, 1).wrong).toBe(
      'the tracker was not asked about it as the last thing',
    )
  })

  it('a tracker that does not know convicts', () => {
    const book = bookWith()
    book.feel('unknown')
    expect(book.remove()).toBe("the tracker's last answer was undefined")
  })

  it('a stop is judged as a removal is', () => {
    const book = bookWith({ kind: 'kept' })
    void book.tracker.has(idOf('a'))
    expect(book.ledger.departs({ verb: 'stop', target: idOf('a') }, 1).wrong).toBe('it is kept')
  })

  it.each(['kept', 'label-from-image', 'other-value', 'unlabelled'] as const)('%s convicts', (kind) => {
    expect(bookWith({ kind }).remove()).toBe(`it is ${kind}`)
  })

  it('a container that is about to be registered convicts', () => {
    expect(bookWith({ isPromised: true }).remove()).toBe('the agent is about to register it')
  })

  it.each(['creation', 'restore'] as const)('within the %s grace convicts', (grace) => {
    const [inside, outside] = [60_000, 0].map((ms) => bookWith({}, { [`${grace}Ms`]: ms }).remove())
    expect(inside).toMatch(new RegExp(`^the ${grace} grace has \\d+ ms left$`))
    expect(outside).toBeUndefined()
  })

  it('within the recovery grace after the process stood still convicts', () => {
    const book = bookWith({}, { recoveryMs: 60_000 })
    expect(book.remove()).toBeUndefined()
    book.standstills.note({ fromMs: Date.now() - 100, untilMs: Date.now() })
    expect(book.remove()).toMatch(/^the recovery grace has \d+ ms left$/)
  })

  it.each(['creation', 'restore'] as const)('a standstill is no part of the %s grace', (grace) => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 })
    const book = bookWith({}, { [`${grace}Ms`]: 1000 })
    book.standstills.note({ fromMs: 1_000_500, untilMs: 1_060_500 })
    vi.setSystemTime(1_060_900)
    expect(book.remove()).toBe(`the ${grace} grace has 100 ms left`)
    vi.setSystemTime(1_061_000)
    expect(book.remove()).toBeUndefined()
  })

  it('what an earlier life stood still does not lengthen a grace of this one', () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 })
    const book = bookWith({}, { creationMs: 1000 })
    book.standstills.note({ fromMs: 1_000_000, untilMs: 1_060_000 })
    vi.setSystemTime(1_060_100)
    book.ledger.begin(new Set())
    expect(book.remove()).toBeUndefined()
  })

  it('an answer that takes longer than the creation grace is not waited for, and such a removal is counted', () => {
    const book = bookWith({ isPromised: true, answeredMs: undefined })
    expect(book.remove()).toBeUndefined()
    expect(book.made.departures.map(({ isAheadOfAnswer }) => isAheadOfAnswer)).toEqual([true])
    book.made.answeredMs = Date.now()
    expect(book.remove()).toBe('the agent is about to register it')
  })

  it('within the release grace convicts, where Flotsam had heard that it was tracked', () => {
    const graces = { releaseMs: 60_000 }
    const heard = bookWith({}, graces)
    heard.ledger.register(heard.made)
    void heard.tracker.has(idOf('a'))
    heard.ledger.letGo(heard.made)
    expect(heard.remove()).toMatch(/^the release grace has \d+ ms left$/)
    const unheard = bookWith({}, graces)
    unheard.ledger.register(unheard.made)
    unheard.ledger.letGo(unheard.made)
    expect(unheard.remove()).toBeUndefined()
  })

  it('the holder of a network that a tracked guest shares convicts', () => {
    const book = bookWith()
    const guest = book.add(idOf('b'), { holder: book.made })
    book.ledger.register(guest)
    expect(book.remove()).toBe('of-b shares its network')
  })

  it('a name or a prefix convicts', () => {
    expect(bookWith().remove('of-a')).toBe('"of-a" is no full id')
    expect(bookWith().remove('')).toBe('"" is no full id')
  })
})

describe('the account', () => {
  const charges = (book: ReturnType<typeof bookWith>, rows: readonly Row[], passages?: readonly Passage[]) =>
    book.account(rows, passages).convictions.map(({ charge }) => charge)

  it('puts each container in one place', () => {
    const book = bookWith()
    const [tracked, foreign, kept, byMaker, byItself] = [
      book.add(idOf('b')),
      book.add(idOf('c'), { kind: 'other-value' }),
      book.add(idOf('d'), { kind: 'kept' }),
      book.add(idOf('e'), { removedByMaker: { atMs: 1, status: 204 } }),
      book.add(idOf('f'), { removesItself: true }),
    ]
    book.ledger.register(tracked)
    book.remove()
    const account = book.account([row(tracked), row(foreign), row(kept)], [removal(book.made, 204)])
    expect(account.convictions).toEqual([])
    expect([byMaker.name, byItself.name]).toEqual(['of-e', 'of-f'])
    expect(account).toMatchObject({
      made: 6,
      counts: {
        'tracked and alive': 1,
        'removed by Flotsam: it dangled': 1,
        'removed by who made it': 1,
        'removed itself': 1,
        'foreign and untouched': 1,
        'protected and untouched': 1,
        'never came to be': 0,
      },
    })
  })

  it.each([
    ['removed by Flotsam: it dangled', 204, 409],
    ['removed by who made it', 409, 204],
    ['removed by Flotsam: it dangled', 204, undefined],
    ['removed by who made it', undefined, 204],
    ['removed by one of several that could have', undefined, undefined],
    ['removed by one of several that could have', 204, 204],
  ] as const)('%s, where Flotsam was answered %s and its maker %s', (fate, ours, makers) => {
    const book = bookWith({ removedByMaker: { atMs: 1, status: makers } })
    book.remove()
    const { convictions, counts } = book.account([], [removal(book.made, ours)])
    expect(convictions).toEqual([])
    expect(counts[fate]).toBe(1)
  })

  it('a leak left convicts', () => {
    const book = bookWith()
    expect(charges(book, [row(book.made)])).toEqual(['a leak left: of-a is running, and nobody knows it'])
  })

  it('a holder that a tracked guest needs is no leak', () => {
    const book = bookWith()
    const guest = book.add(idOf('b'), { holder: book.made })
    book.ledger.register(guest)
    expect(charges(book, [row(book.made), row(guest)])).toEqual([])
    expect(charges(book, [row(book.made)])).toContain('a leak left: of-a is running, and nobody knows it')
  })

  it('a container that is gone without anybody having removed it convicts', () => {
    const book = bookWith()
    expect(charges(book, [])).toEqual(['unaccounted for: of-a is gone, and nobody removed it'])
  })

  it('a removal that never reached the engine is nobody’s removal', () => {
    const book = bookWith()
    book.remove()
    const held = { ...removal(book.made, undefined), passedMs: undefined }
    expect(charges(book, [], [held])).toEqual(['unaccounted for: of-a is gone, and nobody removed it'])
  })

  it('a container on the engine that nobody made convicts', () => {
    const book = bookWith({ removesItself: true })
    const stranger = { id: idOf('9'), name: 'who', state: 'running' }
    expect(charges(book, [stranger])).toEqual(['unaccounted for: the engine holds who, which nobody made'])
  })

  it('a request that arrived and was not seen to leave convicts', () => {
    const book = bookWith()
    expect(charges(book, [], [removal(book.made, 204)])).toEqual([
      `1 requests for ${idOf('a')} arrived, 0 were seen to leave`,
    ])
  })

  it('a tracked container that has ended convicts', () => {
    const book = bookWith()
    book.ledger.register(book.made)
    expect(charges(book, [row(book.made, 'exited')])).toEqual(['of-a is tracked, and exited'])
  })
})
