import type { OptionError } from '../index.ts'

/** The command line itself cannot be used. The message is the whole line that the user sees after `error: `. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Which flag gives which option of the library. */
const flags: Readonly<Record<string, string>> = {
  owner: '--owner',
  'owner.label': '--owner',
  'owner.value': '--owner',
  preset: '--preset',
  engine: '--host',
  period: '--period',
  creationGrace: '--creation-grace',
  restoreGrace: '--restore-grace',
  releaseGrace: '--release-grace',
  filterListing: '--filter-listing',
}

/** What the library says of an option, in the words of the command line. */
export function inFlags({ option, message }: OptionError): string {
  const flag = flags[option]
  if (option === 'keepLabel')
    return '--owner: the keep label cannot be the owner label too; then nothing could ever be removed'
  const named = flag === undefined ? message : beginningWith(flag, option, message)
  return named
    .replace(', or a number of milliseconds', '')
    .replace('or allowShortGrace must be true', 'or --allow-short-grace must be given')
    .replace('unless owner narrows it', 'unless --owner narrows it')
}

function beginningWith(flag: string, option: string, message: string): string {
  for (const beginning of [`option ${option}: `, `${option} is `]) {
    if (message.startsWith(beginning)) return `${flag}: ${message.slice(beginning.length)}`
  }
  return `${flag}: ${message}`
}
