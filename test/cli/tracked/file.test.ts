import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFile,
  chmod,
  link,
  mkdir,
  mkdtemp,
  open,
  rename,
  rm,
  symlink,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { readContent } from '../../../src/cli/tracked/content.ts'
import { readTrackedFile, trackedFile } from '../../../src/cli/tracked/file.ts'
import { fakeId } from '../../support/fake-engine.ts'
import { createTestWorld, ranCli } from '../support/cli-world.ts'
import { noSmallDisk } from '../support/small-disk.ts'
import { trackedText } from '../support/tracked-text.ts'

const remedy = 'write it with flotsam track, or write a new file and rename it'
const [one, two, three] = [fakeId(1), fakeId(2), fakeId(3)]

const hasPython = spawnSync('python3', ['--version']).status === 0
// One write for each word, also if Python is set not to buffer: print would make two of it.
const mappingWriter = `
import mmap, sys
file = open(sys.argv[1], 'r+b')
mapping = mmap.mmap(file.fileno(), 0)
for text in sys.argv[2:]:
    mapping[0:64] = text.encode()
    sys.stdout.write('written\\n')
    sys.stdout.flush()
    sys.stdin.readline()
`

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flotsam-tracked-'))
  path = join(folder, 'containers')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const changedWhileRead = () => `"${path}" is invalid: it changed while it was read; ${remedy}`

/** Its first write marks the page as written to, and the times are set by that alone. */
async function startMappingWriter(...texts: readonly string[]): Promise<{ writeNext(): Promise<void> }> {
  const writer = spawn('python3', ['-c', mappingWriter, path, ...texts], { stdio: 'pipe' })
  onTestFinished(() => void writer.kill('SIGKILL'))
  await once(writer.stdout, 'data')
  return {
    async writeNext() {
      const written = once(writer.stdout, 'data')
      writer.stdin.write('\n')
      await written
    },
  }
}

async function replaceWith(text: string): Promise<void> {
  await writeFile(`${path}.new`, text)
  await rename(`${path}.new`, path)
}

describe('what a tracked file says', () => {
  it.each([
    ['one id', `${one}\nend\n`, [one]],
    ['several', `${one}\n${two}\nend\n`, [one, two]],
    ['the same one twice', `${one}\n${one}\nend\n`, [one]],
    ['nothing but the last line: nothing is tracked', 'end\n', []],
  ])('%s', async (_what, text, ids) => {
    await writeFile(path, text)
    expect([...(await readTrackedFile(path))]).toEqual(ids)
  })

  it('answers for full ids only', async () => {
    await writeFile(path, trackedText(one))
    const { tracked } = trackedFile(path)
    expect(await Promise.all([tracked.has(one), tracked.has(two), tracked.has(one.slice(0, 12))])).toEqual([
      true,
      false,
      false,
    ])
  })

  it('a hundred thousand ids', async () => {
    const ids = Array.from({ length: 100_000 }, (_, number) => number.toString(16).padStart(64, '0'))
    await writeFile(path, trackedText(...ids))
    const { tracked } = trackedFile(path)
    expect(await Promise.all([tracked.has(ids[99_999] as string), tracked.has(one)])).toEqual([true, false])
  })

  it('is followed through a symbolic link', async () => {
    await writeFile(path, trackedText(one))
    await symlink(path, join(folder, 'link'))
    expect(await trackedFile(join(folder, 'link')).tracked.has(one)).toBe(true)
  })
})

describe('unknown-is-spared: a file that is not entirely ids is rejected as a whole', () => {
  it.each([
    ['a short id', `${one}\n${two.slice(0, 12)}\nend\n`, 2],
    ['two ids in a line', `${one}${two}\nend\n`, 1],
    ['a name', 'web\nend\n', 1],
    ['upper case', `${one.toUpperCase()}\nend\n`, 1],
    ['carriage returns before the last line', `${one}\r\n${two}\r\nend\n`, 1],
    ['a blank line between', `${one}\n\n${two}\nend\n`, 2],
    ['a trailing space', `${one} \nend\n`, 1],
    ['a comment', `# ours\n${one}\nend\n`, 1],
    ['a byte order mark', `\uFEFF${one}\nend\n`, 1],
    ['a byte of zero', `${one}\n\0\nend\n`, 2],
  ])('%s', async (_what, text, line) => {
    await writeFile(path, text)
    await expect(trackedFile(path).tracked.has(one)).rejects.toMatchObject({
      reason: 'tracked-file-invalid',
      message: `"${path}" is invalid: line ${line} is not a full container id, 64 lower-case hexadecimal digits; ${remedy}`,
    })
  })

  const whole = 'a complete file ends with the line "end"'
  const noLineFeed = `its last line has no line feed; ${whole}`
  it.each([
    ['an empty file', '', `it is empty; ${whole}`],
    ['ids without the last line', `${one}\n${two}\n`, `its last line is "${two}"; ${whole}`],
    ['a line that was cut', `${one}\n${two.slice(0, 63)}`, noLineFeed],
    ['a last line that was cut', `${one}\nen`, noLineFeed],
    ['a last line without its line feed', `${one}\nend`, noLineFeed],
    ['another case', `${one}\nEND\n`, `its last line is "END"; ${whole}`],
    ['a trailing space on the last line', `${one}\nend \n`, `its last line is "end "; ${whole}`],
    ['a carriage return after it', `${one}\r\nend\r\n`, `its last line is "end\\r"; ${whole}`],
    ['a byte order mark before it', '\uFEFFend\n', `its last line is "ï»¿end"; ${whole}`],
    ['nothing but a line feed', '\n', `its last line is ""; ${whole}`],
    ['a blank line after it', `${one}\nend\n\n`, 'line 3 follows the line "end", which must be the last'],
    ['an id after it', `${one}\nend\n${two}\n`, 'line 3 follows the line "end", which must be the last'],
    ['the last line twice', 'end\nend\n', 'line 2 follows the line "end", which must be the last'],
    ['more after it without a line feed', `end\n${two}`, noLineFeed],
  ])('positive-evidence: %s does not prove that the file is whole', async (_what, text, wrong) => {
    await writeFile(path, text)
    await expect(trackedFile(path).tracked.has(one)).rejects.toMatchObject({
      reason: 'tracked-file-invalid',
      message: `"${path}" is invalid: ${wrong}; ${remedy}`,
    })
  })

  it('positive-evidence: no part of a truncated file is used, wherever it was cut', () => {
    const text = trackedText(one, two, three)
    expect(readContent(text)).toEqual({ ids: new Set([one, two, three]) })
    for (let length = 0; length < text.length; length += 1) {
      expect(readContent(text.slice(0, length))).toHaveProperty('wrong')
    }
  })

  it.skipIf(!hasPython)(
    'written through a mapping while it is read, which leaves its size and times as they were',
    async () => {
      await writeFile(path, trackedText(one))
      const { writeNext } = await startMappingWriter(one, two)
      await expect(
        readTrackedFile(path, (reading) => (reading === 2 ? writeNext() : undefined)),
      ).rejects.toMatchObject({ message: changedWhileRead() })
    },
  )

  it.skipIf(!hasPython)(
    'torn in the same way by two readings, while ids are moved within a mapping',
    async () => {
      // What the first two readings saw is there again at the end; `one` was there throughout.
      await writeFile(path, trackedText(three))
      const { writeNext } = await startMappingWriter(three, one, three)
      const move = (reading: number) => (reading === 3 || reading === 4 ? writeNext() : undefined)
      await expect(readTrackedFile(path, move)).rejects.toMatchObject({ message: changedWhileRead() })
    },
  )

  it('of the largest files at least four readings are made, of others sixteen', async () => {
    const readings = async () => {
      let last = 1
      await readTrackedFile(path, (reading) => (last = reading))
      return last
    }
    await writeFile(path, trackedText(one))
    expect(await readings()).toBe(16)
    const ids = Array.from({ length: 400_000 }, (_, number) => number.toString(16).padStart(64, '0'))
    await writeFile(path, `${ids.join('\n')}\nend\n`)
    expect(await readings()).toBe(4)
  })

  it.each<[string, () => Promise<unknown>]>([
    ['written to', () => appendFile(path, `${two}\n`)],
    [
      'overwritten, with the same length and the old times',
      async () => {
        await writeFile(path, trackedText(two))
        await utimes(path, 1000, 1000)
      },
    ],
    ['cut', () => writeFile(path, '')],
    ['replaced', () => replaceWith(trackedText(two))],
    ['removed', () => unlink(path)],
  ])('%s while it is read', async (_what, meddle) => {
    await writeFile(path, trackedText(one))
    await utimes(path, 1000, 1000)
    await expect(
      readTrackedFile(path, (reading) => (reading === 2 ? meddle() : undefined)),
    ).rejects.toMatchObject({
      reason: 'tracked-file-invalid',
      message: changedWhileRead(),
    })
  })

  it('a file with a second name: when that is replaced, this one keeps what was tracked before', async () => {
    await writeFile(path, trackedText(one))
    await link(path, `${path}.old`)
    await expect(readTrackedFile(path)).rejects.toMatchObject({
      reason: 'tracked-file-invalid',
      message: expect.stringContaining('it has 2 hard links; it must have one') as string,
    })
  })

  it('a symbolic link that is turned to another file while it is read', async () => {
    const link = join(folder, 'link')
    await writeFile(path, trackedText(one))
    await writeFile(`${path}.other`, trackedText(two))
    await symlink(path, link)
    const turn = async () => {
      await symlink(`${path}.other`, `${link}.new`)
      await rename(`${link}.new`, link)
    }
    await expect(
      readTrackedFile(link, (reading) => (reading === 2 ? turn() : undefined)),
    ).rejects.toMatchObject({ reason: 'tracked-file-invalid' })
  })

  it('larger than a million ids', async () => {
    await writeFile(path, '')
    execFileSync('truncate', ['-s', String(65 * 1024 * 1024 + 1), path])
    await expect(trackedFile(path).check()).rejects.toMatchObject({ reason: 'tracked-file-invalid' })
  })
})

describe('unknown-is-spared: a file that cannot be read', () => {
  const unreadable = { reason: 'tracked-file-unreadable' }

  it('is missing', async () => {
    await expect(trackedFile(path).tracked.has(one)).rejects.toMatchObject({
      ...unreadable,
      message: `"${path}" cannot be read: ENOENT: no such file or directory, open '${path}'`,
    })
  })

  it('is a folder', async () => {
    await mkdir(path)
    await expect(trackedFile(path).check()).rejects.toMatchObject(unreadable)
  })

  it('is a pipe without a writer: it is not waited for', async () => {
    execFileSync('mkfifo', [path])
    await expect(trackedFile(path).check()).rejects.toMatchObject({
      ...unreadable,
      message: `"${path}" cannot be read: it is not a regular file`,
    })
  })

  it.skipIf(process.getuid?.() === 0)('may not be read', async () => {
    await writeFile(path, trackedText(one))
    await chmod(path, 0)
    await expect(trackedFile(path).check()).rejects.toMatchObject(unreadable)
  })
})

describe('fresh-scan: every question is answered from a reading that began after it', () => {
  it('sees a file that was replaced between two questions', async () => {
    await writeFile(path, trackedText(one))
    const { tracked } = trackedFile(path)
    expect([await tracked.has(one), await tracked.has(two)]).toEqual([true, false])
    await replaceWith(trackedText(two, three))
    expect([await tracked.has(one), await tracked.has(two), await tracked.has(three)]).toEqual([
      false,
      true,
      true,
    ])
  })

  it('recovers by itself when the file appears, disappears and reappears', async () => {
    const { tracked } = trackedFile(path)
    await expect(tracked.has(one)).rejects.toMatchObject({ reason: 'tracked-file-unreadable' })
    await writeFile(path, trackedText(one))
    expect(await tracked.has(one)).toBe(true)
    await unlink(path)
    await expect(tracked.has(one)).rejects.toMatchObject({ reason: 'tracked-file-unreadable' })
    await writeFile(path, 'end\n')
    expect(await tracked.has(one)).toBe(false)
  })
})

describe('fresh-scan: a complete file that is no longer the one with that name is rejected', () => {
  const unnamed = 'it was deleted or replaced, so another file may have taken its place'

  it.skipIf(process.platform !== 'linux')('a path that leads to a file without a name', async () => {
    await writeFile(path, trackedText(one))
    const handle = await open(path)
    onTestFinished(() => handle.close())
    const { tracked } = trackedFile(`/proc/self/fd/${handle.fd}`)
    expect(await tracked.has(two)).toBe(false)
    await replaceWith(trackedText(one, two))
    await expect(tracked.has(two)).rejects.toMatchObject({
      reason: 'tracked-file-invalid',
      message: `"/proc/self/fd/${handle.fd}" is invalid: ${unnamed}; ${remedy}`,
    })
  })

  describe.skipIf(noSmallDisk !== undefined)('a file that is mounted by itself', () => {
    const advice =
      'the file itself is mounted, so a new file renamed over it is never visible here; mount its folder instead'
    let mounted: string
    beforeEach(async () => {
      mounted = join(folder, 'mounted')
      await writeFile(path, trackedText(one))
      await writeFile(mounted, '')
      execFileSync('mount', ['--bind', path, mounted])
    })
    afterEach(() => void execFileSync('umount', [mounted]))

    it.each([
      ['as it was mounted', async () => {}],
      ['after it was replaced on the other side', () => replaceWith(trackedText(one, two))],
    ])('%s', async (_what, meddle) => {
      await meddle()
      const invalid = { reason: 'tracked-file-invalid', message: `"${mounted}" is invalid: ${advice}` }
      await expect(trackedFile(mounted).tracked.has(two)).rejects.toMatchObject(invalid)
      expect(await trackedFile(path).tracked.has(one)).toBe(true)
    })

    it.each(['run', 'sweep', 'scan', 'explain web'])(
      'is refused by %s, even behind a link',
      async (command) => {
        const link = join(folder, 'link')
        await symlink(mounted, link)
        const world = createTestWorld()
        const ran = await ranCli(`${command} --owner com.example.agent=agent-7 --tracked ${link}`, world)
        expect(ran).toEqual({ code: 2, out: '', err: `error: --tracked: "${link}": ${advice}\n` })
        expect(world.made).toEqual([])
      },
    )
  })

  it.skipIf(noSmallDisk !== undefined)('a file in a folder that is mounted is followed', async () => {
    const mounted = join(folder, 'mounted')
    await mkdir(mounted)
    await mkdir(join(folder, 'source'))
    execFileSync('mount', ['--bind', join(folder, 'source'), mounted])
    try {
      path = join(folder, 'source', 'containers')
      await replaceWith(trackedText(one))
      const { tracked } = trackedFile(join(mounted, 'containers'))
      expect([await tracked.has(one), await tracked.has(two)]).toEqual([true, false])
      await replaceWith(trackedText(two))
      expect([await tracked.has(one), await tracked.has(two)]).toEqual([false, true])
    } finally {
      execFileSync('umount', [mounted])
    }
  })
})
