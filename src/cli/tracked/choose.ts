import { show } from '../../domain/show.ts'
import { nothingTracked } from '../../index.ts'
import type { Flags } from '../options.ts'
import { UsageError } from '../usage.ts'
import { trackedFile } from './file.ts'
import { isMountedFile, mountTheFolder } from './mounted-file.ts'
import type { TrackedSource } from './source.ts'
import { trackedUrl } from './url.ts'

/** The tracker that the flags name; undefined where they name none. */
export async function chooseTracked({
  tracked,
  trackedUrl: url,
  nothingTracked: isNothingTracked,
}: Flags): Promise<TrackedSource | undefined> {
  if (tracked !== undefined) {
    if (await isMountedFile(tracked)) throw new UsageError(`--tracked: ${show(tracked)}: ${mountTheFolder}`)
    return trackedFile(tracked)
  }
  if (url) return trackedUrl(url)
  return isNothingTracked
    ? { flag: '--nothing-tracked', tracked: nothingTracked, check: async () => {} }
    : undefined
}

export const trackerForms = '--tracked FILE, --tracked-url URL or --nothing-tracked'

/** The same for commands that remove: it has to be said what is tracked, even that nothing is. */
export async function requireTracked(flags: Flags): Promise<TrackedSource> {
  const source = await chooseTracked(flags)
  if (!source) throw new UsageError(`no tracker given; give ${trackerForms}`)
  return source
}
