import { type Command, Option } from 'commander'
import { show } from '../../domain/show.ts'
import { type InspectFlag, inspectOption, openInspector } from '../inspect.ts'
import { EndRequests } from '../process/end-requests.ts'
import { wantsColor } from '../text.ts'
import { UsageError } from '../usage.ts'
import { type CliWorld, exitDone, exitFailed, type ExitCode } from '../world.ts'
import type { Screen } from './narrator.ts'
import { fastestSpeed, slowestSpeed } from './pace.ts'

export interface DemoFlags {
  readonly host?: string
  readonly image?: string
  readonly speed?: number
  readonly json?: true
  readonly inspect?: InspectFlag
}

/** The command that needs neither an owner nor a tracker: it brings its own of everything. */
export function addDemo(program: Command, world: CliWorld, onEnd: (code: ExitCode) => void): void {
  program
    .command('demo')
    .description(
      'show how Flotsam works in half a minute, with an embedded engine and agent; needs no Docker',
    )
    .addOption(
      new Option(
        '--host <URL>',
        'use this engine instead, with labels of its own, and clean up: unix:///path, tcp://host:port',
      ),
    )
    .addOption(
      new Option(
        '--image <NAME>',
        'with --host: a local image that can run `sleep` (default: chosen automatically)',
      ),
    )
    .addOption(
      new Option(
        '--speed <N>',
        `the factor of the speed, ${slowestSpeed} to ${fastestSpeed} (default: 1)`,
      ).argParser(readSpeed),
    )
    .addOption(new Option('--json', 'print only the summary, as one JSON object'))
    .addOption(inspectOption())
    .action(async (flags: DemoFlags) => onEnd(await demo(flags, world)))
}

/** Plays the demo, whose code is loaded only then. */
export async function demo(flags: DemoFlags, world: CliWorld): Promise<ExitCode> {
  const { host, image, speed, json } = flags
  if (image !== undefined && host === undefined) {
    throw new UsageError('--image requires --host; the embedded engine has its own image')
  }
  const inspector = await openInspector(flags.inspect, world)
  const abort = new AbortController()
  const requests = new EndRequests(world)
  void requests.first.then(() => abort.abort(new Error('interrupted')))
  const subscriptions = [requests.forget, world.onOutputClosed(() => requests.ask())]
  try {
    const [{ runDemo }, { openHostStage }] = await Promise.all([
      import('./demo.ts'),
      import('./host-stage.ts'),
    ])
    const played = runDemo({
      screen: screenOf(world),
      signal: abort.signal,
      ...(json ? { json } : {}),
      ...(speed === undefined ? {} : { speed }),
      ...(inspector ? { inspector } : {}),
      ...(host === undefined ? {} : { openStage: () => openHostStage({ host, image }) }),
    })
    const code = await Promise.race([played, requests.second.then(() => 'left' as const)])
    if (code === 'left') world.stderr.write('error: interrupted twice; what the demo created may be left\n')
    return code === 0 ? exitDone : exitFailed
  } finally {
    for (const unsubscribe of subscriptions) unsubscribe()
    await inspector?.stop()
  }
}

function screenOf({ stdout, env }: CliWorld): Screen {
  return {
    write: (text) => stdout.write(text),
    isTerminal: stdout.isTerminal && env['TERM'] !== 'dumb',
    columns: () => sizeIn(env['COLUMNS']) ?? process.stdout.columns ?? 80,
    rows: () => sizeIn(env['LINES']) ?? process.stdout.rows ?? 24,
    hasColour: wantsColor(stdout, env),
    hasUnicode: hasUnicode(env),
  }
}

function sizeIn(text = ''): number | undefined {
  return /^[1-9]\d{0,4}$/.test(text) ? Number(text) : undefined
}

/** Where no locale is set, as in most containers, the terminal that shows it has it nearly always. */
function hasUnicode(env: CliWorld['env']): boolean {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''
  return env['TERM'] !== 'linux' && (locale === '' || /utf-?8/i.test(locale))
}

function readSpeed(text: string): number {
  const speed = Number(text)
  if (/^[\d.]+$/.test(text) && speed >= slowestSpeed && speed <= fastestSpeed) return speed
  throw new UsageError(
    `--speed: ${show(text)} is not allowed; it must be a number from ${slowestSpeed} to ${fastestSpeed}`,
  )
}
