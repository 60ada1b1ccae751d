import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system of a few pages in memory. */
export interface SmallDisk {
  readonly folder: string
  /** Fills it to the last byte. */
  fill(): void
  makeReadOnly(): void
  close(): void
}

/** Why there can be none here; undefined where there can. */
export const noSmallDisk: string | undefined = reasonAgainst()

export function mountSmallDisk(options = 'size=64k'): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'flotsam-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder])
  return {
    folder,
    fill() {
      const path = join(folder, 'filling')
      for (let size = 64 * 1024; size > 0; size = Math.floor(size / 2)) {
        try {
          while (true) writeFileSync(path, Buffer.alloc(size), { flag: 'a' })
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
        }
      }
    },
    makeReadOnly: () => void execFileSync('mount', ['-o', 'remount,ro', folder]),
    close() {
      execFileSync('umount', [folder])
      rmSync(folder, { recursive: true })
    },
  }
}

function reasonAgainst(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux'
  if (process.getuid?.() !== 0) return 'needs root, to mount a small file system'
  const folder = mkdtempSync(join(tmpdir(), 'flotsam-disk-'))
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', folder])
  if (status === 0) execFileSync('umount', [folder])
  rmSync(folder, { recursive: true })
  return status === 0 ? undefined : 'may not mount a small file system here'
}
