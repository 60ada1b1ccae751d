import { show } from '../../domain/show.ts'
import { nothingTracked } from '../../index.ts'
import type { Flags } from '../flags.ts'
import { within } from '../process/deadline.ts'
import { UsageError } from '../usage.ts'
import type { CommandClock } from '../world.ts'
import { trackedFile } from './file.ts'
import { isMountedFile, mountTheFolder } from './mounted-file.ts'
import type { TrackedSource } from './source.ts'
import { trackedUrl } from './url.ts'

/** Every reading of the file checks it too, so a file system that does not answer need not do so here. */
const longestCheckMs = 1500

/** The tracker that the flags name; undefined where they name none. */
export async function chooseTracked(
  { tracked, trackedUrl: url, nothingTracked: isNothingTracked, sessions }: Flags,
  clock: CommandClock,
): Promise<TrackedSource | undefined> {
  if (tracked !== undefined) {
    if (await within(isMountedFile(tracked), longestCheckMs, () => false, clock))
      throw new UsageError(`--tracked: ${show(tracked)}: ${mountTheFolder}`)
    return trackedFile(tracked)
  }
  if (url) return trackedUrl(url)
  // with sessions, only their leases say what lives
  const flag = isNothingTracked ? '--nothing-tracked' : sessions && '--sessions'
  return flag ? { flag, tracked: nothingTracked, check: async () => {} } : undefined
}

export const trackerForms = '--tracked FILE, --tracked-url URL, --nothing-tracked or --sessions STORE'

/** The same for commands that remove: it has to be said what is tracked, even that nothing is. */
export async function requireTracked(flags: Flags, clock: CommandClock): Promise<TrackedSource> {
  const source = await chooseTracked(flags, clock)
  if (!source) throw new UsageError(`no tracker given; give ${trackerForms}`)
  return source
}
