import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'

/** A file system that answers nothing: opening a file of it never returns. */
export interface SilentDisk {
  readonly folder: string
  close(): Promise<void>
}

/** Mounts it, and leaves every request of the kernel unread. Closing the device ends those that wait. */
const server = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
path = sys.argv[1].encode()
device = os.open('/dev/fuse', os.O_RDWR)
if libc.mount(b'silent', path, b'fuse', 0, f'fd={device},rootmode=40000,user_id=0,group_id=0'.encode()):
    sys.exit(os.strerror(ctypes.get_errno()))
print('mounted', flush=True)
sys.stdin.read()
libc.umount2(path, 2)
`

/** Why there can be none here; undefined where there can. */
export const noSilentDisk: string | undefined = reasonAgainst()

export async function mountSilentDisk(): Promise<SilentDisk> {
  const folder = mkdtempSync(join(tmpdir(), 'flotsam-silent-'))
  const child = spawn('python3', ['-c', server, folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  await mounted(child)
  return {
    folder,
    async close() {
      child.stdin.end()
      await once(child, 'close')
      rmSync(folder, { recursive: true })
    },
  }
}

async function mounted(child: ChildProcessByStdio<Writable, Readable, null>): Promise<void> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the silent file system ended with ${String(code)}`)
  })
  await Promise.race([once(child.stdout, 'data'), ended])
}

function reasonAgainst(): string | undefined {
  if (process.getuid?.() !== 0 || !existsSync('/dev/fuse')) return 'needs root and /dev/fuse'
  if (spawnSync('python3', ['--version']).status !== 0) return 'needs python3'
  const folder = mkdtempSync(join(tmpdir(), 'flotsam-silent-'))
  const { status } = spawnSync('python3', ['-c', server, folder], { input: '' })
  rmSync(folder, { recursive: true })
  return status === 0 ? undefined : 'may not mount a file system of its own here'
}
