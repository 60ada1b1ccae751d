import { Argument, type Command, Option } from 'commander'
import type { CliWorld, ExitCode } from '../world.ts'
import { track, type TrackAction, trackActions } from './track.ts'

const epilogue = `
add makes the file where there was none, remove takes ids out, list prints them, and reset replaces
whatever is there. The file always holds the old ids or the new ones, whole. Where it fails it says
why and ends with 1, and the file is as it was; ids that cannot be used end it with 2.`

/** The command that asks no engine: it keeps the file that `--tracked` reads. */
export function addTrack(program: Command, world: CliWorld, onEnd: (code: ExitCode) => void): void {
  program
    .command('track')
    .description(
      'maintain the file of --tracked: add, remove or list ids, or reset it to exactly the given ids',
    )
    .addArgument(
      new Argument(
        '<file>',
        'the file of --tracked; beside it are FILE.lock and, for moments, FILE.track-new',
      ),
    )
    .addArgument(new Argument('<action>', 'what to do').choices(trackActions))
    .addArgument(new Argument('[ids...]', 'full container ids'))
    .addOption(new Option('--nothing-tracked', 'with reset: no ids, which says that nothing is tracked'))
    .addHelpText('after', epilogue)
    .action(
      async (path: string, action: TrackAction, ids: readonly string[], flags: { nothingTracked?: true }) =>
        onEnd(await track({ path, action, ids, nothingTracked: flags.nothingTracked === true }, world)),
    )
}
