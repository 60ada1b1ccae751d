/** The simulated behaviour of a container's command. */
export interface Program {
  /** The time after which it exits; undefined if it runs until it is stopped. */
  readonly endsAfterMs: number | undefined
  readonly exitCode: number
  /** Its exit code on TERM, INT, QUIT or HUP; undefined if it ignores these signals. */
  readonly codeOnPoliteSignal: ((signal: number) => number) | undefined
}

const secondsPerUnit: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 }
const longestTimerMs = 2 ** 31 - 1

const diesOfSignal = (signal: number): number => 128 + signal

/**
 * `true`, `false`, `exit N` in a shell and `sleep N` are simulated; everything else runs until it is stopped. As the
 * first process of a container without an init, `sleep` and a shell without `trap` ignore TERM, INT, QUIT and HUP.
 */
export function programOf(command: readonly string[], hasInit: boolean): Program {
  const [path = '', ...args] = command
  const name = path.slice(path.lastIndexOf('/') + 1)
  const ignoresUnlessInit = hasInit ? diesOfSignal : undefined
  if (name === 'true') return { endsAfterMs: 0, exitCode: 0, codeOnPoliteSignal: undefined }
  if (name === 'false') return { endsAfterMs: 0, exitCode: 1, codeOnPoliteSignal: undefined }
  if (name === 'sleep')
    return { endsAfterMs: durationOf(args), exitCode: 0, codeOnPoliteSignal: ignoresUnlessInit }
  if (/^(?:ba|da|a)?sh$/.test(name) && args[0] === '-c') return programOfScript(args[1] ?? '', hasInit)
  if (name === 'sh' || name === 'bash') return { endsAfterMs: 0, exitCode: 0, codeOnPoliteSignal: undefined }
  return { endsAfterMs: undefined, exitCode: 0, codeOnPoliteSignal: diesOfSignal }
}

function programOfScript(script: string, hasInit: boolean): Program {
  if (script.includes('trap')) return { endsAfterMs: undefined, exitCode: 0, codeOnPoliteSignal: () => 0 }
  const exit = /^\s*exit\s+(\d+)\s*$/.exec(script)
  if (exit) return { endsAfterMs: 0, exitCode: Number(exit[1]) & 255, codeOnPoliteSignal: undefined }
  if (/^[\w./ ]+$/.test(script)) return programOf(script.trim().split(/\s+/), hasInit)
  return { endsAfterMs: undefined, exitCode: 0, codeOnPoliteSignal: hasInit ? diesOfSignal : undefined }
}

function durationOf(args: readonly string[]): number | undefined {
  let totalMs = 0
  for (const arg of args) {
    const parts = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(arg)
    if (!parts) return undefined
    totalMs += Number(parts[1]) * (secondsPerUnit[parts[2] ?? ''] ?? 1) * 1000
  }
  return totalMs > longestTimerMs ? undefined : totalMs
}

/** Paths that do not exist, so that a start can fail. */
export function isProgramThere(path: string): boolean {
  return !path.startsWith('/no/such/')
}

const signals: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ABRT: 6,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  WINCH: 28,
}

/** The number of a signal given by number or name, with or without SIG; undefined if it does not exist. */
export function signalNumber(text: string): number | undefined {
  if (/^\d+$/.test(text)) {
    const number = Number(text)
    return number >= 1 && number <= 64 ? number : undefined
  }
  return signals[text.toUpperCase().replace(/^SIG/, '')]
}

export const sigkill = 9
export const sigterm = 15
export const politeSignals: ReadonlySet<number> = new Set([1, 2, 3, 15])
