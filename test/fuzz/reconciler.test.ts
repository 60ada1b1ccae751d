import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toSummary } from '../../src/engine/summary.ts'
import { createReconciler, EngineError, type Reconciler } from '../../src/index.ts'
import { fakeId, ownerLabel, ownerValue } from '../support/fake-engine.ts'
import { createHarness } from '../support/harness.ts'
import { wholeContainer } from '../support/whole-container.ts'
import { anyJsonText, notJson, strangeText } from './json.ts'
import { type Permission, permissionOf, nothingAllowed, type Rules } from './listing-oracle.ts'
import { type RawAnswer, type RawEngine, type RawRequest, startRawEngine, wholeAnswer } from './raw-engine.ts'
import { expectNothingUncaught, fuzz, fuzzTimeoutMs } from './support.ts'

expectNothingUncaught()

let server: RawEngine
beforeAll(async () => {
  server = await startRawEngine()
})
afterAll(() => server.close())

const tracked = new Set([fakeId(8), fakeId(9)] as string[])
const rules: Rules = {
  label: ownerLabel,
  value: ownerValue,
  keepLabel: 'flotsam.keep',
  states: ['running', 'paused', 'restarting', 'dead'],
  isTracked: (id) => tracked.has(id),
}

const plainLabels = JSON.stringify({ [ownerLabel]: ownerValue })
const plainFields: readonly (readonly [string, string])[] = [
  ['Names', '["/task"]'],
  ['Image', '"busybox:test"'],
  ['ImageID', '"sha256:busybox"'],
  ['State', '"running"'],
  ['Created', '1700000000'],
  ['Labels', plainLabels],
  ['HostConfig', '{"NetworkMode":"bridge"}'],
  ['Mounts', '[]'],
]

const someId = fc.integer({ min: 1, max: 9 }).map((number) => fakeId(number) as string)
const strangeId = fc.oneof(
  someId.chain((id) =>
    fc.constantFrom(
      ...[
        id.toUpperCase(),
        id.slice(1),
        `${id}0`,
        id.slice(0, 12),
        `${id}\n`,
        `${id}?force=true`,
        ` ${id}`,
        `/${id}`,
        `sha256:${id}`,
        '',
      ].map((text) => JSON.stringify(text)),
      `["${id}"]`,
      `{"toString":"${id}"}`,
    ),
  ),
  anyJsonText,
)
const idText = fc.oneof({ weight: 12, arbitrary: someId.map((id) => JSON.stringify(id)) }, strangeId)
const label = JSON.stringify(ownerLabel)
const value = JSON.stringify(ownerValue)
/** An unusual field: one that may protect the container, or a meaningless one. */
const strangeField: fc.Arbitrary<readonly [string, string]> = fc.oneof(
  fc.constantFrom<readonly [string, string]>(
    ['Labels', '{}'],
    ['Labels', 'null'],
    ['Labels', `{${label}:"agent-70"}`],
    ['Labels', `{${label}:"AGENT-7"}`],
    ['Labels', `{${label}:[${value}]}`],
    ['Labels', `{${label}:null}`],
    ['Labels', `{${label}:${value},${label}:"other"}`],
    ['Labels', `{"__proto__":{${label}:${value}}}`],
    ['Labels', `[${value}]`],
    ['Labels', label],
    ['Labels', `{${label}:${value},"flotsam.keep":""}`],
    ['Labels', `{${label}:${value},"flotsam.keep":"false"}`],
    ['Labels', `{${label}:${value},"flotsam.keep":true}`],
    ['__proto__', `{"Labels":${plainLabels}}`],
    ['State', '"exited"'],
    ['State', '"paused"'],
    ['State', '"RUNNING"'],
    ['State', '"__proto__"'],
    ['State', '"constructor"'],
    ['Names', 'null'],
    ['Names', '["/flotsam","/other/task"]'],
    ['ImageID', '"../containers/x"'],
    ['ImageID', '""'],
    ['HostConfig', '{}'],
    ['HostConfig', 'null'],
  ),
  someId.chain((id) =>
    fc.constantFrom<readonly [string, string]>(
      ['HostConfig', `{"NetworkMode":"container:${id}"}`],
      ['HostConfig', `{"NetworkMode":"container:${id.slice(0, 40)}"}`],
      ['HostConfig', '{"NetworkMode":"container:task"}'],
      ['HostConfig', '{"NetworkMode":"container:"}'],
    ),
  ),
  fc.tuple(
    fc.constant('Created'),
    fc.oneof(anyJsonText, fc.constantFrom('1e305', '253402300800', '0.5', '-62135596800')),
  ),
  fc.tuple(fc.constantFrom(...plainFields.map(([key]) => key)), anyJsonText),
  fc.tuple(
    fc.constant('HostConfig'),
    anyJsonText.map((text) => `{"NetworkMode":${text}}`),
  ),
  fc.tuple(strangeText, anyJsonText),
)

const entryOf = (id: fc.Arbitrary<string>, fields: fc.Arbitrary<readonly (readonly [string, string])[]>) =>
  fc.tuple(id, fields, fc.boolean()).map(([id, strange, isDoubled]) => {
    const changed = new Map(strange)
    // a key that is there twice counts as it stands last
    const fields = isDoubled ? [...plainFields, ...strange] : plainFields.filter(([key]) => !changed.has(key))
    const all = [['Id', id] as const, ...fields, ...(isDoubled ? [] : strange)]
    return `{${all.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`
  })

const plainEntry = entryOf(
  someId.map((id) => JSON.stringify(id)),
  fc.constant([]),
)
const entry = fc.oneof(
  { weight: 3, arbitrary: entryOf(idText, fc.constant([])) },
  { weight: 2, arbitrary: entryOf(idText, fc.array(strangeField, { minLength: 1, maxLength: 2 })) },
)
/** Wrong, or at least unusual, in one way alone. */
const oddEntry = fc.oneof(
  entryOf(strangeId, fc.constant([])),
  entryOf(
    someId.map((id) => JSON.stringify(id)),
    fc.array(strangeField, { minLength: 1, maxLength: 1 }),
  ),
)

/** A body, and what is sent of it. */
interface Sent {
  readonly body: string
  readonly answer: RawAnswer
  readonly isWhole: boolean
}

const listing: fc.Arbitrary<Sent> = fc
  .record({
    body: fc.oneof(
      {
        weight: 8,
        arbitrary: fc.array(entry, { minLength: 1, maxLength: 4 }).map((all) => `[${all.join(',')}]`),
      },
      fc.array(entry, { maxLength: 2 }).map((all) => `{"containers":[${all.join(',')}]}`),
      anyJsonText,
      notJson,
    ),
    status: fc.constantFrom(200, 200, 200, 200, 200, 200, 201, 206, 304, 404, 500),
    date: fc.constantFrom(
      '',
      'Date: nonsense',
      `Date: ${new Date().toUTCString()}`,
      'Date: Fri, 31 Dec 9999 23:59:59 GMT',
    ),
    cut: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 60 })),
    isChunked: fc.boolean(),
  })
  .map(({ body, status, date, cut, isChunked }) => {
    const bytes = Buffer.from(body)
    const sent = bytes.subarray(0, Math.max(0, bytes.length - cut))
    const head = [`HTTP/1.1 ${status} Whatever`, ...(date === '' ? [] : [date]), 'Connection: close']
    const framing = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes.length}`
    const chunk = [`${bytes.length.toString(16)}\r\n`, sent, ...(cut === 0 ? ['\r\n0\r\n\r\n'] : [])]
    const rest = bytes.length === 0 ? ['0\r\n\r\n'] : chunk
    return {
      body,
      answer: { pieces: [`${[...head, framing].join('\r\n')}\r\n\r\n`, ...(isChunked ? rest : [sent])] },
      isWhole: status === 200 && (cut === 0 || bytes.length === 0),
    }
  })

/** A complete answer about the image of the plain entries, without its labels. */
const imageWith = (labels: string) =>
  `{"Id":"sha256:busybox","Os":"linux","Architecture":"amd64","RootFS":{"Type":"layers","Layers":["sha256:1"]},"Config":{"Labels":${labels}}}`
const imageAnswer = fc.oneof(
  { weight: 6, arbitrary: fc.constant(imageWith('{"maintainer":"someone"}')) },
  { weight: 1, arbitrary: fc.constant(imageWith(plainLabels)) },
  anyJsonText.map(imageWith),
  anyJsonText,
  notJson,
)
const events = fc.array(
  fc.oneof(
    fc
      .tuple(idText, fc.constantFrom('create', 'start', 'die', 'destroy', 'remove'), anyJsonText)
      .map(
        ([id, action, labels]) =>
          `{"Type":"container","Action":"${action}","Actor":{"ID":${id},"Attributes":${labels}}}\n`,
      ),
    notJson,
    anyJsonText.map((text) => `${text}\n`),
  ),
  { maxLength: 4 },
)

/** Whether the image says, in a valid form, that the label is not its own. */
function isImageClean(said: string): boolean {
  const { removable } = permissionOf(
    `[{"Id":"${fakeId(1)}","State":"running","Labels":${plainLabels}}]`,
    rules,
  )
  let image: unknown
  try {
    image = JSON.parse(said)
  } catch {
    return false
  }
  const isRecord = (one: unknown): one is Record<string, unknown> =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
  if (!isRecord(image)) return false
  const config = image['Config'] ?? {}
  if (!isRecord(config)) return false
  const labels = config['Labels'] ?? {}
  return (
    removable.size === 1 &&
    isRecord(labels) &&
    Object.values(labels).every((text) => typeof text === 'string') &&
    labels[ownerLabel] !== ownerValue
  )
}

/** What an inspection says of a container where the engine does not contradict its own listing. */
function inspectionOf(id: string, body: string): RawAnswer {
  let entries: unknown
  try {
    entries = JSON.parse(body)
  } catch {
    return wholeAnswer(404, '{"message":"no such container"}')
  }
  const isMeant = (one: unknown): one is Record<string, unknown> =>
    typeof one === 'object' && one !== null && (one as { Id?: unknown }).Id === id
  const listed = Array.isArray(entries) ? entries.findLast(isMeant) : undefined
  if (!listed) return wholeAnswer(404, '{"message":"no such container"}')
  const { Names, ImageID, State, Labels, HostConfig } = listed
  const whole = wholeContainer(id) as Record<string, Record<string, unknown>>
  const said = {
    ...whole,
    Created: '2023-11-14T22:13:20Z',
    Name: Array.isArray(Names) ? Names[0] : '',
    Image: ImageID,
    State: {
      ...whole['State'],
      Status: State,
      Running: State !== 'exited' && State !== 'dead',
      Paused: State === 'paused',
      Restarting: State === 'restarting',
      Dead: State === 'dead',
      StartedAt: '2023-11-14T22:13:21Z',
    },
    Config: { Labels },
    HostConfig: { ...whole['HostConfig'], ...(typeof HostConfig === 'object' && HostConfig) },
  }
  return wholeAnswer(200, JSON.stringify(said), [`Date: ${new Date().toUTCString()}`])
}

async function settle(reconciler: Reconciler): Promise<void> {
  const until = performance.now() + 1000
  do await new Promise<void>((resolve) => setTimeout(resolve, 2))
  while (reconciler.status().removals.underWay.length > 0 && performance.now() < until)
}

/** One life of a reconciler with an engine that answers like this; returns what it requested of the engine. */
async function live(answers: {
  readonly listing: RawAnswer
  /** The listing's body, as inspections bear it out. */
  readonly body: string
  readonly image: string
  readonly events: readonly string[]
  readonly change: RawAnswer
}): Promise<readonly RawRequest[]> {
  server.requests.length = 0
  server.answer = ({ method, path }) => {
    if (method !== 'GET') return answers.change
    if (path.startsWith('/containers/json')) return answers.listing
    if (path.startsWith('/events'))
      return { pieces: ['HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n', ...answers.events] }
    if (path.startsWith('/images/')) return wholeAnswer(200, answers.image)
    const id = /^\/containers\/([^/]*)\/json$/.exec(path)?.[1] ?? ''
    return inspectionOf(id, answers.body)
  }
  const reconciler = createReconciler({
    engine: server.address,
    owner: { label: ownerLabel, value: ownerValue },
    tracked,
    creationGrace: '1ms',
    restoreGrace: '0s',
    releaseGrace: '0s',
    recoveryGrace: '1ms',
    allowShortGrace: true,
    stopTimeout: '1s',
    maxConcurrentRemovals: 4,
  })
  reconciler.start()
  try {
    const { containers } = await reconciler.scan()
    expect(JSON.parse(JSON.stringify(containers))).toEqual(containers)
    await settle(reconciler)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
  } finally {
    const status = reconciler.status()
    expect(JSON.parse(JSON.stringify(status))).toEqual(status)
    for (const count of Object.values(status.containers.byState)) expect(count).toBeTypeOf('number')
    await reconciler.stop()
  }
  return [...server.requests]
}

/** Says how many requests would have changed something. */
function expectWithin(requests: readonly RawRequest[], { removable, listed }: Permission): number {
  let changes = 0
  for (const { method, path } of requests) {
    const id = /^\/containers\/([^/?]*)/.exec(path)?.[1] ?? ''
    if (method !== 'GET') changes++
    if (method !== 'GET') expect([...removable], `${method} ${path}`).toContain(id)
    else if (/^\/containers\/(?!json)/.test(path)) expect([...listed], `${method} ${path}`).toContain(id)
    else expect(path).toMatch(/^(\/containers\/json\?|\/info$|\/events\?|\/images\/[\w.:@+/-]+\/json$)/)
  }
  return changes
}

describe('exact-id, owned-only, unknown-is-spared: whatever the engine answers', () => {
  test(
    'only containers that a complete, valid listing shows as ours are ever touched',
    { timeout: fuzzTimeoutMs },
    async () => {
      const change = fc.oneof(
        { weight: 4, arbitrary: fc.constant(wholeAnswer(204, '')) },
        fc
          .tuple(fc.constantFrom(200, 304, 404, 409, 500, 503), notJson)
          .map(([status, said]) => wholeAnswer(status, said)),
      )
      let [whole, changes] = [0, 0]
      await fuzz(
        220,
        fc.asyncProperty(listing, imageAnswer, events, change, async (sent, image, events, change) => {
          const requests = await live({ listing: sent.answer, body: sent.body, image, events, change })
          const permission = sent.isWhole ? permissionOf(sent.body, rules) : nothingAllowed
          const { listed } = permission
          const allowed = isImageClean(image) ? permission : { removable: new Set<string>(), listed }
          changes += expectWithin(requests, allowed)
          if (allowed.removable.size > 0) whole++
        }),
      )
      // the engine must have answered correctly often enough for this to prove anything
      expect(whole).toBeGreaterThan(5)
      expect(changes).toBeGreaterThan(5)
    },
  )

  test('one odd entry among ordinary ones affects nothing else', { timeout: fuzzTimeoutMs }, async () => {
    let changes = 0
    const listings = fc
      .tuple(fc.array(plainEntry, { maxLength: 2 }), oddEntry, fc.array(plainEntry, { maxLength: 1 }))
      .map(([before, odd, after]) => `[${[...before, odd, ...after].join(',')}]`)
    await fuzz(
      300,
      fc.asyncProperty(listings, async (body) => {
        const requests = await live({
          listing: wholeAnswer(200, body, [`Date: ${new Date().toUTCString()}`]),
          body,
          image: imageWith('null'),
          events: [],
          change: wholeAnswer(204, ''),
        })
        changes += expectWithin(requests, permissionOf(body, rules))
      }),
    )
    expect(changes).toBeGreaterThan(50)
  })
})

describe('an engine’s values are shown unchanged', () => {
  test('a state named like a member of every object', async () => {
    const { clock, engine, reconciler } = createHarness()
    for (const state of ['constructor', '__proto__', '__proto__', '']) engine.add({ state })
    reconciler.start()
    await clock.advance(1000)
    expect(Object.entries(reconciler.status().containers.byState)).toEqual([
      ['constructor', 1],
      ['__proto__', 2],
      ['unknown', 1],
    ])
    await reconciler.stop()
  })

  test.each([Infinity, 1e305, -1, 0, Number.NaN, '1700000000'])('%s is no time of creation', (created) => {
    expect(toSummary({ Id: fakeId(1), Created: created }).createdAtMs).toBeUndefined()
  })

  test('the last second of the calendar is one', () => {
    expect(toSummary({ Id: fakeId(1), Created: 8.64e12 }).createdAtMs).toBe(8.64e15)
  })
})
