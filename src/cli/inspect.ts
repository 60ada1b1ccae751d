import { Option } from 'commander'
import { show } from '../domain/show.ts'
import type { Inspector } from '../inspector/index.ts'
import { UsageError } from './usage.ts'
import type { CliWorld } from './world.ts'

/** `true`: a port that is free. */
export type InspectFlag = number | true

const form = 'it must be a port from 1 to 65535, or 0 for a free one'

export function inspectOption(): Option {
  return new Option(
    '--inspect [PORT]',
    'show every actor and its chart in a browser on this machine; prints the address to stderr (default: any free port)',
  ).argParser(readPort)
}

/** Opens the inspector if it was requested, and prints its address. It is loaded only then. */
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
  throw new UsageError(`--inspect: ${show(text)} is not allowed; ${form}`)
}
