import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { isatty } from 'node:tty'
import type { EndSignal } from './signals.ts'

/** Calls to the operating system that run on a thread of Node. `process.exit` waits for each, without a limit. */
const threadCall = /^(?:FSReq|FileHandleCloseReq|GetAddrInfoReq|GetNameInfoReq)/
/** Calls that are answered at all are answered sooner. */
const longestCallMs = 500
const checkMs = 20

/** Node resets them at its end, and aborts where one has been closed. */
const terminals = [0, 1, 2].filter((fd) => isatty(fd))

/** Ends the process with this code, unless that is not possible. `by` is the signal that asked for it. */
export async function exitWith(code: number, by?: EndSignal): Promise<void> {
  const deadlineMs = performance.now() + longestCallMs
  while (isCallPending()) {
    if (performance.now() > deadlineMs) return endAsIs(code, by ?? 'SIGKILL')
    await sleep(checkMs)
  }
  if (terminals.every((fd) => isatty(fd))) process.exit(code)
  endAsIs(code, by ?? 'SIGHUP')
}

/** Ends the process as if it did not handle the signal. */
export function dieBy(signal: EndSignal): void {
  raise(signal)
  afterIgnored(() => void exitWith(128 + constants.signals[signal], signal))
}

function isCallPending(): boolean {
  return process.getActiveResourcesInfo().some((name) => threadCall.test(name))
}

/**
 * Ends the process without what Node does at its end. A file system or a resolver may never answer, and only the kernel can end
 * the thread that asked.
 */
function endAsIs(code: number, by: NodeJS.Signals): void {
  replaceProcess(code)
  raise(by)
  afterIgnored(() => process.abort())
}

type Execve = (file: string, args: readonly string[], env: Readonly<Record<string, string>>) => void

/** Another program in the place of this one takes over its id and ends all of its threads. Since Node 22.15. */
function replaceProcess(code: number): void {
  const { execve } = process as { readonly execve?: Execve }
  try {
    execve?.call(process, process.execPath, [process.execPath, '-e', `process.exit(${code})`], {})
  } catch {
    // It may be forbidden. The signal that follows is not.
  }
}

function raise(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}

/** The first process of a container ignores its own signals. Every other one has ended before this runs. */
function afterIgnored(next: () => void): void {
  setImmediate(next)
}
