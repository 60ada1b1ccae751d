import { describe, expect, it } from 'vitest'
import { drawFrame, type FrameRow } from '../../../src/cli/demo/frame.ts'
import { inkFor } from '../../../src/cli/demo/glyphs.ts'
import { Lane } from '../../../src/cli/demo/lane.ts'
import { wrap } from '../../../src/cli/demo/narrator.ts'

const ink = inkFor({ hasColour: false, hasUnicode: true })

function laneOf(...notes: readonly (readonly [number, Parameters<Lane['note']>[1]])[]): Lane {
  const lane = new Lane()
  for (const [place, mark] of notes) lane.note(place, mark)
  return lane
}

describe('a lane', () => {
  it('continues with its last mark, and is empty after the end', () => {
    const lane = laneOf([2, 'discovered'], [3, 'graced'], [5, 'gone'])
    expect(ink.lane(lane.between(0, 8))).toBe('  ○··■  ')
  })

  it('gives each change a mark of its own, however short the state was', () => {
    const lane = laneOf([0, 'graced'], [4, 'dangling'], [4, 'removing'], [4, 'gone'])
    expect(ink.lane(lane.between(0, 8))).toBe('····▲×■ ')
  })

  it('shows the latest stretch, with what began before it', () => {
    const lane = laneOf([0, 'tracked'], [9, 'dangling'])
    expect(ink.lane(lane.between(6, 10))).toBe('━━━▲')
  })

  it('does not show the future', () => {
    expect(ink.lane(laneOf([3, 'tracked']).between(0, 3))).toBe('   ')
  })

  it('begins with its first mark, even if that is empty', () => {
    expect(ink.lane(laneOf([0, 'absent'], [0, 'up']).between(0, 2))).toBe('━━')
  })
})

describe('the picture', () => {
  const row = (name: string, isOver: boolean): FrameRow => ({
    name,
    id: 'a'.repeat(64),
    lane: laneOf([0, 'graced']),
    status: 'graced: creation-grace',
    shortStatus: 'creation-grace',
    style: 'yellow',
    isOver,
  })
  const log = [{ level: 'warn', event: 'engineDown', message: 'm'.repeat(300) }]
  const lanes = [...Array.from({ length: 12 }, (_, index) => row(`old-${index}`, true)), row('new-1', false)]

  it.each([20, 34, 40, 55, 56, 60, 80, 89, 90, 100, 200])('leaves the last of %i columns free', (columns) => {
    const lines = drawFrame({ ink, columns, rows: 40, place: 300, lanes, log })
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(Math.min(columns, 121))
  })

  it.each([10, 14, 24])('takes no more than %i rows, and shows the living first', (rows) => {
    const lines = drawFrame({ ink, columns: 100, rows, place: 10, lanes, log })
    expect(lines.length).toBeLessThan(rows)
    expect(lines.join('\n')).toContain('new-1')
  })

  it('shows the whole id and reason if there is room, otherwise their start', () => {
    expect(
      drawFrame({ ink, columns: 100, rows: 40, place: 3, lanes: [row('web-1', false)], log: [] })[1],
    ).toMatch(/^ web-1 {3}a{12} ····.*graced: creation-grace$/)
    expect(
      drawFrame({ ink, columns: 60, rows: 40, place: 3, lanes: [row('web-1', false)], log: [] })[1],
    ).toMatch(/^ web-1 {3}a{6} ····.* {2}creation-grace$/)
  })

  it('is ASCII on a screen without Unicode', () => {
    const plain = inkFor({ hasColour: false, hasUnicode: false })
    const text = drawFrame({ ink: plain, columns: 60, rows: 40, place: 30, lanes, log }).join('\n')
    // oxlint-disable-next-line no-control-regex -- the test searches for everything outside ASCII
    expect(text).toMatch(/^[\u0000-\u007f]*$/)
  })

  it('is coloured only where the screen has colours', () => {
    const coloured = inkFor({ hasColour: true, hasUnicode: true })
    expect(coloured.paint('red', 'x')).toBe('\u001B[31mx\u001B[0m')
    expect(ink.paint('red', 'x')).toBe('x')
  })
})

describe('wrapping', () => {
  it('stays within the columns, and breaks no word', () => {
    expect(wrap('one two  three four', 9)).toEqual(['one two', 'three', 'four'])
    expect(wrap('incomprehensible', 5)).toEqual(['incomprehensible'])
  })
})
