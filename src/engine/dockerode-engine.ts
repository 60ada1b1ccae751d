import type { IncomingMessage } from 'node:http'
import type { Clock } from '../domain/clock.ts'
import type { EngineClient } from '../domain/engine-client.ts'
import type { EngineError } from '../domain/errors.ts'
import { type ContainerId, shortId } from '../domain/ids.ts'
import { resolveEngine } from './address.ts'
import { callEngine, type Limits } from './call.ts'
import { connect } from './connect.ts'
import { readEvents, readFirstTime } from './event-stream.ts'
import {
  ask,
  askToChange,
  expectStatus,
  readBody,
  readDate,
  readNothing,
  type Ask,
  type Question,
} from './exchange.ts'
import { ReachError, type Verb } from './failure.ts'
import { readIdentity } from './identity.ts'
import { askForImageLabels } from './image.ts'
import { readEngineInfo } from './info.ts'
import { askForInspection, askForShares, isDockers, podmanVersion } from './inspection-request.ts'
import { readListing } from './listing.ts'
import { withoutVersion } from './modem.ts'
import { areVolumesItsOwn } from './own-volumes.ts'
import { PastListing } from './past-listing.ts'
import { type Change, ownRemoval } from './podman-removal.ts'
import type { ChangeOptions, ChangeOutcome, Engine, WatchingEngine } from './port.ts'
import { type ReadAnswer, listingBy, listOtherwise } from './refused-listing.ts'
import type { LabelsOf } from './summary.ts'
import { machineSurroundings, type Surroundings } from './surroundings.ts'

export interface DockerodeEngineOptions {
  /** A Dockerode instance or an address; default: what the docker command would use. */
  readonly engine?: string | EngineClient | undefined
  readonly clock: Clock
  /** Default: this machine's. */
  readonly surroundings?: Surroundings | undefined
  /** The labels to keep of each listed container; default: all. */
  readonly labelsOf?: LabelsOf | undefined
}

/**
 * The engine at an address, or behind a Dockerode instance. Making it sends nothing; it throws an `OptionError` where the
 * address, or what the environment says instead of one, cannot be used.
 */
export function createDockerodeEngine(options: DockerodeEngineOptions): Engine {
  const { clock, labelsOf, surroundings = machineSurroundings() } = options
  const place = resolveEngine(options.engine, surroundings)
  const modem = connect(place, surroundings.env)
  /** positive-evidence: only API 1.48 and later return the platforms of containers, whatever version an instance chose. */
  let newest = withoutVersion(modem)
  const { address } = place
  const sockets = place.kind === 'instance' ? fewSocketsOf(place.dockerode.modem) : undefined
  const prefix = place.kind === 'http' ? place.pathPrefix : ''
  /** The last whole listing, so that the next one is read only where it differs. */
  let pastListing = new PastListing(labelsOf)
  /** The version that it last gave, which a proxy's own answers lack; undefined where it is no Podman. */
  let podman: string | undefined
  /** Whether Podman's own API, which alone says what depends on a container, was denied at the last inspection. */
  let isOwnApiDenied = false
  /** Whether its removal, which alone kills a container at once, was denied. */
  let isOwnRemovalDenied = false

  async function askAndNote(question: Question, signal: AbortSignal, by = modem): Promise<IncomingMessage> {
    const answer = await ask(by, { ...question, path: prefix + question.path }, signal)
    podman = podmanVersion(answer) ?? (isDockers(answer) ? undefined : podman)
    return answer
  }

  /** A proxy may allow only paths with the version of the instance. */
  async function askNewest(question: Question, signal: AbortSignal): Promise<IncomingMessage> {
    const answer = await askAndNote(question, signal, newest)
    if (newest === modem || !denials.has(answer.statusCode)) return answer
    answer.destroy()
    const versioned = await askAndNote(question, signal)
    if (versioned.statusCode === 200) newest = modem
    return versioned
  }

  function call<T>(
    verb: Verb,
    subject: string,
    limits: Limits,
    work: (ask: Ask) => Promise<T>,
    send = askAndNote,
  ): Promise<T> {
    return callEngine(clock, { verb, address, subject, sockets }, limits, (signal) =>
      work((question) => send(question, signal)),
    )
  }

  /** Sends one request that changes something, at most once, and rejects an answer that says more than that it was done. */
  function change(
    verb: Verb,
    id: ContainerId,
    { maySend, onSent, ...limits }: ChangeOptions,
    make: (ask: Ask) => Change | Promise<Change>,
  ): Promise<ChangeOutcome> {
    return callEngine(
      clock,
      { verb, address, subject: shortId(id), sockets },
      limits,
      async (signal, isOver) => {
        const held = { maySend, onSent, isOver, signal }
        const { expectDone, ...question } = await make((asked) => askAndNote(asked, signal))
        const answer = await askToChange(modem, { ...question, path: prefix + question.path }, held)
        if (answer === 'withheld') return 'withheld'
        if (expectDone) {
          await expectDone(answer)
          return 'done'
        }
        // truthful: no engine confirms with 200 or 202, so something else has answered
        const confirmations = verb === 'stop' ? [204, notModified] : [204]
        await readNothing(await expectStatus(answer, ...confirmations))
        return answer.statusCode === notModified ? 'unchanged' : 'done'
      },
    )
  }

  return Object.freeze<Engine>({
    address,
    list: ({ label, ...limits }) =>
      call(
        'list',
        '',
        limits,
        async (ask) => {
          const filters = label === undefined ? {} : { label: [label] }
          const read: ReadAnswer = async (from, inForm = (body) => body) => {
            const body = inForm(readBody(from))
            const { listing, bytes } = await readListing(body, () => clock.breathe(), pastListing)
            pastListing = listing
            const { containers, unidentified } = listing
            return { containers, unidentified, bytes, engineNowMs: readDate(from) }
          }
          const answer = await ask(listingBy('/containers/json', filters))
          try {
            return await read(await expectStatus(answer, 200))
          } catch (error) {
            return await listOtherwise(error, { version: podmanVersion(answer), filters, ask, read })
          }
        },
        askNewest,
      ),
    info: (limits) => call('info', '', limits, (ask) => readEngineInfo(ask, clock)),
    identity: (limits) => call('identity', '', limits, readIdentity),
    imageLabels: (image, limits) =>
      call('imageLabels', image.id, limits, (ask) => askForImageLabels(image, ask), askNewest),
    inspect: async (id, limits) => {
      const inspection = await call('inspect', shortId(id), limits, (ask) => askForInspection(id, ask))
      isOwnApiDenied = podman !== undefined && inspection.isInfra === undefined
      return inspection
    },
    shares: (id, limits) => call('inspect', shortId(id), limits, (ask) => askForShares(id, ask)),
    unpausedWithin: ({ sinceMs, untilMs }, limits) =>
      call('unpausedWithin', '', limits, async (ask) => {
        const filters = { type: ['container'], event: ['unpause'] }
        const query = { since: secondsOf(sinceMs), until: secondsOf(untilMs), filters }
        const answer = await expectStatus(await ask({ method: 'GET', path: '/events', query }), 200)
        const unpaused = new Set<ContainerId>()
        for await (const { id } of readEvents(readBody(answer))) unpaused.add(id)
        // Asked afterwards: what is remembered still was remembered before.
        const whole = { since: secondsOf(earliestMs), until: secondsOf(untilMs + whileMs) }
        const past = await expectStatus(await ask({ method: 'GET', path: '/events', query: whole }), 200)
        return { unpaused, sinceMs: await readFirstTime(readBody(past)) }
      }),
    events: ({ signal, actions, onOpen, onEvent }) =>
      call('events', '', { signal }, async (ask) => {
        const filters = { type: ['container'], event: actions }
        const answer = await ask({ method: 'GET', path: '/events', query: { filters } })
        const body = readBody(await expectStatus(answer, 200))
        onOpen()
        for await (const event of readEvents(body)) onEvent(event)
      }),
    remove: async (id, { force, volumes, ...limits }) => {
      let isOwn = false
      try {
        return await change('remove', id, limits, async (asking) => {
          const v = volumes && (podman === undefined || (await areVolumesItsOwn(id, podman, asking)))
          if (podman === undefined || isOwnApiDenied || isOwnRemovalDenied)
            return { method: 'DELETE', path: `/containers/${id}`, query: { force, v } }
          isOwn = true
          return ownRemoval(id, podman, { force, volumes: v })
        })
      } catch (thrown) {
        const { kind, status } = thrown as EngineError
        // a proxy that allows only what clients of Docker need: the next attempt does without
        if (isOwn && kind !== 'gone' && denials.has(status)) isOwnRemovalDenied = true
        throw thrown
      }
    },
    stop: (id, { graceSeconds, ...limits }) =>
      change('stop', id, limits, () => {
        // protected: Podman stops a container that others depend on, and then refuses to remove it
        if (isOwnApiDenied) throw new ReachError('misconfigured', dependentsUnknown)
        return { method: 'POST', path: `/containers/${id}/stop`, query: { t: graceSeconds } }
      }),
    unpause: (id, limits) =>
      change('unpause', id, limits, () => ({ method: 'POST', path: `/containers/${id}/unpause` })),
  })
}

/** Statuses by which proxies deny a path; an engine with a listing answers 200. */
const denials: ReadonlySet<number | undefined> = new Set([400, 401, 403, 404, 405, 501])

/** The answer of an engine to a stop that had nothing to do. */
const notModified = 304

const dependentsUnknown =
  "what depends on it is not known, because Podman's own API is denied; only a removal can be tried"

/** A new object that can scan and nothing else: there is no way from it to a verb that changes anything. */
export function watchOnly(engine: Engine): WatchingEngine {
  const watching: WatchingEngine = {
    address: engine.address,
    list: (call) => engine.list(call),
    info: (call) => engine.info(call),
    identity: (call) => engine.identity(call),
    imageLabels: (image, call) => engine.imageLabels(image, call),
    inspect: (id, call) => engine.inspect(id, call),
    shares: (id, call) => engine.shares(id, call),
    unpausedWithin: (period, call) => engine.unpausedWithin(period, call),
    events: (call) => engine.events(call),
  }
  return Object.freeze(Object.assign(Object.create(null) as object, watching))
}

/** No engine takes this for "not said", as some take 0. */
const earliestMs = 1000
/** Podman returns no events of a period that is already over. It is waited for only if there is no event at all. */
const whileMs = 2000

/** Below this the events, a listing and the removals can be in each other's way. */
const enoughSockets = 5

function fewSocketsOf(modem: object): number | undefined {
  const { agent } = modem as { readonly agent?: { readonly maxSockets?: unknown } | undefined }
  const sockets = agent?.maxSockets
  return typeof sockets === 'number' && sockets < enoughSockets ? sockets : undefined
}

/** As engines read a moment: `1767225600.250`. */
function secondsOf(atMs: number): string {
  return (atMs / 1000).toFixed(3)
}
