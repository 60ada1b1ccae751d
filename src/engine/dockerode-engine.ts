import type { IncomingMessage } from 'node:http'
import type Dockerode from 'dockerode'
import type { Clock } from '../clock.ts'
import { shortId } from '../ids.ts'
import { machineSurroundings, resolveEngine, type Surroundings } from './address.ts'
import { callEngine, type Limits } from './call.ts'
import { connect } from './connect.ts'
import { ask, expectStatus, readBody, readJson, readNothing, type Ask } from './exchange.ts'
import { AnswerError, type Verb } from './failure.ts'
import { readEvents } from './event-stream.ts'
import { readEngineInfo } from './info.ts'
import { readListing } from './listing.ts'
import type { PastListing } from './past-listing.ts'
import type { Engine, WatchingEngine } from './port.ts'
import { asRecord } from './record.ts'
import { readLabels } from './summary.ts'

export interface DockerodeEngineOptions {
  /** A Dockerode instance or an address; default: what the docker command would use. */
  readonly engine?: string | Dockerode | undefined
  readonly clock: Clock
  /** Default: this machine's. */
  readonly surroundings?: Surroundings | undefined
}

/**
 * The engine at an address, or behind a Dockerode instance. Making it sends nothing; it throws an `OptionError` where the
 * address, or what the environment says instead of one, cannot be used.
 */
export function createDockerodeEngine(options: DockerodeEngineOptions): Engine {
  const { clock, surroundings = machineSurroundings() } = options
  const place = resolveEngine(options.engine, surroundings)
  const modem = connect(place, surroundings.env)
  const { address } = place
  const prefix = place.kind === 'http' ? place.pathPrefix : ''
  /** The last whole listing, so that the next one is read only where it differs. */
  let pastListing: PastListing | undefined

  function call<T>(verb: Verb, subject: string, limits: Limits, work: (ask: Ask) => Promise<T>): Promise<T> {
    return callEngine(clock, { verb, address, subject }, limits, (signal) =>
      work((question) => ask(modem, { ...question, path: prefix + question.path }, signal)),
    )
  }

  return Object.freeze<Engine>({
    address,
    list: ({ label, ...limits }) =>
      call('list', '', limits, async (ask) => {
        const filters = label === undefined ? {} : { filters: { label: [label] } }
        const question = {
          method: 'GET',
          path: '/containers/json',
          query: { all: true, ...filters },
        } as const
        const answer = await expectStatus(await ask(question), 200)
        const { listing, bytes } = await readListing(readBody(answer), () => clock.breathe(), pastListing)
        pastListing = listing
        return { containers: listing.containers, bytes, engineNowMs: readDate(answer) }
      }),
    info: (limits) => call('info', '', limits, (ask) => readEngineInfo(ask, clock)),
    imageLabels: (imageId, limits) =>
      call('imageLabels', imageId, limits, async (ask) => {
        const answer = await ask({ method: 'GET', path: `/images/${imagePath(imageId)}/json` })
        const image = await readJson(await expectStatus(answer, 200))
        return imageLabelsOf(image)
      }),
    networkMode: (id, limits) =>
      call('networkMode', shortId(id), limits, async (ask) => {
        const answer = await ask({ method: 'GET', path: `/containers/${id}/json` })
        const container = asRecord(await readJson(await expectStatus(answer, 200)))
        const mode = asRecord(container?.['HostConfig'])?.['NetworkMode']
        if (typeof mode !== 'string') throw new AnswerError('the answer names no network mode')
        return mode
      }),
    events: ({ signal, label, onOpen, onEvent }) =>
      call('events', '', { signal }, async (ask) => {
        const filters = { type: ['container'], ...(label === undefined ? {} : { label: [label] }) }
        const answer = await ask({ method: 'GET', path: '/events', query: { filters } })
        const body = readBody(await expectStatus(answer, 200))
        onOpen()
        for await (const event of readEvents(body)) onEvent(event)
      }),
    remove: (id, { volumes, ...limits }) =>
      call('remove', shortId(id), limits, async (ask) => {
        const answer = await ask({
          method: 'DELETE',
          path: `/containers/${id}`,
          query: { force: true, v: volumes },
        })
        await readNothing(await expectStatus(answer, 200, 204))
      }),
    stop: (id, { graceSeconds, ...limits }) =>
      call('stop', shortId(id), limits, async (ask) => {
        const answer = await ask({
          method: 'POST',
          path: `/containers/${id}/stop`,
          query: { t: graceSeconds },
        })
        await readNothing(await expectStatus(answer, 200, 204, 304))
      }),
    unpause: (id, limits) =>
      call('unpause', shortId(id), limits, async (ask) => {
        const answer = await ask({ method: 'POST', path: `/containers/${id}/unpause` })
        await readNothing(await expectStatus(answer, 200, 204))
      }),
  })
}

/** A new object that can look and nothing else: there is no way from it to a verb that changes anything. */
export function watchOnly(engine: Engine): WatchingEngine {
  const watching: WatchingEngine = {
    address: engine.address,
    list: (call) => engine.list(call),
    info: (call) => engine.info(call),
    imageLabels: (imageId, call) => engine.imageLabels(imageId, call),
    networkMode: (id, call) => engine.networkMode(id, call),
    events: (call) => engine.events(call),
  }
  return Object.freeze(Object.assign(Object.create(null) as object, watching))
}

/** The engine's clock, in whole seconds. */
function readDate(answer: IncomingMessage): number | undefined {
  const dateMs = Date.parse(answer.headers.date ?? '')
  return Number.isNaN(dateMs) ? undefined : dateMs
}

/** `sha256:…` and `registry:5000/name` as they are: engines route by them unescaped. */
function imagePath(imageId: string): string {
  if (!/^\w[\w.:@+-]*(\/[\w.:@+-]+)*$/.test(imageId) || /(^|\/)\.\.?(\/|$)/.test(imageId)) {
    throw new AnswerError('that names no image')
  }
  return imageId
}

function imageLabelsOf(image: unknown): Readonly<Record<string, string>> {
  const wrong = () => new AnswerError('the labels of the image have the wrong shape')
  const config = asRecord(image)?.['Config'] ?? {}
  if (asRecord(image) === undefined || asRecord(config) === undefined) throw wrong()
  return readLabels(asRecord(config)?.['Labels'], wrong)
}
