import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { plainRequest } from '../support/engine-http.ts'
import { everyDockerd, everyPodman } from '../support/engine-matrix.ts'
import { describeOnEngine, type RealEngine } from '../support/real-engine.ts'

function defineLifecycle(engine: () => RealEngine, survivors: { crash: boolean; restart: boolean }): void {
  it('a frozen engine accepts and never answers; a thawed one answers what it was asked', async () => {
    const { docker } = engine()
    await engine().freeze()
    onTestFinished(() => engine().thaw())
    const listing = docker.listContainers({ all: true }).then(() => 'answered')
    const abandoned = docker.listContainers({ all: true, abortSignal: AbortSignal.timeout(300) })
    await expect(abandoned).rejects.toThrow()
    engine().thaw()
    expect(await listing).toBe('answered')
  })

  it('a killed engine refuses connections, and after a restart lists the same containers', async () => {
    const id = await engine().run()
    const created = await engine().create()
    await engine().kill()
    await expect(plainRequest(engine().docker, 'GET', '/containers/json')).rejects.toThrow(
      /ECONNREFUSED|ENOENT/,
    )
    await engine().restart()
    expect(await engine().state(id)).toBe(survivors.crash ? 'running' : 'exited')
    expect(await engine().state(created)).toBe('created')
  })

  it('a restarted engine has the same address and can run new containers', async () => {
    const id = await engine().run()
    const { address } = engine()
    await engine().restart()
    expect(engine().address).toBe(address)
    expect(await engine().state(id)).toBe(survivors.restart ? 'running' : 'exited')
    expect(await engine().state(await engine().run())).toBe('running')
  })

  it('stop leaves no process, mount, cgroup or file behind, whatever state its containers are in', async () => {
    await engine().run()
    const paused = await engine().run()
    await engine().docker.getContainer(paused).pause()
    const directory = join(engine().socketPath, '..')
    const { pid } = engine()
    await engine().freeze()
    await engine().stop()
    expect(existsSync(directory)).toBe(false)
    expect(existsSync(`/proc/${pid}`)).toBe(false)
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(directory)
  })
}

describeOnEngine(everyDockerd, 'private engine', (engine) =>
  defineLifecycle(engine, { crash: false, restart: false }),
)
describeOnEngine(everyPodman, 'private engine', (engine) =>
  defineLifecycle(engine, { crash: true, restart: true }),
)
