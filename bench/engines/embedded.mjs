import { startChild } from '../child.mjs'

/** The embedded engine in a process of its own, so that none of its work is counted as ours. */
export async function startEmbedded() {
  const child = startChild('engines/embedded-process.mjs', { execArgv: ['--max-old-space-size=4096'] })
  const address = await child.ask('listen')
  const verbs = ['fill', 'replaceAll', 'renameAll', 'clear', 'size', 'ids', 'goDown', 'comeUp', 'cpuMs']
  return {
    kind: 'embedded',
    title: 'embedded engine',
    status: 'running',
    address,
    answers: Object.fromEntries(verbs.map((verb) => [verb, (...args) => child.ask(verb, ...args)])),
    stop: () => child.end(),
  }
}
