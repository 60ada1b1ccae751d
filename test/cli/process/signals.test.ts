import { beforeEach, describe, expect, it, vi } from 'vitest'
import { type EndSignal, longestEndMs, Signals } from '../../../src/cli/process/signals.ts'

let raise: (signal: NodeJS.Signals) => void
let listeners: Map<NodeJS.Signals, () => void>
let timers: { run: () => void; delayMs: number }[]
let signals: Signals
const onUnhandled = vi.fn<(signal: EndSignal) => void>()
const onOverdue = vi.fn<(signal: EndSignal) => void>()

beforeEach(() => {
  vi.clearAllMocks()
  timers = []
  listeners = new Map()
  raise = (signal) => listeners.get(signal)?.()
  signals = new Signals({
    listen: (signal, listener) => {
      listeners.set(signal, listener)
      return () => listeners.delete(signal)
    },
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

describe('signals that a command passes on', () => {
  const passedOn = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGCONT'] as const

  it('all go to its listener, however many, and end or reload nothing', () => {
    const [end, reload, pass] = [vi.fn(), vi.fn(), vi.fn()]
    signals.onEnd(end)
    signals.onReload(reload)
    signals.take(pass)
    for (const signal of [...passedOn, ...passedOn]) raise(signal)
    expect(pass.mock.calls.map(([signal]) => signal as unknown)).toEqual([...passedOn, ...passedOn])
    expect([end.mock.calls, reload.mock.calls, onUnhandled.mock.calls, timers]).toEqual([[], [], [], []])
  })

  it('afterwards those that end a process end it again, and the others are left to the system', () => {
    signals.take(vi.fn())()
    raise('SIGTERM')
    expect(onUnhandled.mock.calls).toEqual([['SIGTERM']])
    expect([...listeners.keys()]).toEqual(['SIGINT', 'SIGTERM', 'SIGHUP'])
  })
})
