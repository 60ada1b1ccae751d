import { parseArgs } from 'node:util'
import type { Census } from './census.ts'
import { type Bounds, judgeFlatness } from './flatness.ts'
import { liveThroughOutage } from './outage.ts'
import { type Connection, httpBounds, OverHttp } from './over-http.ts'
import { bounds, Turnover } from './turnover.ts'

const { values } = parseArgs({
  options: {
    containers: { type: 'string' },
    population: { type: 'string', default: '2000' },
    http: { type: 'boolean', default: false },
  },
})
const say = (text: string) => process.stdout.write(`${text}\n`)
const mostLinesOfADay = 40

interface Run {
  liveUntil(gone: number): Promise<void>
  takeCensus(): Promise<Census>
  stop(): Promise<void>
}

async function soak(title: string, run: Run, containers: number, allowed: Bounds): Promise<boolean> {
  say(`\n${title}`)
  const beganMs = performance.now()
  const censuses: Census[] = []
  for (let tenth = 1; tenth <= 10; tenth++) {
    await run.liveUntil((censuses.at(-1)?.containers ?? 0) + containers / 10)
    censuses.push(await run.takeCensus())
    const { containers: gone, heapBytes } = censuses.at(-1) as Census
    const seconds = ((performance.now() - beganMs) / 1000).toFixed(0)
    say(`${gone.toLocaleString('en').padStart(10)} gone, heap ${mebibytes(heapBytes)}, ${seconds} s`)
  }
  await run.stop()
  tabulate(censuses)
  const { bytesPerContainer, grown } = judgeFlatness(censuses, allowed)
  say(`heap: ${bytesPerContainer.toFixed(1)} bytes a container, of at most ${allowed.bytesPerContainer}`)
  for (const sentence of grown) say(`NOT FLAT: ${sentence}`)
  if (grown.length === 0) say('all flat')
  return grown.length === 0
}

function tabulate(censuses: readonly Census[]): void {
  const shown = [censuses[0], censuses[Math.floor(censuses.length / 2)], censuses.at(-1)].filter(
    (census) => census !== undefined,
  )
  const row = (what: string, of: (census: Census) => string) =>
    say(`  ${what.padEnd(34)} ${shown.map((census) => of(census).padStart(11)).join(' ')}`)
  row('containers gone', ({ containers }) => containers.toLocaleString('en'))
  row('heap after collection', ({ heapBytes }) => mebibytes(heapBytes))
  for (const name of Object.keys(shown[0]?.counts ?? {}))
    row(name, ({ counts }) => (counts[name] ?? 0).toLocaleString('en'))
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(2)} MiB`
}

async function soakOutage(): Promise<boolean> {
  let isCheap = true
  for (const fault of ['unavailable', 'hang'] as const) {
    const { lines, failedScans, removedAfterwards } = await liveThroughOutage(fault)
    say(
      `\na day without an engine (${fault === 'hang' ? 'it never answers' : 'it is not there'}), 500 containers known: ${lines} log lines of at most ${mostLinesOfADay - 1}; ${failedScans} attempts; ${removedAfterwards} removed afterwards`,
    )
    isCheap &&= lines < mostLinesOfADay
  }
  return isCheap
}

async function main(): Promise<boolean> {
  const containers = Number(values.containers ?? (values.http ? 20_000 : 1_000_000))
  if (!(containers >= 1000)) throw new RangeError('--containers must be at least 1000')
  if (values.http) {
    const isFlat = async (connection: Connection, title: string, share: number) => {
      const run = await OverHttp.begin({ population: Math.ceil((containers * share) / 10), connection })
      return soak(title, run, containers * share, httpBounds)
    }
    const isWell = await isFlat('address', 'over real sockets, a connection for each request', 0.8)
    return (await isFlat('instance', 'over real sockets that dockerode keeps', 0.2)) && isWell
  }
  const turnover = new Turnover({ population: Number(values.population) })
  const isWell = await soak('in one process, on a driven clock', turnover, containers, bounds)
  say(
    `reported: ${[...turnover.reported].map(([name, count]) => `${name} ${count.toLocaleString('en')}`).join(', ')}`,
  )
  return (await soakOutage()) && isWell
}

process.removeAllListeners('warning')
process.exitCode = (await main()) ? 0 : 1
