import { expect, test } from 'vitest'
import { containerMachine } from '../machines/index.ts'
import { crashReport, replayReport } from '../src/cli/replay-report.ts'
import { jsonLine } from '../src/cli/text.ts'
import { crashedActors, readCrash } from '../src/recording/crash.ts'
import { charts, entriesOf, header, replayed, Tape } from './recording/support/tape.ts'
import { createHarness } from './support/harness.ts'
import { blocks } from './support/pages.ts'

const minute = 60_000
const [identical = '', divergence = '', crash = ''] = blocks('docs/inspector.md', 'console')

/** Without the prompt, and with all that differs from run to run replaced. */
const normalised = (text: string) =>
  text
    .replace(/^\$.*\n/, '')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/\b[0-9a-f]{12}\b/g, 'ID')
    .replaceAll(/(?<![\w-])(?:x:)?\d+(?:\.\d+)?/g, 'N')
    .split('\n')
    .map((line) => line.replaceAll(/(?<=\S) +/g, ' '))

async function recorded(): Promise<Tape> {
  const tape = new Tape()
  const { clock, engine, reconciler, tracked } = createHarness({ inspect: tape.inspect })
  for (const name of ['crawl-1', 'crawl-2']) engine.add({ name })
  tracked.add(engine.add({ name: 'crawl-3' }).id)
  reconciler.start()
  await clock.advance(minute)
  await reconciler.stop()
  return tape
}

test('docs/inspector.md, Recordings: a replay prints what is shown', async () => {
  const { text } = await recorded()
  expect(normalised(replayReport(await replayed(text)))).toEqual(normalised(identical))
  const container = containerMachine.provide({ guards: { isTracked: () => false } })
  const diverging = await replayed(text, { charts: { ...charts, container } })
  expect(normalised(replayReport(diverging))).toEqual(normalised(divergence))
})

test('docs/inspector.md, Crash snapshots: a snapshot is shown so', async () => {
  const { clock, engine, reconciler } = createHarness()
  engine.fault = (verb) => (verb === 'remove' ? 'refused' : undefined)
  engine.add({ name: 'crawl-3' })
  engine.add({ name: 'crawl-4', ageMs: 10 * minute })
  reconciler.start()
  await clock.advance(3000)
  const actors = [...crashedActors(reconciler.actor.getPersistedSnapshot())]
  await reconciler.stop()
  const first = { ...header, flotsam: 'crash' as const, message: 'a fault inside' }
  const entries = entriesOf([first, ...actors].map(jsonLine).join(''))
  await entries.next()
  const shown = await readCrash(first, entries, { name: 'crash.jsonl' })
  const ignoringPlace = (lines: readonly string[]) =>
    lines.map((line) => line.replace(/^(engine) \S+,/, '$1,').replace(/^(supervisor running)\..*/, '$1'))
  expect(ignoringPlace(normalised(crashReport(shown, false)))).toEqual(ignoringPlace(normalised(crash)))
})
