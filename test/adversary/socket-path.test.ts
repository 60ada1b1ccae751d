import Dockerode from 'dockerode'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import { EngineError } from '../../src/domain/errors.ts'
import { createDockerodeEngine } from '../../src/engine/dockerode-engine.ts'

test('a Dockerode instance whose socket cannot be found fails the call, ends nothing else, and is asked again', async () => {
  let searches = 0
  const socketPath = async (): Promise<string> => {
    searches += 1
    throw new Error('the machine is still starting')
  }
  const dockerode = new Dockerode({ socketPath: socketPath as never })
  const engine = createDockerodeEngine({ clock: systemClock, engine: dockerode })
  for (const search of [1, 2]) {
    const failure = await engine.list({ deadlineMs: 5000 }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(EngineError)
    expect((failure as EngineError).message).toContain('the machine is still starting')
    expect(searches).toBe(search)
  }
})
