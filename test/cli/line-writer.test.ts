import type { FileHandle } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { LineWriter } from '../../src/cli/line-writer.ts'
import { createFakeClock } from '../support/fake-clock.ts'

/** A file whose writes the test answers. */
function opened(
  answer: (text: string, at: number) => Promise<void> = () => Promise.resolve(),
  closing?: () => Promise<void>,
) {
  const clock = createFakeClock()
  const written: string[] = []
  const failures: string[] = []
  let isClosed = false
  const file = {
    appendFile: (text: string) => {
      written.push(text)
      return answer(text, written.length)
    },
    close: async () => {
      isClosed = true
      await closing?.()
    },
  } as unknown as FileHandle
  const writer = new LineWriter({ file, clock, onFailure: (reason) => failures.push(reason) })
  return { clock, writer, written, failures, isClosed: () => isClosed }
}

const full = () => Promise.reject(new Error('ENOSPC: no space left on device'))
const never = () => new Promise<void>(() => {})

describe('lines are written several at a time', () => {
  test('after a pause, in their order, and no timer is left', async () => {
    const { clock, writer, written } = opened()
    for (const line of ['a\n', 'b\n', 'c\n']) writer.write(line)
    await clock.advance(199)
    expect(written).toEqual([])
    await clock.advance(1)
    expect(written).toEqual(['a\nb\nc\n'])
    expect(clock.pendingTimers).toBe(0)
  })

  test('at once when they are many', async () => {
    const { clock, writer, written } = opened()
    writer.write(`${'x'.repeat(70_000)}\n`)
    await clock.settle()
    expect(written).toHaveLength(1)
    expect(clock.pendingTimers).toBe(0)
  })

  test('those that come during a write follow in the next one', async () => {
    let answer = () => {}
    const { clock, writer, written } = opened(() => new Promise<void>((resolve) => (answer = resolve)))
    writer.write('a\n')
    await clock.advance(200)
    writer.write('b\n')
    writer.write('c\n')
    await clock.advance(1000)
    expect(written).toEqual(['a\n'])
    answer()
    await clock.settle()
    expect(written).toEqual(['a\n', 'b\nc\n'])
  })

  test('the end writes the rest and closes the file', async () => {
    const { clock, writer, written, failures, isClosed } = opened()
    writer.write('a\n')
    expect(await writer.end()).toBe(true)
    expect([written, failures, isClosed()]).toEqual([['a\n'], [], true])
    writer.write('b\n')
    await clock.advance(1000)
    expect(written).toEqual(['a\n'])
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a disk that takes no more', () => {
  test('is reported once, and nothing more is written', async () => {
    const { clock, writer, written, failures } = opened((_text, at) =>
      at === 2 ? full() : Promise.resolve(),
    )
    for (const line of ['a\n', 'b\n', 'c\n', 'd\n']) {
      writer.write(line)
      await clock.advance(200)
    }
    expect(written).toEqual(['a\n', 'b\n'])
    expect(failures).toEqual(['ENOSPC: no space left on device'])
    expect(await writer.end()).toBe(false)
    expect(failures).toHaveLength(1)
    expect(clock.pendingTimers).toBe(0)
  })

  test('at the very end is reported as well', async () => {
    const { writer, failures } = opened(full)
    writer.write('a\n')
    expect(await writer.end()).toBe(false)
    expect(failures).toEqual(['ENOSPC: no space left on device'])
  })

  test('and cannot even be closed is reported once', async () => {
    const { writer, failures } = opened(full, () => Promise.reject(new Error('EIO: i/o error')))
    writer.write('a\n')
    expect(await writer.end()).toBe(false)
    expect(failures).toEqual(['ENOSPC: no space left on device'])
  })

  test('every-call-ends: one that hangs delays the end by a second', async () => {
    const { clock, writer, failures } = opened(never)
    writer.write('a\n')
    let isWhole: boolean | undefined
    void writer.end().then((whole) => (isWhole = whole))
    await clock.advance(999)
    expect(isWhole).toBeUndefined()
    await clock.advance(1)
    expect(isWhole).toBe(false)
    expect(failures).toEqual(['the disk does not answer'])
  })

  test('flat: while it hangs, no more than 16 MB wait for it', async () => {
    const { clock, writer, failures } = opened(never)
    writer.write('a\n')
    await clock.advance(200)
    const line = 'x'.repeat(1024 * 1024)
    for (let count = 0; count < 16; count++) writer.write(line)
    expect(failures).toEqual([])
    writer.write(line)
    expect(failures).toEqual(['the disk does not keep up'])
  })
})
