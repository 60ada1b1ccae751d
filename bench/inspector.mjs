// The cost of the inspector: CPU time per event at 1,000 containers, and how long the event loop is blocked when a tab
// connects. It is compared with the inspector of @statelyai/inspect, on the same actors.
//
//   npm run build && node bench/inspector.mjs [--rounds 5] [--events 4000] [--json FILE]
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createWebSocketInspector } from '@statelyai/inspect'
import { WebSocket, WebSocketServer } from 'ws'
import { assign, createActor, fromTransition, setup } from 'xstate'

const actorCount = 1000
const goalUs = 200
const goalStallMs = 20
const verdicts = [
  { verdict: 'tracked', reason: 'tracked' },
  { verdict: 'spared', reason: 'keep-label' },
]

async function main() {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      events: { type: 'string', default: '4000' },
      json: { type: 'string' },
    },
  })
  const rounds = Number(values.rounds)
  const events = Number(values.events)
  const figures = []
  for (const [name, system] of Object.entries({ 'a container': fleetOf, 'a parent': parentOf })) {
    const samples = {}
    for (let round = 0; round < rounds; round++) {
      for (const [way, open] of Object.entries(ways)) {
        samples[way] ??= []
        samples[way].push(await costUs(system, open, events))
      }
    }
    for (const way of Object.keys(ways)) {
      figures.push({
        what: `an event to ${name}`,
        way,
        us: median(samples[way]),
        none: median(samples['none']),
      })
    }
  }
  const stalls = []
  for (const count of [1000, 10_000]) {
    const samples = []
    for (let round = 0; round < rounds; round++) samples.push(await stallMs(count))
    const worst = (what) => Math.max(...samples.map((sample) => sample[what]))
    stalls.push({ actors: count, processor: worst('processor'), clock: worst('clock'), idle: worst('idle') })
  }
  report(figures, stalls)
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ figures, stalls }, undefined, 2)}\n`)
}

/** Each opens an inspector, and returns a function that closes it. */
const ways = {
  none: async () => ({ end: async () => {} }),
  // The time that XState itself takes to report an event.
  callback: async () => ({ inspect: () => {}, end: async () => {} }),
  'no tab': async () => {
    const inspector = await openInspector()
    return { inspect: inspector.inspect, end: () => inspector.stop() }
  },
  'one tab': async () => {
    const inspector = await openInspector()
    const { host, search } = new URL(inspector.url)
    const tab = await startTab(['to', `ws://${host}/ws${search}`])
    tab.send('begin')
    return {
      inspect: inspector.inspect,
      end: async () => {
        tab.kill()
        await once(tab, 'exit')
        await inspector.stop()
      },
    }
  },
  shipped: async () => {
    const tab = await startTab(['from'])
    const [{ port }] = tab.reported
    const inspector = createWebSocketInspector({ url: `ws://127.0.0.1:${port}` })
    await wait(200)
    return {
      inspect: inspector.inspect,
      end: async () => {
        inspector.stop()
        tab.kill()
        await once(tab, 'exit')
      },
    }
  },
}

async function openInspector(options) {
  const { createInspector } = await import('../dist/src/inspector/index.js')
  return createInspector(options)
}

/** CPU time per event, including what is sent later. */
async function costUs(system, open, events) {
  const { inspect, end } = await open()
  const { send, stop } = await system(actorCount, inspect)
  await wait(500)
  for (let count = 0; count < events / 10; count++) send(count)
  await wait(500)
  const before = process.cpuUsage()
  for (let count = 0; count < events; count++) {
    send(count)
    if (count % 20 === 0) await nextTurn()
  }
  await wait(300)
  const { user, system: kernel } = process.cpuUsage(before)
  stop()
  await end()
  return (user + kernel) / events
}

/**
 * The longest time for which the event loop was blocked while a tab was sent everything: in real time, compared with an
 * idle process on this machine, and in CPU time, which other processes do not affect.
 */
async function stallMs(count) {
  const inspector = await openInspector()
  const { stop } = await fleetOf(count, inspector.inspect)
  await wait(500)
  const idle = await longestTurn(() => wait(1000))
  const { host, search } = new URL(inspector.url)
  const tab = await startTab(['to', `ws://${host}/ws${search}`, String(count)])
  const joining = await longestTurn(async () => {
    tab.send('begin')
    await once(tab, 'message')
  })
  tab.kill()
  await once(tab, 'exit')
  stop()
  await inspector.stop()
  return { clock: joining.clockMs, idle: idle.clockMs, processor: joining.processorMs }
}

/** The longest turn of the event loop during some work. */
async function longestTurn(work) {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  let processorMs = 0
  let isOver = false
  let before = process.cpuUsage()
  const probe = () => {
    const { user, system } = process.cpuUsage(before)
    processorMs = Math.max(processorMs, (user + system) / 1000)
    before = process.cpuUsage()
    if (!isOver) setImmediate(probe)
  }
  delay.enable()
  probe()
  await work()
  isOver = true
  delay.disable()
  // The monitor counts the millisecond that it sleeps.
  return { clockMs: delay.max / 1e6 - 1, processorMs }
}

/** The container actors as in the fleet: children of an actor that is not a machine. */
async function fleetOf(count, inspect) {
  const { containerMachine } = await import('../dist/machines/index.js')
  const machine = containerMachine.provide({
    guards: {
      isGraced: () => false,
      isTracked: ({ context }) => context.verdict.verdict === 'tracked',
      isSpared: ({ context }) => context.verdict.verdict === 'spared',
    },
    actions: {
      rememberVerdict: assign(({ event }) => ({ verdict: event.verdict })),
      forgetApproval: assign({ isApproved: false }),
      forgetFailures: assign({ failures: 0 }),
    },
  })
  let scope
  const root = createActor(
    { ...fromTransition((state) => state, {}), start: (_snapshot, given) => void (scope = given) },
    { id: 'fleet', ...(inspect && { inspect }) },
  )
  root.start()
  const actors = Array.from({ length: count }, (_, number) => {
    const id = number.toString(16).padStart(64, '0')
    const input = { id, name: `task-${number}`, verdict: verdicts[0] }
    return createActor(machine, { id, parent: scope.self, input })
  })
  for (const actor of actors) actor.start()
  return {
    send: (number) => actors[number % count].send({ type: 'judged', verdict: verdicts[number % 2] }),
    stop: () => {
      for (const actor of actors) scope.stopChild(actor)
      root.stop()
    },
  }
}

/** A machine that has as many children in its own snapshot. */
async function parentOf(count, inspect) {
  const machine = setup({ actors: { child: fromTransition((state) => state, {}) } }).createMachine({
    id: 'parent',
    context: { ticks: 0 },
    entry: assign(({ spawn }) => {
      for (let number = 0; number < count; number++) spawn('child', { id: `child-${number}` })
      return {}
    }),
    on: { tick: { actions: assign({ ticks: ({ context }) => context.ticks + 1 }) } },
  })
  const root = createActor(machine, { id: 'parent', ...(inspect && { inspect }) })
  root.start()
  return { send: () => root.send({ type: 'tick' }), stop: () => root.stop() }
}

/** The viewer runs in a separate process, so that its work is not counted. */
async function startTab(args) {
  const tab = fork(fileURLToPath(import.meta.url), ['tab', ...args])
  tab.reported = await once(tab, 'message')
  return tab
}

async function beTab() {
  const [, , , how, address, count] = process.argv
  if (how === 'from') {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    await once(server, 'listening')
    server.on('connection', (socket) => socket.on('message', (data) => void JSON.parse(data)))
    process.send({ port: server.address().port })
    return
  }
  process.send('ready')
  await once(process, 'message')
  const seen = new Set()
  const socket = new WebSocket(address)
  socket.on('message', (data) => {
    const { type, sessionId } = JSON.parse(data)
    if (type === '@xstate.snapshot') seen.add(sessionId)
    if (seen.size > Number(count)) process.send('received')
  })
}

function median(samples) {
  const sorted = samples.toSorted((one, other) => one - other)
  return sorted[sorted.length >> 1]
}

function report(figures, stalls) {
  const write = (text) => process.stdout.write(`${text}\n`)
  write(`node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model}; ${actorCount} actors`)
  write('\nprocessor time per event, everything that is sent for it included\n')
  for (const { what, way, us, none } of figures) {
    const more = us - none
    const verdict =
      way === 'one tab' || way === 'no tab' ? (more < goalUs ? `under ${goalUs} µs` : 'MISSED') : ''
    const ratio = way === 'none' ? '' : `+${more.toFixed(1)} µs, × ${(us / none).toFixed(2)}`
    write(
      `  ${what.padEnd(24)}${way.padEnd(10)}${us.toFixed(1).padStart(9)} µs   ${ratio.padEnd(26)}${verdict}`,
    )
  }
  write('\nthe longest turn of the event loop while a tab joins, the worst of all rounds\n')
  for (const { actors, processor, clock, idle } of stalls) {
    const verdict = processor < goalStallMs ? `under ${goalStallMs} ms` : 'MISSED'
    const byClock = `${clock.toFixed(1)} ms by the clock, which is ${idle.toFixed(1)} ms while nothing is done`
    write(
      `  ${String(actors).padStart(6)} actors   ${processor.toFixed(1)} ms of processor time   ${verdict}   (${byClock})`,
    )
  }
}

if (process.argv[2] === 'tab') await beTab()
else await main()
