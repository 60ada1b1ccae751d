import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { takeLock } from '../../../src/cli/track/lock.ts'
import { changedContent } from '../../../src/cli/track/track.ts'
import { readTrackedFile } from '../../../src/cli/tracked/file.ts'
import { fakeId } from '../../support/fake-engine.ts'
import { ranCli } from '../support/cli-world.ts'
import { mountSmallDisk, noSmallDisk, type SmallDisk } from '../support/small-disk.ts'
import { trackedText } from '../support/tracked-text.ts'

const [one, two, three] = [fakeId(1), fakeId(2), fakeId(3)]
const done = { code: 0, out: '', err: '' }
const idForm = 'a full container id, 64 lower-case hexadecimal digits'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotsam-track-'))
  path = join(folder, 'containers')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const track = (...words: readonly string[]) => ranCli(['track', path, ...words])
const content = () => readFileSync(path, 'utf8')
const fails = (err: string) => ({ code: 1, out: '', err: `error: ${err}\n` })

describe('what flotsam track does to the file', () => {
  it('add creates it and adds to it, remove removes, list prints the ids', async () => {
    expect(await track('add', one)).toEqual(done)
    expect(content()).toBe(trackedText(one))
    expect(await track('add', two, three)).toEqual(done)
    expect(await track('list')).toEqual({ ...done, out: `${one}\n${two}\n${three}\n` })
    expect(await track('remove', one, three)).toEqual(done)
    expect(content()).toBe(trackedText(two))
    expect(await track('remove', two)).toEqual(done)
    expect(content()).toBe('end\n')
    expect(await track('list')).toEqual(done)
  })

  it('an id is stored once however often it is added, and removing an absent one is no error', async () => {
    await track('add', one, one)
    await track('add', two, one)
    expect(content()).toBe(trackedText(one, two))
    expect(await track('remove', three, three)).toEqual(done)
    expect(content()).toBe(trackedText(one, two))
  })

  it('reset replaces the content with exactly these ids', async () => {
    writeFileSync(path, 'torn')
    expect(await track('reset', two, three)).toEqual(done)
    expect(content()).toBe(trackedText(two, three))
    expect(await track('reset', '--nothing-tracked')).toEqual(done)
    expect(content()).toBe('end\n')
  })

  it('leaves nothing beside the file but its lock', async () => {
    await track('add', one)
    await track('remove', one)
    expect(readdirSync(folder).toSorted()).toEqual(['containers', 'containers.lock'])
  })

  it('keeps the permissions of the file', async () => {
    await track('add', one)
    chmodSync(path, 0o640)
    await track('add', two)
    expect(statSync(path).mode & 0o777).toBe(0o640)
  })

  it('follows a symbolic link, and keeps it', async () => {
    const link = join(folder, 'link')
    mkdirSync(join(folder, 'elsewhere'))
    const target = join(folder, 'elsewhere/known')
    writeFileSync(target, trackedText(one))
    symlinkSync('elsewhere/known', link)
    expect(await ranCli(['track', link, 'add', two])).toEqual(done)
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
    expect(readFileSync(target, 'utf8')).toBe(trackedText(one, two))
    expect(readdirSync(join(folder, 'elsewhere')).toSorted()).toEqual(['known', 'known.lock'])
  })

  it('cleans up after a killed process', async () => {
    writeFileSync(`${path}.track-new`, 'half of it')
    writeFileSync(`${path}.lock`, '')
    expect(await track('add', one)).toEqual(done)
    expect(content()).toBe(trackedText(one))
    expect(existsSync(`${path}.track-new`)).toBe(false)
  })

  it('a link in the place of its new file cannot make it write elsewhere', async () => {
    writeFileSync(join(folder, 'precious'), 'precious')
    symlinkSync(join(folder, 'precious'), `${path}.track-new`)
    expect(await track('add', one)).toEqual(done)
    expect(readFileSync(join(folder, 'precious'), 'utf8')).toBe('precious')
    expect(lstatSync(path).isFile()).toBe(true)
  })
})

describe('wrong usage ends with 2 and one line, and changes nothing', () => {
  it.each<[readonly string[], string]>([
    [['add'], 'track add: no ids given; give one or more'],
    [['remove'], 'track remove: no ids given; give one or more'],
    [['reset'], 'track reset: no ids given; give one or more, or --nothing-tracked'],
    [['add', ''], `track add: "" is not ${idForm}`],
    [['reset', ''], `track reset: "" is not ${idForm}`],
    [['add', two, 'web'], `track add: "web" is not ${idForm}`],
    [['add', two.slice(0, 12)], `track add: "${two.slice(0, 12)}" is not ${idForm}`],
    [['add', `${two}\n`], `track add: "${two}\\n" is not ${idForm}`],
    [['add', `${two} ${three}`], `track add: "${two} ${three.slice(0, 34)}… is not ${idForm}`],
    [['remove', two.toUpperCase()], `track remove: "${two.toUpperCase()}" is not ${idForm}`],
    [['add', 'end'], `track add: "end" is not ${idForm}`],
    [['list', one], 'track list takes no ids'],
    [['add', one, '--nothing-tracked'], '--nothing-tracked is only for reset, without ids'],
    [['reset', one, '--nothing-tracked'], '--nothing-tracked is only for reset, without ids'],
    [
      ['ad', one],
      "command-argument value 'ad' is invalid for argument 'action'. Allowed choices are add, remove, list, reset.",
    ],
  ])('%j', async (words, reported) => {
    writeFileSync(path, trackedText(one))
    expect(await track(...words)).toEqual({ code: 2, out: '', err: `error: ${reported}\n` })
    expect(content()).toBe(trackedText(one))
    expect(readdirSync(folder)).toEqual(['containers'])
  })

  it('no file, and an empty name of one', async () => {
    expect((await ranCli(['track'])).code).toBe(2)
    expect((await ranCli(['track', '', 'list'])).err).toBe(
      'error: track: "" is not allowed; it must be FILE\n',
    )
  })
})

const remedy = 'write it with flotsam track, or write a new file and rename it'

describe('when it cannot be sure, it ends with 1 and one line, and the file is unchanged', () => {
  it.each([
    ['an empty file', ''],
    ['a file that was cut', trackedText(one).slice(0, -3)],
    ['a file that holds something else', 'web\nend\n'],
  ])('unknown-is-spared: %s is repaired by reset alone', async (_what, text) => {
    for (const action of ['add', 'remove']) {
      writeFileSync(path, text)
      const { code, out, err } = await track(action, two)
      expect([code, out]).toEqual([1, ''])
      expect(err).toMatch(
        new RegExp(
          `^error: track ${action}: "[^"]*" is invalid: [^\\n]*; use flotsam track FILE reset to replace it\\n$`,
        ),
      )
      expect(content()).toBe(text)
    }
    expect((await track('list')).code).toBe(1)
    expect(await track('reset', two)).toEqual(done)
  })

  it('remove creates no file, which would say that nothing is tracked', async () => {
    expect(await track('remove', one)).toEqual(
      fails(`track remove: "${path}": it does not exist; add creates it`),
    )
    expect(existsSync(path)).toBe(false)
  })

  it('add does not recreate a file that was deleted', async () => {
    await track('add', one, two)
    renameSync(path, `${path}.off`)
    for (const action of ['add', 'remove']) {
      expect(await track(action, three)).toEqual(
        fails(
          `track ${action}: "${path}": it was there before and is gone; put it back, or use flotsam track FILE reset`,
        ),
      )
      expect(existsSync(path)).toBe(false)
    }
    renameSync(`${path}.off`, path)
    expect(await track('add', three)).toEqual(done)
    expect(content()).toBe(trackedText(one, two, three))
    rmSync(path)
    expect(await track('reset', three)).toEqual(done)
  })

  it('list of a file that is not there', async () => {
    expect(await track('list')).toEqual(
      fails(`track list: "${path}" cannot be read: ENOENT: no such file or directory, open '${path}'`),
    )
  })

  it.each<[string, () => void]>([
    ['a folder', () => mkdirSync(path)],
    ['a pipe', () => void execFileSync('mkfifo', [path])],
  ])('%s instead of a file', async (_what, make) => {
    make()
    for (const words of [['add', one], ['reset', one], ['list']]) {
      const { code, err } = await track(...words)
      expect(code).toBe(1)
      expect(err).toMatch(/it is not a regular file\n$/)
    }
    expect(lstatSync(path).isFile()).toBe(false)
  })

  it('a broken link', async () => {
    symlinkSync(join(folder, 'nowhere'), path)
    const { code, err } = await track('add', one)
    expect(code).toBe(1)
    expect(err).toMatch(/^error: track add: "[^"]*": ENOENT: [^\n]*\n$/)
    expect(lstatSync(path).isSymbolicLink()).toBe(true)
  })

  it('a file with two names, one of which would keep the old ids', async () => {
    writeFileSync(path, trackedText(one))
    linkSync(path, `${path}.other`)
    expect(await track('add', two)).toEqual(
      fails(`track add: "${path}": it has 2 hard links; it must have one`),
    )
    expect(content()).toBe(trackedText(one))
  })

  it('a missing folder', async () => {
    const { code, err } = await ranCli(['track', join(folder, 'none/known'), 'add', one])
    expect([code, err.split('\n').length]).toEqual([1, 2])
    expect(err).toMatch(/ENOENT/)
  })

  it('more ids than a reader would take', () => {
    const most = 65 * 1024 * 1024
    const ids = Array.from({ length: (most - 4 - 64) / 65 }, (_, at) => at.toString(16).padStart(64, '0'))
    expect(changedContent(ids, 'remove', [one])).toHaveLength(ids.length * 65 + 4)
    expect(() => changedContent(ids, 'add', [one, two])).toThrow(`it would be larger than ${most} bytes`)
  }, 60_000)

  it('a lock that is not a regular file', async () => {
    symlinkSync(join(folder, 'precious'), `${path}.lock`)
    const { code, err } = await track('add', one)
    expect([code, existsSync(join(folder, 'precious'))]).toEqual([1, false])
    expect(err).toMatch(/the lock cannot be opened: ELOOP/)
  })

  it.skipIf(process.getuid?.() === 0)('a folder that may not be written to', async () => {
    writeFileSync(path, trackedText(one))
    chmodSync(folder, 0o555)
    onTestFinished(() => chmodSync(folder, 0o755))
    expect((await track('add', two)).code).toBe(1)
    expect(content()).toBe(trackedText(one))
  })
})

describe.skipIf(noSmallDisk)(`on a disk of its own (${noSmallDisk ?? 'mounted'})`, () => {
  function mounted(options?: string): SmallDisk {
    const disk = mountSmallDisk(options)
    onTestFinished(() => disk.close())
    path = join(disk.folder, 'containers')
    return disk
  }

  it.each([[['add', two]], [['remove', one]], [['reset', two]], [['reset', '--nothing-tracked']]])(
    'a full one: %j ends with 1 and one line, and the file is as it was',
    async (words) => {
      const disk = mounted()
      expect(await track('add', one)).toEqual(done)
      disk.fill()
      const { code, out, err } = await track(...words)
      expect([code, out]).toEqual([1, ''])
      expect(err).toMatch(/^error: track \w+: "[^"]*": ENOSPC: no space left on device, [^\n]*\n$/)
      expect(content()).toBe(trackedText(one))
      expect(readdirSync(disk.folder).toSorted()).toEqual(['containers', 'containers.lock', 'filling'])
      rmSync(join(disk.folder, 'filling'))
      expect(await track(...words)).toEqual(done)
    },
  )

  it('a full one creates no file', async () => {
    const disk = mounted()
    disk.fill()
    expect((await track('add', one)).code).toBe(1)
    expect(existsSync(path)).toBe(false)
  })

  it('one without free inodes', async () => {
    mounted('size=64k,nr_inodes=3')
    expect(await track('add', one)).toEqual(done)
    const { code, err } = await track('add', two)
    expect([code, content()]).toEqual([1, trackedText(one)])
    expect(err).toMatch(/ENOSPC/)
  })

  it('a read-only one', async () => {
    const disk = mounted()
    await track('add', one)
    disk.makeReadOnly()
    const { code, err } = await track('add', two)
    expect([code, content()]).toEqual([1, trackedText(one)])
    expect(err).toMatch(/EROFS/)
    expect(await track('list')).toEqual({ ...done, out: `${one}\n` })
  })
})

describe('the lock', () => {
  it('fifty at once: no change is lost', async () => {
    const ids = Array.from({ length: 50 }, (_, number) => fakeId(number))
    const all = await Promise.all(ids.map((id) => track('add', id)))
    expect(all).toEqual(ids.map(() => done))
    expect((await track('list')).out.trimEnd().split('\n').toSorted()).toEqual([...ids].toSorted())
    await Promise.all(ids.slice(1).map((id) => track('remove', id)))
    expect(content()).toBe(trackedText(ids[0] as string))
  }, 30_000)

  it('has one holder, and passes to the next when released', async () => {
    const first = await takeLock(`${path}.lock`)
    let isTaken = false
    const second = takeLock(`${path}.lock`).then((lock) => {
      isTaken = true
      return lock
    })
    await expect(takeLock(`${path}.lock`, 300)).rejects.toThrow(
      `another process holds the lock "${path}.lock"`,
    )
    expect(isTaken).toBe(false)
    await first.release()
    await (await second).release()
  })

  it('is released by the kernel when its process is killed', async () => {
    const holder = spawn('flock', [`${path}.lock`, '-c', 'echo held; exec sleep 600'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    })
    const kill = () => process.kill(-(holder.pid as number), 'SIGKILL')
    await once(holder.stdout, 'data')
    const waiting = takeLock(`${path}.lock`, 300)
    await expect(waiting).rejects.toThrow('another process holds the lock').finally(kill)
    await (await takeLock(`${path}.lock`)).release()
  })

  it('still excludes the waiting processes if it is removed meanwhile', async () => {
    const first = await takeLock(`${path}.lock`)
    const waiting = takeLock(`${path}.lock`)
    rmSync(`${path}.lock`)
    await first.release()
    const second = await waiting
    await expect(takeLock(`${path}.lock`, 300)).rejects.toThrow('another process holds the lock')
    await second.release()
  })

  it('needs flock(1), and says so without it', async () => {
    const { PATH } = process.env
    process.env['PATH'] = folder
    onTestFinished(() => void (process.env['PATH'] = PATH))
    expect(await track('add', one)).toEqual(
      fails(`track add: "${path}": flock(1) of util-linux or BusyBox is needed: spawn flock ENOENT`),
    )
    expect(existsSync(path)).toBe(false)
  })
})

describe('positive-evidence: a reader during writes sees complete states only', () => {
  it('every reading is a state that was written, or reports that the file changed', async () => {
    const ids = Array.from({ length: 12 }, (_, number) => fakeId(number))
    await track('add', fakeId(99))
    const over = new AbortController()
    let whole = 0
    const read = async () => {
      while (!over.signal.aborted) {
        try {
          const known = [...(await readTrackedFile(path))]
          expect(known).toContain(fakeId(99))
          // each writer adds its two ids at once, and takes both out at once
          for (const [at, id] of ids.entries()) {
            expect(known.includes(id)).toBe(known.includes(fakeId(1000 + at)))
          }
          whole += 1
        } catch (error) {
          expect(error).toMatchObject({
            message: `"${path}" is invalid: it changed while it was read; ${remedy}`,
          })
        }
      }
    }
    const readers = [read(), read()]
    await Promise.all(
      ids.map(async (id, at) => {
        const both = [id, fakeId(1000 + at)]
        for (let round = 0; round < 4; round += 1) {
          expect(await track('add', ...both)).toEqual(done)
          expect(await track('remove', ...both)).toEqual(done)
        }
      }),
    )
    over.abort()
    await Promise.all(readers)
    expect(whole).toBeGreaterThan(10)
    expect(content()).toBe(trackedText(fakeId(99)))
  }, 60_000)
})
