import { asRecord } from './as-record.ts'
import { expectStatus, readJson, type Ask } from './exchange.ts'
import { isDockers, podmanVersion } from './inspection-request.ts'

/**
 * Reads what distinguishes this engine from others and stays the same when it restarts: dockerd's id. Podman has a new id in
 * each answer, so there its host and its storage. Undefined if the answer is certainly of neither, or incomplete.
 */
export async function readIdentity(ask: Ask): Promise<string | undefined> {
  const answer = await expectStatus(await ask({ method: 'GET', path: '/info' }), 200)
  const isPodman = podmanVersion(answer) !== undefined
  const isDocker = isDockers(answer)
  const info = asRecord(await readJson(answer, wanted))
  const { ID: id, Name: host, DockerRootDir: storage } = info ?? {}
  if (isPodman) return isText(host) && isText(storage) ? `${storage} on ${host}` : undefined
  return isDocker && isText(id) ? id : undefined
}

const wanted = { ID: true, Name: true, DockerRootDir: true } as const

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
