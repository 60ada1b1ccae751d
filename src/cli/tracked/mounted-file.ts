import { readFile, realpath } from 'node:fs/promises'
// a leaf of its own, which loads nothing else
import { parseMountTable } from '../../self/mount-table.ts'

/** Why a mounted file never changes, and what to do about it. */
export const mountTheFolder =
  'the file itself is mounted, so a new file renamed over it is never visible here; mount its folder instead'

/**
 * Whether the file that a path leads to is a mount of its own, as `--volume /run/agent/containers:/containers` makes one.
 * Such a mount holds the file that was there once, whatever has taken its name since.
 */
export async function isMountedFile(path: string): Promise<boolean> {
  const [mountinfo, real] = await Promise.all([
    readFile('/proc/self/mountinfo', 'utf8').catch(() => ''),
    realpath(path).catch(() => undefined),
  ])
  return real !== undefined && parseMountTable(mountinfo).some(({ mountPoint }) => mountPoint === real)
}
