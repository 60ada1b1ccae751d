import { readFileSync } from 'node:fs'
import { isatty } from 'node:tty'

/** The signals that a terminal sends to every process in its foreground. */
const ofTerminals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT']

/**
 * Whether a child in the same process group has had the signal as well: a terminal sent it. In the foreground of a terminal,
 * `kill` is taken for the terminal too; nothing in Node distinguishes them.
 */
export function hasReachedAll(signal: NodeJS.Signals): boolean {
  return ofTerminals.includes(signal) && isInForeground()
}

function isInForeground(): boolean {
  try {
    // pid (name) state ppid pgrp session tty_nr tpgid; the name may contain anything
    const fields = readFileSync('/proc/self/stat', 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')
    return fields[2] === fields[5]
  } catch {
    return [0, 1, 2].some((fd) => isatty(fd))
  }
}
