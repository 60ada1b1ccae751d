import { afterEach, describe, expect, it, vi } from 'vitest'
import { accountOf } from './account.ts'
import { Journal } from './journal.ts'
import { type Graces, Ledger, type Made } from './ledger.ts'
import type { Passage } from './proxy.ts'
import { Standstills } from './standstills.ts'
import type { Row } from './witness.ts'

afterEach(() => vi.useRealTimers())

const idOf = (digit: string) => digit.repeat(64)

/** A ledger with one container, long past every grace. */
function bookWith(entry: Partial<Made> = {}, graces: Partial<Graces> = {}, coversEnded = true) {
  const standstills = new Standstills()
  const none = { creationMs: 0, restoreMs: 0, releaseMs: 0, recoveryMs: 0 }
  const ledger = new Ledger({ ...none, ...graces }, new Journal(Date.now()), standstills, coversEnded)
  ledger.begin(new Set())
  const add = (id: string, more: Partial<Made> = {}): Made => {
    const made = ledger.open({
      name: `of-${id[0]}`,
      kind: 'ours',
      story: 'task',
      holder: undefined,
      shares: undefined,
      restarts: false,
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
      ledger.inspected(target, Date.now(), ledger.life)
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
  overMs: 1,
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

  it('an answer given before other work ran is not the last answer', async () => {
    const book = bookWith()
    void book.tracker.has(idOf('a'))
    await Promise.resolve()
    expect(book.ledger.departs({ verb: 'remove', target: idOf('a') }, 1).wrong).toBe(
      'the tracker was not asked about it last',
    )
  })

  it('a tracker without an answer convicts', () => {
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

  it('within the recovery grace after a stall of the process convicts', () => {
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

  it('a stall of an earlier life does not extend a grace of this one', () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 })
    const book = bookWith({}, { creationMs: 1000 })
    book.standstills.note({ fromMs: 1_000_000, untilMs: 1_060_000 })
    vi.setSystemTime(1_060_100)
    book.ledger.begin(new Set())
    expect(book.remove()).toBeUndefined()
  })

  it('an answer slower than the creation grace is not waited for, and such a removal is counted', () => {
    const book = bookWith({ isPromised: true, answeredMs: undefined })
    expect(book.remove()).toBeUndefined()
    expect(book.made.departures.map(({ isAheadOfAnswer }) => isAheadOfAnswer)).toEqual([true])
    book.made.answeredMs = Date.now()
    expect(book.remove()).toBe('the agent is about to register it')
  })

  it('within the release grace convicts, if Flotsam had learned that it was tracked', () => {
    const graces = { releaseMs: 60_000 }
    const received = bookWith({}, graces)
    received.ledger.register(received.made)
    void received.tracker.has(idOf('a'))
    received.ledger.letGo(received.made)
    expect(received.remove()).toMatch(/^the release grace has \d+ ms left$/)
    const unreceived = bookWith({}, graces)
    unreceived.ledger.register(unreceived.made)
    unreceived.ledger.letGo(unreceived.made)
    expect(unreceived.remove()).toBeUndefined()
  })

  it('the holder of a network that a tracked guest shares convicts', () => {
    const book = bookWith()
    const guest = book.add(idOf('b'), { holder: book.made })
    book.ledger.register(guest)
    expect(book.remove()).toBe('of-b shares its network')
  })

  describe('new-again', () => {
    const how = { lasts: true, isPromised: false }
    const at = (ms: number) => vi.setSystemTime(1_000_000 + ms)
    const oldBook = (more: Partial<Made> = {}) => {
      vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 })
      const book = bookWith(more, { creationMs: 1000 })
      at(5000)
      return book
    }

    it('a container started before its inspection has its creation grace again', () => {
      const book = oldBook()
      expect(book.remove()).toBeUndefined()
      const askedMs = Date.now()
      at(5100)
      book.ledger.renew(book.made, 'start', askedMs, how)
      at(5101)
      expect(book.remove()).toBe('the creation grace has 899 ms left')
      at(6000)
      expect(book.remove()).toBeUndefined()
    })

    it('a start after its inspection cannot be known', () => {
      const book = oldBook()
      book.ledger.inspected(idOf('a'), Date.now(), 1)
      at(5100)
      book.ledger.renew(book.made, 'start', 1_005_000, how)
      void book.tracker.has(idOf('a'))
      expect(book.ledger.departs({ verb: 'remove', target: idOf('a') }, 1).wrong).toBeUndefined()
    })

    it('an agent that is about to register what it started convicts', () => {
      const book = oldBook()
      book.ledger.renew(book.made, 'start', Date.now(), { ...how, isPromised: true })
      book.made.isPromised = true
      at(9000)
      expect(book.remove()).toBe('the agent is about to register it')
    })

    it('an unpause counts where a scan had seen it paused', () => {
      const book = oldBook()
      const unpause = (sawPaused: boolean) => {
        book.made.pausedMs = Date.now()
        const scan = { beganMs: Date.now() + (sawPaused ? 1 : -1), endedMs: Date.now() + 2 }
        book.ledger.scanned(scan)
        vi.setSystemTime(Date.now() + 10)
        book.ledger.renew(book.made, 'unpause', Date.now(), how)
        vi.setSystemTime(Date.now() + 1)
        return book.remove()
      }
      expect(unpause(false)).toBeUndefined()
      expect(unpause(true)).toBe('the creation grace has 999 ms left')
    })
  })

  describe('second-source', () => {
    const never = 'it was not inspected since the scan that nominated it, or since the request before'
    const send = (book: ReturnType<typeof bookWith>) => {
      void book.tracker.has(idOf('a'))
      return book.ledger.departs({ verb: 'remove', target: idOf('a') }, 1).wrong
    }

    it('an inspection from before the scan convicts', () => {
      const inspectedAt = (ms: number) => {
        const book = bookWith()
        book.ledger.inspected(idOf('a'), ms, 1)
        book.ledger.scanned({ beganMs: 2000, endedMs: 2001 })
        return send(book)
      }
      expect(inspectedAt(1000)).toBe(never)
      expect(inspectedAt(2002)).toBeUndefined()
    })

    it('one inspection is valid for one request', () => {
      vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 })
      const book = bookWith()
      vi.setSystemTime(1_000_010)
      expect(book.remove()).toBeUndefined()
      vi.setSystemTime(1_000_020)
      book.ledger.inspected(idOf('a'), 1_000_009, 1)
      expect(send(book)).toBe(never)
    })

    it('an inspection of another life does not count', () => {
      const book = bookWith()
      book.ledger.scanned({ beganMs: 2000, endedMs: 2001 })
      book.ledger.inspected(idOf('a'), 3000, 2)
      expect(send(book)).toBe(never)
    })
  })

  describe('protected', () => {
    const inPod = (shares: Made['shares'], graces: Partial<Graces> = {}) => {
      vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 })
      const book = bookWith({}, graces)
      const guest = book.add(idOf('b'), { holder: book.made, shares })
      vi.setSystemTime(1_000_010)
      return { book, guest }
    }
    const scan = ({ ledger }: ReturnType<typeof bookWith>) => {
      vi.setSystemTime(Date.now() + 10)
      ledger.scanned({ beganMs: Date.now(), endedMs: Date.now() })
    }

    it.each(['network', 'pid', 'ipc'] as const)(
      'a forgotten guest that runs and would be killed with the %s convicts',
      (shares) => {
        const { book, guest } = inPod(shares)
        book.ledger.renew(guest, 'start', Date.now(), { lasts: true, isPromised: false })
        scan(book)
        expect(book.remove()).toBe(`of-b shares its ${shares}`)
      },
    )

    it('a guest that may have ended, or started after the scan, does not', () => {
      const { book, guest } = inPod('pid')
      scan(book)
      vi.setSystemTime(Date.now() + 10)
      const lasts = { lasts: true, isPromised: false }
      book.ledger.renew(guest, 'start', Date.now(), lasts)
      expect(book.remove()).toBeUndefined()
      book.ledger.renew(guest, 'start', Date.now(), lasts)
      scan(book)
      book.ledger.mayEnd(book.made)
      expect(book.remove()).toBeUndefined()
    })

    it('an ended guest that is still new convicts', () => {
      const { book } = inPod('ipc', { creationMs: 1000 })
      vi.setSystemTime(1_000_500)
      book.made.createdMs = 0
      Object.assign(book.made, { askedMs: 0 })
      scan(book)
      expect(book.remove()).toBe('of-b shares its ipc')
      vi.setSystemTime(1_001_001)
      scan(book)
      expect(book.remove()).toBeUndefined()
    })
  })

  describe('not covered', () => {
    const endedBook = (coversEnded: boolean) => {
      vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 })
      const book = bookWith({}, {}, coversEnded)
      vi.setSystemTime(1_000_010)
      book.ledger.seeEnd(book.made, { beganMs: Date.now(), endedMs: Date.now() })
      vi.setSystemTime(1_000_020)
      return book
    }

    it('one that had ended by itself before its inspection convicts, if its state is not covered', () => {
      expect(endedBook(true).remove()).toBeUndefined()
      expect(endedBook(false).remove()).toBe('it has ended by itself, which is not covered')
    })

    it('one that was started since, or had a request of ours before, does not', () => {
      const started = endedBook(false)
      started.ledger.asksForStart(started.made)
      expect(started.remove()).toBeUndefined()
      const again = endedBook(true)
      again.remove()
      Object.assign(again.ledger, { coversEnded: false })
      expect(again.remove()).toBeUndefined()
    })

    it('it may remain at the end', () => {
      const book = endedBook(false)
      const { convictions, counts } = book.account([row(book.made, 'exited')])
      expect(convictions).toEqual([])
      expect(counts['ended by itself, which is not covered']).toBe(1)
      const running = bookWith({}, {}, false)
      expect(running.account([row(running.made, 'running')]).convictions).toHaveLength(1)
    })
  })

  it('a name or a prefix convicts', () => {
    expect(bookWith().remove('of-a')).toBe('"of-a" is no full id')
    expect(bookWith().remove('')).toBe('"" is no full id')
  })
})

describe('the account', () => {
  const charges = (book: ReturnType<typeof bookWith>, rows: readonly Row[], passages?: readonly Passage[]) =>
    book.account(rows, passages).convictions.map(({ charge }) => charge)

  it('assigns each container one fate', () => {
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

  it('a remaining leak convicts', () => {
    const book = bookWith()
    expect(charges(book, [row(book.made)])).toEqual(['a leak left: of-a is running, and untracked'])
  })

  it('a container whose removal the engine refuses to every client is no leak', () => {
    const book = bookWith()
    book.made.isRefused = true
    const { convictions, counts } = book.account([row(book.made)])
    expect(convictions).toEqual([])
    expect(counts['refused by the engine to every client']).toBe(1)
  })

  it('a holder that a tracked guest needs is no leak', () => {
    const book = bookWith()
    const guest = book.add(idOf('b'), { holder: book.made })
    book.ledger.register(guest)
    expect(charges(book, [row(book.made), row(guest)])).toEqual([])
    expect(charges(book, [row(book.made)])).toContain('a leak left: of-a is running, and untracked')
  })

  it('a container that is gone without a removal convicts', () => {
    const book = bookWith()
    expect(charges(book, [])).toEqual(['unaccounted for: of-a is gone, but was never removed'])
  })

  it('a removal that never reached the engine counts for no actor', () => {
    const book = bookWith()
    book.remove()
    const held = { ...removal(book.made, undefined), passedMs: undefined }
    expect(charges(book, [], [held])).toEqual(['unaccounted for: of-a is gone, but was never removed'])
  })

  it('a container on the engine that no agent created convicts', () => {
    const book = bookWith({ removesItself: true })
    const stranger = { id: idOf('9'), name: 'who', state: 'running' }
    expect(charges(book, [stranger])).toEqual([
      'unaccounted for: the engine holds who, which no agent created',
    ])
  })

  it('a request that arrived without a recorded departure convicts', () => {
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
