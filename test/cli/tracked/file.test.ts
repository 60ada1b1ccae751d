import { execFileSync } from 'node:child_process'
import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  rename,
  rm,
  symlink,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readTrackedFile, trackedFile } from '../../../src/cli/tracked/file.ts'
import { fakeId } from '../../support/fake-engine.ts'

const [one, two, three] = [fakeId(1), fakeId(2), fakeId(3)]

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotsam-tracked-'))
  path = join(folder, 'containers')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function replaceWith(text: string): Promise<void> {
  await writeFile(`${path}.new`, text)
  await rename(`${path}.new`, path)
}

describe('what a tracked file says', () => {
  it.each([
    ['one id with a line feed', `${one}\n`, [one]],
    ['one id without', one, [one]],
    ['several', `${one}\n${two}\n`, [one, two]],
    ['the same one twice', `${one}\n${one}\n`, [one]],
    ['an empty file: nothing is tracked', '', []],
  ])('%s', async (_what, text, ids) => {
    await writeFile(path, text)
    expect([...(await readTrackedFile(path))]).toEqual(ids)
  })

  it('answers for full ids alone', async () => {
    await writeFile(path, `${one}\n`)
    const { tracked } = trackedFile(path)
    expect(await Promise.all([tracked.has(one), tracked.has(two), tracked.has(one.slice(0, 12))])).toEqual([
      true,
      false,
      false,
    ])
  })

  it('a hundred thousand ids', async () => {
    const ids = Array.from({ length: 100_000 }, (_, number) => number.toString(16).padStart(64, '0'))
    await writeFile(path, `${ids.join('\n')}\n`)
    const { tracked } = trackedFile(path)
    expect(await Promise.all([tracked.has(ids[99_999] as string), tracked.has(one)])).toEqual([true, false])
  })

  it('is followed through a symbolic link', async () => {
    await writeFile(path, `${one}\n`)
    await symlink(path, join(folder, 'link'))
    expect(await trackedFile(join(folder, 'link')).tracked.has(one)).toBe(true)
  })
})

describe('unknown-is-spared: a file that is not ids in full is not believed at all', () => {
  it.each([
    ['a short id', `${one}\n${two.slice(0, 12)}\n`, 2],
    ['a line that was cut', `${one}\n${two.slice(0, 63)}`, 2],
    ['two ids in a line', `${one}${two}\n`, 1],
    ['a name', 'web\n', 1],
    ['upper case', `${one.toUpperCase()}\n`, 1],
    ['carriage returns', `${one}\r\n${two}\r\n`, 1],
    ['a blank line between', `${one}\n\n${two}\n`, 2],
    ['a blank line at the end', `${one}\n\n`, 2],
    ['nothing but a line feed', '\n', 1],
    ['a space behind', `${one} \n`, 1],
    ['a comment', `# ours\n${one}\n`, 1],
    ['a byte order mark', `\uFEFF${one}\n`, 1],
    ['a byte of zero', `${one}\n\0`, 2],
  ])('%s', async (_what, text, line) => {
    await writeFile(path, text)
    await expect(trackedFile(path).tracked.has(one)).rejects.toMatchObject({
      reason: 'tracked-file-invalid',
      message: `"${path}" cannot be believed: line ${line} is not a full container id, 64 lower-case hexadecimal digits`,
    })
  })

  it.each<[string, () => Promise<unknown>]>([
    ['written to', () => appendFile(path, `${two}\n`)],
    [
      'written over, with the same length and the old times',
      async () => {
        await writeFile(path, `${two}\n`)
        await utimes(path, 1000, 1000)
      },
    ],
    ['cut', () => writeFile(path, '')],
    ['replaced', () => replaceWith(`${two}\n`)],
    ['removed', () => unlink(path)],
  ])('%s while it is read', async (_what, meddle) => {
    await writeFile(path, `${one}\n`)
    await utimes(path, 1000, 1000)
    await expect(readTrackedFile(path, meddle)).rejects.toMatchObject({
      reason: 'tracked-file-invalid',
      message: `"${path}" cannot be believed: it changed while it was read; write a new file and rename it`,
    })
  })

  it('a symbolic link that is turned to another file while it is read', async () => {
    const link = join(folder, 'link')
    await writeFile(path, `${one}\n`)
    await writeFile(`${path}.other`, `${two}\n`)
    await symlink(path, link)
    const turn = async () => {
      await symlink(`${path}.other`, `${link}.new`)
      await rename(`${link}.new`, link)
    }
    await expect(readTrackedFile(link, turn)).rejects.toMatchObject({ reason: 'tracked-file-invalid' })
  })

  it('larger than a million ids', async () => {
    await writeFile(path, '')
    execFileSync('truncate', ['-s', String(65 * 1024 * 1024 + 1), path])
    await expect(trackedFile(path).check()).rejects.toMatchObject({ reason: 'tracked-file-invalid' })
  })
})

describe('unknown-is-spared: a file that cannot be read', () => {
  const unreadable = { reason: 'tracked-file-unreadable' }

  it('is not there', async () => {
    await expect(trackedFile(path).tracked.has(one)).rejects.toMatchObject({
      ...unreadable,
      message: `"${path}" cannot be read: ENOENT: no such file or directory, open '${path}'`,
    })
  })

  it('is a folder', async () => {
    await mkdir(path)
    await expect(trackedFile(path).check()).rejects.toMatchObject(unreadable)
  })

  it('is a pipe that nobody writes to: it is not waited for', async () => {
    execFileSync('mkfifo', [path])
    await expect(trackedFile(path).check()).rejects.toMatchObject({
      ...unreadable,
      message: `"${path}" cannot be read: it is not a regular file`,
    })
  })

  it.skipIf(process.getuid?.() === 0)('may not be read', async () => {
    await writeFile(path, `${one}\n`)
    await chmod(path, 0)
    await expect(trackedFile(path).check()).rejects.toMatchObject(unreadable)
  })
})

describe('fresh-look: every question is answered from a reading that began after it', () => {
  it('sees a file that was replaced between two questions', async () => {
    await writeFile(path, `${one}\n`)
    const { tracked } = trackedFile(path)
    expect([await tracked.has(one), await tracked.has(two)]).toEqual([true, false])
    await replaceWith(`${two}\n${three}\n`)
    expect([await tracked.has(one), await tracked.has(two), await tracked.has(three)]).toEqual([
      false,
      true,
      true,
    ])
  })

  it('recovers by itself when the file comes, goes and comes again', async () => {
    const { tracked } = trackedFile(path)
    await expect(tracked.has(one)).rejects.toMatchObject({ reason: 'tracked-file-unreadable' })
    await writeFile(path, `${one}\n`)
    expect(await tracked.has(one)).toBe(true)
    await unlink(path)
    await expect(tracked.has(one)).rejects.toMatchObject({ reason: 'tracked-file-unreadable' })
    await writeFile(path, '')
    expect(await tracked.has(one)).toBe(false)
  })
})
