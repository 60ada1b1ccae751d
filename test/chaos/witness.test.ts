import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { answers, type MisbehavingServer, startMisbehavingServer } from '../support/misbehaving-server.ts'
import { Journal } from './journal.ts'
import { Ledger } from './ledger.ts'
import { Standstills } from './standstills.ts'
import { Witness } from './witness.ts'

const id = 'a'.repeat(64)
const life = 1
const row = { Id: id, Names: ['/one'], State: 'running', Created: 1_700_000_000 }

let engine: MisbehavingServer
let ledger: Ledger
let witness: Witness
let nowMs: number

beforeEach(async () => {
  nowMs = 1_800_000_000_000
  engine = await startMisbehavingServer(answers(200, [row]))
  const { socketPath } = engine
  const journal = new Journal(nowMs)
  const graces = { creationMs: 0, restoreMs: 0, releaseMs: 0, recoveryMs: 0 }
  ledger = new Ledger(graces, journal, new Standstills())
  witness = new Witness({ socketPath, ledger, journal, passages: [], now: () => nowMs })
})
afterEach(() => engine.close())

const open = () =>
  ledger.open({
    name: 'one',
    kind: 'ours',
    story: 'lost-create',
    holder: undefined,
    shares: undefined,
    restarts: false,
    removesItself: false,
    isPromised: false,
  })
const charges = () => ledger.convictions.map(({ charge }) => charge)

describe('the witness', () => {
  it('learns from the engine what was created, even if no answer arrived', async () => {
    const made = open()
    await witness.scan()
    expect(made).toMatchObject({ id, createdMs: 1_700_000_000_000 })
  })

  it.each(['removed', 'vanished'] as const)('"%s" of what the engine still lists is a lie', async (word) => {
    open()
    await witness.scan()
    void ledger.trackerOf(() => 'knows').has(id)
    ledger.departs({ verb: 'remove', target: id }, life)
    witness.said({ word, id, life })
    expect(charges()).toEqual([])
    nowMs += 7
    await witness.scan()
    expect(charges()).toEqual([`a lie: "${word}" was said of one 7 ms before the engine listed it`])
  })

  it('a listing that began before the event arrived proves nothing', async () => {
    open()
    await witness.scan()
    let answer = () => {}
    engine.behave((response) => void (answer = () => response.end(JSON.stringify([row]))))
    const scanning = witness.scan()
    await engine.requested(2)
    nowMs += 1
    witness.said({ word: 'vanished', id, life })
    answer()
    await scanning
    expect(charges()).toEqual([])
  })

  it('a sent request contradicts a report at once', async () => {
    open()
    await witness.scan()
    witness.said({ word: 'removed', confirmedBy: 'scan', id, life })
    expect(charges()).toEqual(['a lie: "removed" by scan of one: no removal of it was ever sent'])
  })

  it('an engine that fails is not an empty one', async () => {
    engine.behave(answers(500, []))
    await expect(witness.scan()).rejects.toThrow('500')
  })
})
