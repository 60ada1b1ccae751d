import type { Reason, TrackerTrouble } from '../../index.ts'
import type { Flags } from '../options.ts'
import { UsageError } from '../usage.ts'
import { trackedFile } from './file.ts'
import type { TrackedSource } from './source.ts'
import { trackedUrl } from './url.ts'

/** The tracker that the flags name; undefined where they name none. */
export function chooseTracked({
  tracked,
  trackedUrl: url,
  nothingTracked,
}: Flags): TrackedSource | undefined {
  if (tracked !== undefined) return trackedFile(tracked)
  if (url) return trackedUrl(url)
  return nothingTracked ? { flag: '--nothing-tracked', tracked: new Set(), check: async () => {} } : undefined
}

export const trackerForms = '--tracked FILE, --tracked-url URL or --nothing-tracked'

/** The same for commands that remove: it has to be said what is tracked, even that nothing is. */
export function requireTracked(flags: Flags): TrackedSource {
  const source = chooseTracked(flags)
  if (!source) throw new UsageError(`it is not said what is tracked; give ${trackerForms}`)
  return source
}

const troubles: Readonly<Record<TrackerTrouble, true>> = {
  'tracker-unknown': true,
  'tracker-failed': true,
  'tracker-timed-out': true,
  'tracker-not-ready': true,
  'tracker-invalid': true,
  'tracked-file-unreadable': true,
  'tracked-file-invalid': true,
  'tracked-url-failed': true,
  'tracked-url-invalid': true,
}

/** Whether a container was spared only because the tracker gave no answer. */
export function isTrackerTrouble(reason: Reason): reason is TrackerTrouble {
  return Object.hasOwn(troubles, reason)
}
