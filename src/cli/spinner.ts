import type { CliWorld } from './world.ts'

/** Who is quick needs no spinner. */
const shownAfterMs = 1000
const frameMs = 120
const frames = ['|', '/', '-', '\\'] as const

/** Waits for work, and shows on a terminal's stderr that it goes on, once that takes longer than a second. */
export async function withSpinner<T>(
  text: string,
  { stderr, clock }: CliWorld,
  work: Promise<T>,
): Promise<T> {
  if (!stderr.isTerminal) return work
  let turns = 0
  const turn = () => {
    stderr.write(`\r${frames[turns++ % frames.length]} ${text}`)
    timer = clock.setTimeout(turn, frameMs)
  }
  let timer = clock.setTimeout(turn, shownAfterMs)
  try {
    return await work
  } finally {
    clock.clearTimeout(timer)
    if (turns > 0) stderr.write('\r\u001B[K')
  }
}
