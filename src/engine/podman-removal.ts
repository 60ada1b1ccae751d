import type { IncomingMessage } from 'node:http'
import type { ContainerId } from '../domain/ids.ts'
import { asRecord } from './as-record.ts'
import { expectStatus, readJson, type Question } from './exchange.ts'
import { AnswerError } from './failure.ts'

/** A request that changes something, and how its answer confirms it. */
export interface Change extends Question {
  /** Throws unless the answer says that it was done. Default: an empty 204. */
  readonly expectDone?: (answer: IncomingMessage) => Promise<void>
}

/**
 * A removal by Podman's own API, which kills a running container at once. A forced removal by Docker's API waits for the
 * container's own stop timeout there, and to stop it first would take two requests: one that is killed between them leaves a
 * stopped container of which nothing says that it was stopped to be removed.
 */
export function ownRemoval(
  id: ContainerId,
  version: string,
  { force, volumes }: { readonly force: boolean; readonly volumes: boolean },
): Change {
  return {
    method: 'DELETE',
    path: `/v${version}/libpod/containers/${id}`,
    query: { force, volumes, v: volumes, timeout: 0 },
    expectDone: (answer) => expectReport(id, answer),
  }
}

/** truthful: Podman reports what it has removed, and with which error. */
async function expectReport(id: ContainerId, answer: IncomingMessage): Promise<void> {
  const reports = await readJson(await expectStatus(answer, 200))
  const [report, ...others] = Array.isArray(reports) ? reports.map(asRecord) : []
  if (report === undefined || others.length > 0 || report['Id'] !== id || (report['Err'] ?? null) !== null)
    throw new AnswerError('the answer does not confirm the removal')
}
