import { describe, expect, it } from 'vitest'
import { runCli } from '../../../src/cli/program.ts'
import type { CliWorld } from '../../../src/cli/world.ts'
import { createReconciler } from '../../../src/index.ts'
import { escape } from './support.ts'

const storyLimitMs = 60_000

interface Typed {
  readonly out: () => string
  readonly err: () => string
  readonly world: CliWorld
  readonly interrupt: () => void
  readonly listening: () => number
}

function typing({
  isTerminal = false,
  env = {},
}: { isTerminal?: boolean; env?: CliWorld['env'] } = {}): Typed {
  const out: string[] = []
  const err: string[] = []
  const listeners = new Set<() => void>()
  const listen = (listener: () => void) => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }
  return {
    out: () => out.join(''),
    err: () => err.join(''),
    interrupt: () => {
      for (const listener of listeners) listener()
    },
    listening: () => listeners.size,
    world: {
      stdout: { isTerminal, write: (text) => void out.push(text) },
      stderr: { isTerminal, write: (text) => void err.push(text) },
      env,
      version: '0.0.0',
      clock: { setTimeout, clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout) },
      createReconciler,
      onSignal: listen,
      onReload: listen,
      takeSignals: () => () => {},
      onOutputClosed: listen,
    },
  }
}

describe('flotsam demo', () => {
  it.each([
    ['--speed', '9', '--speed: "9" is not allowed; it must be a number from 0.25 to 4'],
    ['--speed', 'fast', '--speed: "fast" is not allowed; it must be a number from 0.25 to 4'],
    ['--image', 'busybox', '--image requires --host; the embedded engine has its own image'],
    ['--host', 'ssh://me@there', '--host: "ssh://me@there" is not allowed; the demo can only relay'],
    ['--host', 'nonsense', '--host'],
  ])('%s %s is wrong usage', async (flag, value, message) => {
    const { world, err, out } = typing()
    expect(await runCli(['demo', flag, value], world)).toBe(2)
    expect(err()).toContain(`error: ${message}`)
    expect(out()).toBe('')
  })

  it(
    'ends at a signal with 1, and closes its listener',
    async () => {
      const { world, out, interrupt, listening } = typing()
      const ended = runCli(['demo', '--speed', '4'], world)
      while (!out().includes('is up')) await new Promise((next) => setImmediate(next))
      expect(listening()).toBeGreaterThan(0)
      interrupt()
      expect(await ended).toBe(1)
      expect(out()).toContain('interrupted; everything that it created is removed')
      expect(listening()).toBe(0)
    },
    storyLimitMs,
  )

  it.each([
    ['a terminal', { isTerminal: true }, true],
    ['a terminal that cannot go back', { isTerminal: true, env: { TERM: 'dumb' } }, false],
    ['a pipe', { isTerminal: false }, false],
  ])(
    'on %s it redraws in place only where possible, and uses no colours under NO_COLOR',
    async (_where, { isTerminal, env }: { isTerminal: boolean; env?: CliWorld['env'] }, isDrawn) => {
      const { world, out, interrupt } = typing({ isTerminal, env: { COLUMNS: '60', NO_COLOR: '1', ...env } })
      const ended = runCli(['demo', '--speed', '4'], world)
      while (!out().includes('web-1 ')) await new Promise((next) => setImmediate(next))
      interrupt()
      await ended
      expect(out().includes(`${escape}[?25l`)).toBe(isDrawn)
      expect(out()).not.toContain(`${escape}[32m`)
    },
    storyLimitMs,
  )
})
