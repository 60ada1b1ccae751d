import { createReadStream } from 'node:fs'
import { Argument, type Command, Option } from 'commander'
import { messageOf } from '../domain/errors.ts'
import type { Entry } from '../recording/read.ts'
import { crashReport, notesOn, replayReport } from './replay-report.ts'
import { jsonLine, wantsColor } from './text.ts'
import { UsageError } from './usage.ts'
import { type CliWorld, exitDone, exitFailed, type ExitCode } from './world.ts'

interface ReplayRequest {
  readonly file: string
  readonly container: string | undefined
  readonly json: boolean
}

const epilogue = `
A recording is that of flotsam run --record FILE. Its events go through the charts of this release, and
each state is compared with the recorded one. Nothing is asked of an engine, and nothing is removed. It
ends with 0 where all states are the same, and with 1 at the first that differs. Of a crash snapshot, that
of flotsam run --crash-file FILE, it shows the supervisor and the containers.`

/** The command that asks no engine: it reads what `run` has recorded, or has left. */
export function addReplay(program: Command, world: CliWorld, onEnd: (code: ExitCode) => void): void {
  program
    .command('replay')
    .description(
      'feed a recorded run through the charts and show the first divergence; or show a crash snapshot',
    )
    .addArgument(new Argument('<file>', 'a recording or a crash snapshot'))
    .addArgument(new Argument('[container]', 'only this one: a full id, the start of one, or a name'))
    .addOption(new Option('--json', 'one JSON object on stdout and nothing else'))
    .addHelpText('after', epilogue)
    .action(async (file: string, container: string | undefined, { json }: { readonly json?: true }) =>
      onEnd(await replayFile({ file, container, json: json === true }, world)),
    )
}

async function replayFile(request: ReplayRequest, world: CliWorld): Promise<ExitCode> {
  const { file, container, json } = request
  const { stdout, stderr, version, env } = world
  const { readEntries } = await import('../recording/read.ts')
  const entries = readEntries(file, chunksOf(file))
  // It always begins with one.
  const first = (await entries.next()).value as Extract<Entry, { readonly kind: 'header' }>
  const options = { name: file, only: container }
  if (first.header.flotsam === 'crash') {
    const { readCrash } = await import('../recording/crash.ts')
    const crash = await readCrash(first.header, entries, options)
    stderr.write(json ? '' : notesOn(crash, [crash.by], version))
    stdout.write(json ? jsonLine(crash) : crashReport(crash, wantsColor(stdout, env)))
    return exitDone
  }
  const { replay } = await import('../recording/replay.ts')
  const replayed = await replay(startingWith(first, entries), options)
  stderr.write(json ? '' : notesOn(replayed, replayed.by, version))
  stdout.write(json ? jsonLine(replayed) : replayReport(replayed))
  return replayed.divergence ? exitFailed : exitDone
}

async function* startingWith(first: Entry, rest: AsyncIterable<Entry>): AsyncGenerator<Entry> {
  yield first
  yield* rest
}

async function* chunksOf(file: string): AsyncGenerator<string> {
  try {
    yield* createReadStream(file, 'utf8') as AsyncIterable<string>
  } catch (error) {
    throw new UsageError(`replay: ${file} cannot be read: ${messageOf(error)}`)
  }
}
