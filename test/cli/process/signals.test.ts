import { beforeEach, describe, expect, it, vi } from 'vitest'
import { type EndSignal, longestEndMs, Signals } from '../../../src/cli/process/signals.ts'

let raise: (signal: EndSignal) => void
let timers: { run: () => void; delayMs: number }[]
let signals: Signals
const onUnhandled = vi.fn<(signal: EndSignal) => void>()
const onOverdue = vi.fn<(signal: EndSignal) => void>()

beforeEach(() => {
  vi.clearAllMocks()
  timers = []
  const listeners = new Map<EndSignal, () => void>()
  raise = (signal) => listeners.get(signal)?.()
  signals = new Signals({
    listen: (signal, listener) => void listeners.set(signal, listener),
    setTimeout: (run, delayMs) => timers.push({ run, delayMs }),
    onUnhandled,
    onOverdue,
  })
})

describe.each<EndSignal>(['SIGINT', 'SIGTERM', 'SIGHUP'])('%s', (signal) => {
  it('ends a process whose command does not handle it', () => {
    raise(signal)
    expect(onUnhandled.mock.calls).toEqual([[signal]])
    expect(signals.received).toBeUndefined()
  })

  it('asks a command to end, and ends what takes too long', async () => {
    const end = vi.fn()
    signals.onEnd(end)
    raise(signal)
    await signals.first
    expect([end.mock.calls.length, signals.received]).toEqual([1, signal])
    expect(timers.map(({ delayMs }) => delayMs)).toEqual([longestEndMs])
    timers[0]?.run()
    expect(onOverdue.mock.calls).toEqual([[signal]])
  })

  it('is handled twice; a third one ends the process', () => {
    const end = vi.fn()
    signals.onEnd(end)
    for (let count = 0; count < 3; count += 1) raise(signal)
    expect([end.mock.calls.length, timers.length]).toEqual([2, 1])
    expect(onUnhandled.mock.calls).toEqual([[signal]])
  })

  it('ends the process when the command has unsubscribed', () => {
    signals.onEnd(vi.fn())()
    raise(signal)
    expect(onUnhandled.mock.calls).toEqual([[signal]])
  })
})

describe('SIGHUP where a command reloads', () => {
  it('asks it to reload, however often, and ends nothing', () => {
    const [end, reload] = [vi.fn(), vi.fn()]
    signals.onEnd(end)
    const unsubscribe = signals.onReload(reload)
    for (let count = 0; count < 5; count += 1) raise('SIGHUP')
    expect([reload.mock.calls.length, end.mock.calls.length, timers.length]).toEqual([5, 0, 0])
    unsubscribe()
    raise('SIGHUP')
    expect([reload.mock.calls.length, end.mock.calls.length]).toEqual([5, 1])
  })
})
