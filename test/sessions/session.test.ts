import { describe, expect, it } from 'vitest'
import { isSessionId, type Lease, type LeaseStore } from '../../src/domain/session.ts'
import { OptionError, openSession } from '../../src/sessions/index.ts'

/** A store in memory, as in the comment of `LeaseStore`. */
function memoryLeases(leaseOf: (lease: Lease) => Lease = (lease) => lease) {
  const held = new Set<string>()
  const leases: LeaseStore = {
    async hold(id) {
      held.add(id)
      return leaseOf({ release: async () => void held.delete(id) })
    },
    isHeld: async (id) => held.has(id),
  }
  return { held, leases }
}

describe('openSession', () => {
  it('holds the lease of a random id before it resolves', async () => {
    const { held, leases } = memoryLeases()
    const [one, other] = [await openSession({ leases }), await openSession({ leases })]
    expect([...held]).toEqual([one.id, other.id])
    expect(one.id).not.toBe(other.id)
    expect([one.id, other.id].every(isSessionId)).toBe(true)
    expect(one.leases).toBe(leases)
  })

  it('rejects with what the store rejects with', async () => {
    const leases: LeaseStore = {
      hold: () => Promise.reject(new Error('no store')),
      isHeld: async () => undefined,
    }
    await expect(openSession({ leases })).rejects.toThrow('no store')
  })

  it('close releases once, and so does asyncDispose', async () => {
    let releases = 0
    const { leases } = memoryLeases(() => ({ release: async () => void (releases += 1) }))
    const session = await openSession({ leases })
    await Promise.all([session.close(), session.close()])
    await session[Symbol.asyncDispose]()
    expect(releases).toBe(1)
  })

  it('close rejects if the release fails, and can be called again', async () => {
    const answers = [() => Promise.reject(new Error('unreachable')), () => Promise.resolve()]
    const { leases } = memoryLeases(() => ({ release: async () => answers.shift()?.() }))
    const session = await openSession({ leases })
    await expect(session.close()).rejects.toThrow('unreachable')
    await session.close()
    await session.close()
    expect(answers).toEqual([])
  })

  it("has the lease's signal, or one that is never aborted", async () => {
    const { signal } = new AbortController()
    const withSignal = memoryLeases((lease) => ({ ...lease, lost: signal }))
    expect((await openSession(withSignal)).lost).toBe(signal)
    const session = await openSession(memoryLeases())
    await session.close()
    expect(session.lost.aborted).toBe(false)
  })

  const hold = async () => ({ release: async () => {} })
  const isHeld = async () => true
  it.each<[string, unknown]>([
    ['no options', undefined],
    ['no store', {}],
    ['a path', { leases: '/run/agents' }],
    ['a store without isHeld', { leases: { hold } }],
    ['a store whose list is no method', { leases: { hold, isHeld, list: [] } }],
    ['a store whose lease cannot be released', { leases: { hold: async () => ({}), isHeld } }],
    ['a store without a lease', { leases: { hold: async () => undefined, isHeld } }],
    [
      'a store whose signal is none',
      { leases: { hold: async () => ({ release: async () => {}, lost: true }), isHeld } },
    ],
  ])('refuses %s', async (_name, options) => {
    const opening = openSession(options as never)
    await expect(opening).rejects.toThrow(OptionError)
    await expect(opening).rejects.toMatchObject({ option: 'leases' })
  })
})
