import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { AnyStateMachine } from 'xstate'
import { containerMachine, supervisorMachine } from '../../machines/index.ts'
import { arrowsOf, nodesOf } from './support/chart.ts'
import {
  diagramOf,
  drawPage,
  mainPairsOf,
  pictureOfContainer,
  statesWithWords,
} from './support/statecharts-page.ts'
import { containerWords, mainArrows, supervisorWords, type Words } from './support/statecharts-words.ts'

const root = join(import.meta.dirname, '../..')
const page = join(root, 'docs/statecharts.md')
const sorted = (names: Iterable<string>) => [...new Set(names)].toSorted()

describe.each<[string, AnyStateMachine, Words]>([
  ['the container', containerMachine as AnyStateMachine, containerWords],
  ['the supervisor', supervisorMachine as AnyStateMachine, supervisorWords],
])('%s', (_, machine, words) => {
  const arrows = arrowsOf(machine)

  test('every state is explained once, in its own description or on the page', () => {
    expect(statesWithWords(machine, words).filter(([, text]) => !text)).toEqual([])
    const silent = nodesOf(machine).filter(({ path, description }) => path.length > 0 && !description)
    expect(Object.keys(words.states).toSorted()).toEqual(sorted(silent.map(({ path }) => path.join('.'))))
  })

  test('every event, guard and delay is explained, and no missing one', () => {
    expect(sorted(Object.keys(words.events))).toEqual(sorted(arrows.flatMap(({ event }) => event || [])))
    expect(sorted(Object.keys(words.guards))).toEqual(sorted(arrows.flatMap(({ guard }) => guard ?? [])))
    const delays = nodesOf(machine).flatMap(({ after }) => after.map(({ delay }) => String(delay)))
    expect(sorted(Object.keys(words.delays))).toEqual(sorted(delays))
  })

  test('the diagram names every state once, and draws arrows only between its states', () => {
    const diagram = diagramOf(machine)
    const ids = [...diagram.matchAll(/ as (\w+)/g)].map(([, id]) => id)
    expect(ids).toHaveLength(new Set(ids).size)
    expect(sorted(ids.map(String))).toEqual(
      sorted(nodesOf(machine).flatMap(({ path }) => path.join('_') || [])),
    )
    const ends = [...diagram.matchAll(/^ *(\S+) --> (\S+)/gm)].flatMap(([, from, to]) => [from, to])
    expect(ends.filter((end) => end !== '[*]' && !ids.includes(end))).toEqual([])
    const drawn = [...diagram.matchAll(/ --> \S+ : /g)]
    const pairs = arrows.filter(({ source, targets }) => source !== '' && targets.length > 0)
    // What can happen anywhere is drawn once from each of the chart's own states.
    const anywhere = new Set(arrows.flatMap(({ source, targets }) => (source === '' ? targets : [])))
    const own = Object.values(machine.root.states).filter(({ type }) => type !== 'final')
    expect(drawn).toHaveLength(pairs.length + anywhere.size * own.length)
  })
})

describe('the pages', () => {
  test('docs/statecharts.md matches the charts: npm run docs:statecharts', async () => {
    expect(existsSync(page)).toBe(true)
    await expect(drawPage()).toMatchFileSnapshot(page)
  }, 60_000)

  test('the overview labels each of its arrows', () => {
    expect(sorted(Object.keys(mainArrows))).toEqual(sorted(mainPairsOf(containerMachine as AnyStateMachine)))
  })

  test('a statechart in the README is the overview', () => {
    const readme = join(root, 'README.md')
    const shown = existsSync(readme)
      ? readFileSync(readme, 'utf8').matchAll(/```mermaid\n(stateDiagram[^`]*)\n```/g)
      : []
    for (const [, picture] of shown) expect(picture).toBe(pictureOfContainer())
  })
})
