import { type PathLike, type StatFsOptions } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type * as sessions from '../../src/sessions/index.ts'
import { newFolder, randomId } from './support/holders.ts'

const isLinux = process.platform === 'linux'

describe.skipIf(!isLinux)('unknown-is-spared: a file system that other machines may share', () => {
  let type = 0
  let socketLeases: typeof sessions.socketLeases

  beforeAll(async () => {
    vi.resetModules()
    vi.doMock(import('node:fs/promises'), async (original) => {
      const real = await original()
      const statfs = async (path: PathLike, options?: StatFsOptions) =>
        Object.assign(await real.statfs(path, options as { bigint?: false }), { type })
      return { ...real, statfs: statfs as typeof real.statfs }
    })
    ;({ socketLeases } = await import('../../src/sessions/index.ts'))
  })
  afterAll(() => {
    vi.doUnmock('node:fs/promises')
    vi.resetModules()
  })

  it.each([
    ['nfs', 0x6969],
    ['cifs', 0xff534d42],
    ['9p', 0x01021997],
    ['fuse', 0x65735546],
  ])('%s is refused', async (name, magic) => {
    const directory = newFolder()
    const leases = socketLeases(directory)
    type = magic
    for (const ask of [() => leases.hold(randomId()), () => leases.isHeld(randomId()), () => leases.list()]) {
      await expect(ask()).rejects.toThrow(`${directory} (on a file system of type ${name}) is not allowed`)
    }
    // tmpfs
    type = 0x01021994
    await (await leases.hold(randomId())).release()
  })
})
