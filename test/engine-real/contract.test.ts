import { expect, it } from 'vitest'
import { defineEngineContract, traitsOf } from '../support/engine-contract.ts'
import { plainRequest, type PlainAnswer } from '../support/engine-http.ts'
import { everyEngine, everyPodman } from '../support/engine-matrix.ts'
import { describeOnEngine } from '../support/real-engine.ts'

describeOnEngine(everyEngine, 'engine contract', (engine, about) =>
  defineEngineContract(engine, traitsOf(about)),
)

describeOnEngine(everyPodman, 'pods', (engine) => {
  it('the infra container of a pod is listed like any other, shares its namespace by id, and is not removed', async () => {
    const libpod = (path: string, body: unknown): Promise<PlainAnswer> =>
      plainRequest(engine().docker, 'POST', `/v4.0.0/libpod${path}`, body)
    const { image, docker, hostConfig } = engine()
    const sleep = ['sleep', '86400']
    await libpod('/pods/create', {
      name: 'contract-pod',
      infra_image: image,
      infra_command: sleep,
      netns: { nsmode: 'none' },
      cgroup_parent: hostConfig.CgroupParent,
    })
    await libpod('/containers/create', { name: 'in-pod', pod: 'contract-pod', image, command: sleep })
    await docker.getContainer('in-pod').start()

    const rows = await docker.listContainers({ all: true })
    const infra = rows.find((row) => row.Names.some((name) => name.endsWith('-infra')))?.Id ?? ''
    expect(infra).toMatch(/^[0-9a-f]{64}$/)
    const guest = await docker.getContainer('in-pod').inspect()
    expect(guest.HostConfig.NetworkMode).toBe(`container:${infra}`)
    const removal = await plainRequest(docker, 'DELETE', `/containers/${infra}?force=1`)
    expect(removal.status).toBe(500)
    expect(await engine().state(infra)).toBe('running')
  })
})
