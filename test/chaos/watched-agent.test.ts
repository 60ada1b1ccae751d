import { request } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { answers, type MisbehavingServer, startMisbehavingServer } from '../support/misbehaving-server.ts'
import { WatchedAgent } from './watched-agent.ts'

let engine: MisbehavingServer
let seen: string[]
let agent: WatchedAgent

beforeEach(async () => {
  engine = await startMisbehavingServer(answers(204, ''))
  seen = []
  agent = new WatchedAgent(({ method, path }) => {
    seen.push(`${method} ${path}`)
    return (status) => void seen.push(`${status}`)
  })
})
afterEach(() => engine.close())

const begin = (method: string, path: string) =>
  request({ socketPath: engine.socketPath, agent, method, path, headers: { 'x-chaos-life': '1' } })

describe('a request is recorded as it leaves', () => {
  it('not when it is created, nor before its connection is established, but before it arrives', async () => {
    const removal = begin('DELETE', '/containers/one')
    const ended = new Promise((resolve) => removal.once('close', resolve))
    removal.once('response', (answer) => answer.resume())
    removal.end()
    expect(seen).toEqual([])
    removal.once('socket', (socket) => {
      expect(seen).toEqual([])
      socket.prependOnceListener('connect', () => expect(seen).toEqual([]))
    })
    await engine.requested(1)
    expect(seen[0]).toBe('DELETE /containers/one')
    await ended
    expect(seen).toEqual(['DELETE /containers/one', '204'])
  })

  it('in the turn in which it is sent on an established connection', async () => {
    const stop = begin('POST', '/v1.41/containers/one/stop?t=1')
    const ended = new Promise((resolve) => stop.once('close', resolve))
    stop.once('response', (answer) => answer.resume())
    const socket = await new Promise<NodeJS.EventEmitter>((resolve) => stop.once('socket', resolve))
    await new Promise((resolve) => socket.once('connect', resolve))
    expect(seen).toEqual([])
    stop.end()
    expect(seen).toEqual(['POST /containers/one/stop'])
    await ended
  })

  it('in chunks: once its head is complete', async () => {
    const start = begin('POST', '/containers/create')
    const ended = new Promise((resolve) => start.once('close', resolve))
    start.once('response', (answer) => answer.resume())
    start.write('{"Image":')
    start.end('"x"}')
    await ended
    expect(seen).toEqual(['POST /containers/create', '204'])
  })
})
