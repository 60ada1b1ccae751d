import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { type Profiler, Session } from 'node:inspector'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { createReconciler } from '../src/index.ts'
import { createEmbeddedEngine, createTestClock } from '../src/testing/index.ts'
import { bare, read, root, rowsUnder, section, wordsOf } from './support/pages.ts'

const [page, heading] = ['CONTRIBUTING.md', 'From a listing to a DELETE']
const steps = rowsUnder(page, heading).map(([file, by]) => ({ file: bare(file), by: bare(by) }))
const named = wordsOf(section(page, heading)).filter((word) => /^(?:src|machines)\//.test(word))

/** What hands a container on from one actor to another. */
const events: readonly string[] = ['judged', 'scan.judged', 'admit', 'admitted', 'request.sent']
/** On the call stack, and no steps: the loop over the containers, and what calls the callback of this test. */
const passedOver: readonly string[] = ['src/domain/slices.ts', 'src/supervision/supervision.ts']

interface Removal {
  /** What ran from the start of a reconciler until the engine received a DELETE. */
  readonly ran: ReadonlyMap<string, readonly Profiler.FunctionCoverage[]>
  /** The files that were on the call stack at one of the events, or at the last question. */
  readonly onStack: ReadonlySet<string>
}

/** Removes one container of the embedded engine. */
async function removal(): Promise<Removal> {
  const session = new Session()
  session.connect()
  let found: readonly Profiler.ScriptCoverage[] | undefined
  const take = (message: unknown) => {
    if (found || (message as { readonly request: IncomingMessage }).request.method !== 'DELETE') return
    session.post('Profiler.takePreciseCoverage', (_error, { result }) => (found = result))
  }
  subscribe('http.server.request.start', take)
  const clock = createTestClock()
  const engine = createEmbeddedEngine({ clock })
  const address = await engine.listen()
  const { stackTraceLimit } = Error
  onTestFinished(async () => {
    Error.stackTraceLimit = stackTraceLimit
    unsubscribe('http.server.request.start', take)
    session.disconnect()
    await engine.close()
  })
  engine.containers.create({ labels: { owner: 'agent' } })
  await clock.advance(600_000)
  const onStack = new Set<string>()
  let questions = 0
  Error.stackTraceLimit = Infinity
  const reconciler = createReconciler(
    {
      owner: { label: 'owner', value: 'agent' },
      tracked: {
        has: () => {
          questions += 1
          if (questions === 2) for (const file of filesOnStack()) onStack.add(file)
          return false
        },
      },
      engine: address,
      restoreGrace: '0s',
      inspect: (event) => {
        if (event.type !== '@xstate.event' || !events.includes(event.event.type)) return
        for (const file of filesOnStack()) onStack.add(file)
      },
    },
    { clock },
  )
  session.post('Profiler.enable')
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  reconciler.start()
  const isOver = () => found !== undefined
  while (!isOver()) await clock.advance(10)
  await reconciler.stop()
  expect(questions).toBe(2)
  return { ran: new Map((found ?? []).map(({ url, functions }) => [pathOf(url), functions])), onStack }
}

function pathOf(url: string): string {
  return relative(root, url.startsWith('file:') ? fileURLToPath(url) : url)
}

function filesOnStack(): readonly string[] {
  const paths = (new Error('where we are').stack ?? '').match(/(?:file:\/\/)?\/[^:()]+(?=:\d)/g) ?? []
  return paths.map(pathOf).filter((file) => /^(?:src|machines)\//.test(file))
}

const hasRun = ({ ranges }: Profiler.FunctionCoverage) => (ranges[0]?.count ?? 0) > 0

/** Whether the code of a file, without its comments, has the word. */
function says(file: string, word: string): boolean {
  const code = read(file).replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '')
  return new RegExp(`(?<!\\w)${word.replaceAll('.', '\\.')}(?!\\w)`).test(code)
}

test('the steps from a listing to a DELETE are those of a removal', async () => {
  const { ran, onStack } = await removal()
  const notTaken = steps.filter(({ file, by }) => {
    const functions = ran.get(file) ?? []
    const called = functions.filter(({ functionName }) => functionName.replace('#', '') === by)
    // an event, or an actor of a chart, is no function
    return called.length > 0 ? !called.some(hasRun) : !functions.some(hasRun) || !says(file, by)
  })
  expect(notTaken).toEqual([])
  const fromNowhere = steps.filter(
    ({ file, by }, at) =>
      at > 0 && !steps.slice(0, at).some((above) => above.file !== file && says(above.file, by)),
  )
  expect(fromNowhere).toEqual([])
  expect(named.filter((file) => !ran.get(file)?.some(hasRun))).toEqual([])
  expect([...onStack].filter((file) => !named.includes(file) && !passedOver.includes(file))).toEqual([])
  expect(passedOver.filter((file) => !onStack.has(file))).toEqual([])
})

test('they are in at most 20 files, and enter none of them six times', () => {
  const entered = new Map<string, number>()
  for (const { file } of steps) entered.set(file, (entered.get(file) ?? 0) + 1)
  expect(entered.size).toBeGreaterThanOrEqual(15)
  expect(entered.size).toBeLessThanOrEqual(20)
  expect([...entered].filter(([, times]) => times >= 6)).toEqual([])
})
