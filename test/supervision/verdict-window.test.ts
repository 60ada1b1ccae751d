import { describe, expect, test } from 'vitest'

import { AwakeClock } from '../../src/awake.ts'
import { verdictLifeMs, VerdictWindow } from '../../src/supervision/verdict-window.ts'
import { createFakeClock } from '../support/fake-clock.ts'

const recoveryMs = 30_000

function made() {
  const clock = createFakeClock()
  const awake: AwakeClock = new AwakeClock({ clock, stallMs: 3000, onStall: () => window.startRecovery() })
  const window: VerdictWindow = new VerdictWindow(clock, awake, recoveryMs)
  awake.start()
  return { awake, clock, window }
}

/** A window on a look that was judged in full. */
function opened(lookNumber = 1) {
  const all = made()
  all.window.open(lookNumber)
  all.window.judgedInFull()
  return all
}

describe('fresh-look: a verdict stands', () => {
  test('after its look was judged in full, and not before', () => {
    const { window } = made()
    expect(window.isOpen).toBe(false)
    window.open(1)
    expect(window.stands(1)).toBe(false)
    window.judgedInFull()
    expect(window.stands(1)).toBe(true)
    expect(window.isOpen).toBe(true)
  })

  test('for 5 s after its look, and no longer', async () => {
    const { clock, window } = opened()
    await clock.advance(verdictLifeMs)
    expect(window.stands(1)).toBe(true)
    expect(window.hasExpired).toBe(false)
    await clock.advance(1)
    expect(window.stands(1)).toBe(false)
    expect(window.hasExpired).toBe(true)
  })

  test('5 s from when the listing came back, not from when it was judged', async () => {
    const { clock, window } = made()
    window.open(1)
    await clock.advance(verdictLifeMs + 1)
    window.judgedInFull()
    expect(window.isOpen).toBe(false)
  })

  test('until the next listing comes back, even before that one is judged', () => {
    const { window } = opened(1)
    window.open(2)
    expect(window.stands(1)).toBe(false)
    expect(window.stands(2)).toBe(false)
    window.judgedInFull()
    expect(window.stands(1)).toBe(false)
    expect(window.stands(2)).toBe(true)
  })

  test('a look that is still to come stands for nothing, nor one before all', () => {
    const { window } = opened(1)
    expect(window.stands(2)).toBe(false)
    expect(window.stands(0)).toBe(false)
    expect(made().window.stands(0)).toBe(false)
  })

  test('a closed window opens with the next look only', () => {
    const { window } = opened(1)
    window.close()
    expect(window.stands(1)).toBe(false)
    expect(window.hasExpired).toBe(false)
    window.open(2)
    window.judgedInFull()
    expect(window.stands(2)).toBe(true)
  })
})

describe('survives-outage: while the engine is down no verdict stands', () => {
  test('also one of a look that came back meanwhile, until the engine is said to be up', () => {
    const { window } = opened(1)
    window.hold(true)
    expect(window.isOpen).toBe(false)
    expect(window.hasExpired).toBe(false)
    window.open(2)
    window.judgedInFull()
    expect(window.stands(2)).toBe(false)
    window.hold(false)
    expect(window.stands(2)).toBe(true)
  })
})

describe('quiet-stop: after stop begins no verdict stands', () => {
  test('never again', async () => {
    const { clock, window } = opened(1)
    window.quieten()
    expect(window.isQuiet).toBe(true)
    expect(window.stands(1)).toBe(false)
    window.open(2)
    window.judgedInFull()
    window.hold(false)
    expect(window.stands(2)).toBe(false)
    await clock.advance(verdictLifeMs + 1)
    expect(window.hasExpired).toBe(false)
  })
})

describe('awake-time: after a stall no verdict stands', () => {
  test('the very question notices the stall: nothing needs to have told before', async () => {
    const { clock, window } = opened()
    let stood: boolean | undefined
    clock.setTimeout(() => (stood = window.stands(1)), 10)
    await clock.stall(4000)
    expect(stood).toBe(false)
  })

  test('nor does one of a later look before the recovery grace is over', async () => {
    const { awake, clock, window } = opened(1)
    await clock.stall(60_000)
    const endsMs = window.recoveryEndsMs
    expect(endsMs).toBe(awake.now() + recoveryMs)
    for (const [advanceMs, stands] of [
      [0, false],
      [recoveryMs - 1, false],
      [1, true],
    ] as const) {
      await clock.advance(advanceMs)
      window.open(2)
      window.judgedInFull()
      expect(window.stands(2)).toBe(stands)
    }
  })

  test('a second stall starts the recovery grace anew', async () => {
    const { awake, clock, window } = opened(1)
    await clock.stall(60_000)
    await clock.advance(20_000)
    await clock.stall(60_000)
    expect(window.recoveryEndsMs).toBe(awake.now() + recoveryMs)
  })

  test('a suspended machine is a stall as well', () => {
    const { clock, window } = opened(1)
    clock.jumpWall(3_600_000)
    expect(window.isOpen).toBe(false)
    expect(window.hasExpired).toBe(false)
  })

  test('without a stall there is no recovery grace', () => {
    expect(opened().window.recoveryEndsMs).toBeUndefined()
  })
})
