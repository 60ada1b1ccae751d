import type { IncomingMessage } from 'node:http'
import type { Inspection, Shares } from '../domain/container.ts'
import { type ContainerId, shortId } from '../domain/ids.ts'
import { asRecord } from './as-record.ts'
import { expectStatus, readJson, type Ask, readDate } from './exchange.ts'
import { AnswerError, HalfRemovedError, StatusError } from './failure.ts'
import { readInspection, readShares } from './inspection.ts'
import type { Wanted } from './member-picker.ts'

/** Asks the engine all that it says of one container. */
export async function askForInspection(id: ContainerId, ask: Ask): Promise<Inspection> {
  const answer = await askTwiceWhereItRaces(id, ask)
  const engineNowMs = readDate(answer)
  const version = podmanVersion(answer)
  const container = await readJson(answer, wantedOfContainer)
  const libpod = version === undefined ? undefined : await askPodman(id, version, ask)
  return readInspection(id, { container, libpod, engineNowMs })
}

/** Asks only what a container shares with others, since the rest of the answer may be too large to be read. */
export async function askForShares(id: ContainerId, ask: Ask): Promise<Shares> {
  const answer = await askTwiceWhereItRaces(id, ask)
  const version = podmanVersion(answer)
  const container = await readJson(answer, wantedOfShares)
  const libpod = version === undefined ? undefined : await askPodman(id, version, ask)
  return readShares(id, container, libpod)
}

const hostConfig: Wanted = {
  NetworkMode: true,
  PidMode: true,
  IpcMode: true,
  UTSMode: true,
  CgroupParent: true,
}
const wantedOfShares: Wanted = {
  Id: true,
  Name: true,
  Created: true,
  State: {
    Status: true,
    Running: true,
    Paused: true,
    Restarting: true,
    Dead: true,
    StartedAt: true,
    FinishedAt: true,
  },
  HostConfig: hostConfig,
  HostnamePath: true,
  HostsPath: true,
  ResolvConfPath: true,
}
const wantedOfContainer: Wanted = {
  ...wantedOfShares,
  HostConfig: { ...hostConfig, AutoRemove: true, CapAdd: true, Privileged: true },
  Image: true,
  RestartCount: true,
  Config: { Labels: true, StopTimeout: true },
  GraphDriver: { Data: { UpperDir: true } },
  Mounts: true,
}
const wantedOfLibpod: Wanted = {
  Id: true,
  State: { Status: true, Running: true, Paused: true, RestoredAt: true },
  Dependencies: true,
  IsInfra: true,
}

/**
 * Podman refuses an inspection that a removal overtakes, with the status of a fault; asked again it says what became of it.
 * It also refuses one of a container whose storage is lost.
 */
async function askTwiceWhereItRaces(id: ContainerId, ask: Ask): Promise<IncomingMessage> {
  const question = { method: 'GET', path: `/containers/${id}/json` } as const
  const answer = await ask(question)
  try {
    return await expectInspection(id, answer)
  } catch (error) {
    if (!(error instanceof StatusError && error.statusCode === 500)) throw error
    if (/no such container/i.test(error.detail)) return await expectInspection(id, await ask(question))
    const version = podmanVersion(answer)
    if (version === undefined || !(await isBeingRemoved(id, version, ask))) throw error
    const what = `${error.message}; its removal was interrupted; "podman rm -f ${shortId(id)}" finishes it`
    throw new HalfRemovedError(what, { cause: error })
  }
}

/** What Podman's own listing says, which it reads from its database alone. */
async function isBeingRemoved(id: ContainerId, version: string, ask: Ask): Promise<boolean> {
  try {
    const path = `/v${version}/libpod/containers/json`
    const answer = await ask({ method: 'GET', path, query: { all: true, filters: { id: [id] } } })
    const listed: unknown = await readJson(await expectStatus(answer, 200))
    const [entry, ...others] = Array.isArray(listed) ? listed.map(asRecord) : []
    return others.length === 0 && entry?.['Id'] === id && entry['State'] === 'removing'
  } catch {
    // the refusal itself says more
    return false
  }
}

/** positive-evidence: that a container is gone says only a 404 that names this very one. Any other is about something else. */
async function expectInspection(id: ContainerId, answer: IncomingMessage): Promise<IncomingMessage> {
  try {
    return await expectStatus(answer, 200)
  } catch (error) {
    const isElse = error instanceof StatusError && error.statusCode === 404 && error.isOfEngine
    if (!isElse || saysThatItIsGone(id, error)) throw error
    const why = `the answer does not say that this very container is gone: ${error.message}`
    throw new AnswerError(why, { cause: error, statusCode: error.statusCode })
  }
}

/** dockerd: `No such container: ID`. Podman: `no container with name or ID "ID" found: no such container`. */
function saysThatItIsGone(id: ContainerId, { detail }: StatusError): boolean {
  return /no such container/i.test(detail) && detail.includes(id)
}

/** From `5.4.2`, or `Libpod/5.4.2 (linux)`, which a proxy may replace; undefined of any other engine. */
export function podmanVersion({ headers }: IncomingMessage): string | undefined {
  const said = `Libpod/${String(headers['libpod-api-version'] ?? '')} ${String(headers.server ?? '')}`
  return /(?<!\S)Libpod\/(\d+\.\d+\.\d+)/.exec(said)?.[1]
}

/** Whether dockerd itself has answered. */
export function isDockers({ headers }: IncomingMessage): boolean {
  return String(headers.server ?? '').startsWith('Docker/')
}

/** What Podman says in its own API. A proxy may not let us there; then it is not known, which is not an error. */
async function askPodman(id: ContainerId, version: string, ask: Ask): Promise<unknown> {
  const path = `/v${version}/libpod/containers/${id}/json`
  const answer = await ask({ method: 'GET', path })
  try {
    return await readJson(await expectInspection(id, answer), wantedOfLibpod)
  } catch (error) {
    // a 404 of Podman's own may say that the container has gone meanwhile
    const isDenied =
      error instanceof StatusError &&
      ([401, 403, 405, 501].includes(error.statusCode) || (error.statusCode === 404 && !error.isOfEngine))
    if (isDenied) return undefined
    throw error
  }
}
