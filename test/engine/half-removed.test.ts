import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import type { ContainerId } from '../../src/domain/ids.ts'
import { createDockerodeEngine } from '../../src/engine/dockerode-engine.ts'
import { createEmbeddedEngine, type Fault } from '../../src/testing/index.ts'

const status = 500
const path = /^\/libpod\/containers\/json/

test.each<[string, Fault | undefined, string]>([
  ['lists it as being removed', undefined, 'half-removed'],
  ['lists it in another state', { kind: 'patch', of: 'listing', with: { State: 'exited' } }, 'refused'],
  ['lists another one', { kind: 'patch', of: 'listing', with: { Id: 'f'.repeat(64) } }, 'refused'],
  ['is denied', { kind: 'error', path, status: 403, message: 'denied' }, 'refused'],
  ['fails', { kind: 'error', path, status, message: 'database is locked' }, 'refused'],
  ['gives no listing', { kind: 'html', path, status: 200 }, 'refused'],
])('positive-evidence: an inspection that Podman refuses, while its own API %s', async (_, fault, kind) => {
  const podman = createEmbeddedEngine({ dialect: 'podman' })
  onTestFinished(() => podman.close())
  const engine = createDockerodeEngine({ engine: await podman.listen(), clock: systemClock })
  const id = podman.containers.create({ name: 'half' }) as ContainerId
  podman.containers.failRemoval(id)
  if (fault) podman.faults.add(fault)
  const call = { deadlineMs: 10_000 }
  const message = expect.stringContaining('layer not known') as string
  await expect(engine.inspect(id, call)).rejects.toMatchObject({ kind, status: undefinedFor(kind), message })
  await expect(engine.shares(id, call)).rejects.toMatchObject({ kind, message })
})

/** What is half removed is known by two answers, and neither status says it. */
function undefinedFor(kind: string): number | undefined {
  return kind === 'half-removed' ? undefined : status
}
