import { Option } from 'commander'
import type { Inspector } from '../inspector/index.ts'
import { quoted } from './text.ts'
import { UsageError } from './usage.ts'
import type { CliWorld } from './world.ts'

/** `true`: a port that is free. */
export type InspectFlag = number | true

const form = 'it must be a port from 1 to 65535, or 0 for one that is free'

export function inspectOption(): Option {
  return new Option(
    '--inspect [PORT]',
    'show every actor and its chart in a browser on this machine; tells the address on stderr (default port: one that is free)',
  ).argParser(readPort)
}

/** Opens the inspector where it was asked for, and tells where. Nothing of it is loaded otherwise. */
export async function openInspector(
  flag: InspectFlag | undefined,
  { stderr }: CliWorld,
): Promise<Inspector | undefined> {
  if (flag === undefined) return undefined
  const { createInspector } = await import('../inspector/index.ts')
  const inspector = await createInspector({ port: flag === true ? 0 : flag })
  stderr.write(`inspector: ${inspector.url} (in Stately's own: ${inspector.statelyUrl})\n`)
  return inspector
}

function readPort(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new UsageError(`--inspect: ${quoted(text)} is not allowed; ${form}`)
}
