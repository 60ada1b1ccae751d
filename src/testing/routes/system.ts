import { viewOf, type Call, type Route } from '../call.ts'
import { isBelow } from '../dialect.ts'
import type { EngineEvent } from '../events.ts'
import { momentOf, readFilters, type Filters } from '../filters.ts'
import { Refusal } from '../refusal.ts'
import { imageSummaryShape } from '../shapes/image.ts'
import { summaryJson } from '../shapes/summary.ts'
import { infoShape, networkShapes, versionShape } from '../shapes/system.ts'
import { volumeShape } from '../shapes/volume.ts'

function route(method: Route['method'], pattern: RegExp, run: Route['run']): Route {
  return { method, pattern, namesContainer: false, run }
}

export const systemRoutes: readonly Route[] = [
  route('GET', /^\/_ping$/, ping),
  route('HEAD', /^\/_ping$/, ping),
  route('GET', /^\/version$/, ({ world, answer }) =>
    answer.json(200, versionShape(world.version, world.dialect.isPodman)),
  ),
  route('GET', /^\/info$/, info),
  route('GET', /^\/events$/, events),
  route('GET', /^\/networks$/, ({ world, answer }) => answer.json(200, networkShapes(world.now()))),
  route('GET', /^\/networks\/([^/]+)$/, network),
  route('GET', /^\/system\/df$/, usage),
  route('GET', /^\/plugins$/, ({ answer }) => answer.json(200, [])),
  route('GET', /^\/plugins\/(.+)\/json$/, noPlugin),
  route('GET', /^\/(?:services|tasks|nodes|secrets|configs)(?:\/.*)?$/, noSwarm),
]

async function noPlugin({ reference }: Call): Promise<void> {
  throw new Refusal(404, `plugin "${reference}" not found`)
}

async function noSwarm(): Promise<void> {
  const advice = 'Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.'
  throw new Refusal(503, `This node is not a swarm manager. ${advice}`)
}

async function ping({ world, answer }: Call): Promise<void> {
  if (world.dialect.isPodman) {
    answer.setHeader('Docker-Experimental', 'true')
    if (!isBelow(world.version.engine, '5.0')) answer.setHeader('Ostype', 'linux')
  }
  answer.setHeader('Cache-Control', 'no-cache, no-store, must-revalidate')
  answer.setHeader('Pragma', 'no-cache')
  await answer.text(200, 'OK', 'text/plain; charset=utf-8')
}

async function info({ world, answer }: Call): Promise<void> {
  const { id, ids, dialect, version, containers, images, events } = world
  const shape = infoShape({
    // on Podman it changes with each request
    id: dialect.isPodman ? ids.nextId() : id,
    version,
    nowMs: world.now(),
    containers: containers.store.values(),
    imageCount: images.size,
    listenerCount: events.listenerCount,
  })
  await answer.json(200, shape)
}

async function network({ world, reference, answer }: Call): Promise<void> {
  const found = networkShapes(world.now()).find(({ Name, Id }) => Name === reference || Id === reference)
  if (!found) throw new Refusal(404, `network ${reference} not found`)
  await answer.json(200, found)
}

async function usage(call: Call): Promise<void> {
  const { world, answer } = call
  const view = viewOf(call)
  const { containers, images, volumes } = world
  const users = new Map<string, number>()
  for (const { imageId } of containers.store.values()) users.set(imageId, (users.get(imageId) ?? 0) + 1)
  await answer.json(200, {
    LayersSize: 0,
    Images: [...images.values()].map((image) => imageSummaryShape(image, view, users.get(image.id) ?? 0)),
    Containers: [...containers.store.values()].map(
      (one) => JSON.parse(summaryJson(one, world.now(), view)) as unknown,
    ),
    Volumes: [...volumes.values()].map((volume) => ({
      ...volumeShape(volume),
      UsageData: { RefCount: volumes.userCount(volume.name), Size: 0 },
    })),
    BuildCache: [],
    BuilderSize: 0,
  })
}

const eventFilters = new Set([
  'config',
  'container',
  'daemon',
  'event',
  'image',
  'label',
  'network',
  'node',
  'plugin',
  'scope',
  'secret',
  'service',
  'type',
  'volume',
])

async function events({ world, query, apiVersion, answer }: Call): Promise<void> {
  const matches = eventQuestion(readFilters(query.get('filters'), eventFilters, world.dialect))
  const [since, until] = [query.get('since') ?? '', query.get('until') ?? '']
  const sinceMs = since === '' ? Infinity : momentOf(since, world.now())
  const untilMs = until === '' ? Infinity : momentOf(until, world.now())
  if (!(await answer.stream('application/json'))) return
  const sender = createEventSender(
    () => world.faults.eventChunks,
    (text) => answer.write(text),
    () => world.clock.breathe(),
  )
  const hasOldFields = isBelow(apiVersion, '1.52')
  const take = (event: EngineEvent): void => sender.take(hasOldFields ? event.json : event.plainJson)
  for (const event of world.events.since(sinceMs)) if (event.atMs <= untilMs && matches(event)) take(event)
  const leftMs = untilMs - world.now()
  if (leftMs > 0) await listen({ world, answer }, (event) => matches(event) && take(event), leftMs)
  await sender.flush()
  await answer.end()
}

/** Sends events until the given time, or until the client disconnects. */
async function listen(
  { world, answer }: Pick<Call, 'world' | 'answer'>,
  send: (event: EngineEvent) => void,
  leftMs: number,
): Promise<void> {
  const unsubscribe = world.events.subscribe(send)
  await new Promise<void>((over) => {
    const timer = Number.isFinite(leftMs) ? world.clock.setTimeout(over, leftMs) : undefined
    answer.onAbandoned(() => {
      world.clock.clearTimeout(timer)
      over()
    })
  })
  unsubscribe()
}

/** Sends events in order, each in its own chunk unless a fault changes that. */
function createEventSender(
  chunks: () => { joined: number; splitBytes: number },
  write: (text: string) => Promise<boolean>,
  breathe: () => Promise<void>,
): { take(json: string): void; flush(): Promise<void> } {
  let held: string[] = []
  let sending: Promise<unknown> = Promise.resolve()
  const send = (): void => {
    const text = held.join('')
    held = []
    const { splitBytes } = chunks()
    const pieces = Number.isFinite(splitBytes) ? piecesOf(text, splitBytes) : [text]
    for (const piece of pieces) sending = sending.then(() => write(piece)).then(breathe)
  }
  return {
    take(json) {
      held.push(json)
      if (held.length >= chunks().joined) send()
    },
    async flush() {
      if (held.length > 0) send()
      await sending
    },
  }
}

function piecesOf(text: string, length: number): string[] {
  const pieces: string[] = []
  for (let from = 0; from < text.length; from += length) pieces.push(text.slice(from, from + length))
  return pieces
}

function eventQuestion(filters: Filters): (event: EngineEvent) => boolean {
  const anyOf = (key: string, asks: (event: EngineEvent, value: string) => boolean) => (event: EngineEvent) =>
    filters.get(key)?.some((value) => asks(event, value)) ?? true
  const isActor = (type: EngineEvent['type']) =>
    anyOf(type, (event, value) => {
      const isMeant = event.actorId.startsWith(value) || event.attributes['name'] === value
      return event.type === type && isMeant
    })
  const checks = [
    anyOf('type', (event, value) => event.type === value),
    anyOf('event', (event, value) => event.action === value),
    isActor('container'),
    isActor('volume'),
    isActor('network'),
    anyOf('image', ({ attributes }, value) => attributes['image'] === value || attributes['name'] === value),
    (event: EngineEvent) => (filters.get('label') ?? []).every((label) => bearsLabel(event, label)),
  ]
  return (event) => checks.every((check) => check(event))
}

function bearsLabel({ attributes }: EngineEvent, label: string): boolean {
  const at = label.indexOf('=')
  if (at < 0) return Object.hasOwn(attributes, label)
  const key = label.slice(0, at)
  return Object.hasOwn(attributes, key) && attributes[key] === label.slice(at + 1)
}
