import type { Clock } from '../clock.ts'
import { expectStatus, readJson, type Ask } from './exchange.ts'
import { AnswerError } from './failure.ts'
import type { EngineInfo } from './port.ts'
import { asRecord } from './record.ts'

// a Date header says only the second, which on average began half a second ago
const halfSecondMs = 500

/** Asks what serves the API, and how far its wall clock is ahead of ours. */
export async function readEngineInfo(ask: Ask, clock: Clock): Promise<EngineInfo> {
  const watch = startWatch(clock)
  const answer = await expectStatus(await ask({ method: 'GET', path: '/version' }), 200)
  const headMs = watch()
  const version = asRecord(await readJson(answer))
  if (version === undefined) throw new AnswerError('the answer is no object')
  const { Version: name, ApiVersion: apiVersion } = version
  if (typeof name !== 'string' || typeof apiVersion !== 'string')
    throw new AnswerError('the answer names no version')
  const dateMs = Date.parse(answer.headers.date ?? '')
  const clockOffsetMs = Number.isNaN(dateMs)
    ? await offsetBySystemTime(ask, clock)
    : offset(dateMs + halfSecondMs, headMs)
  return { name: engineName(version), version: name, apiVersion, clockOffsetMs }
}

/** When read, the wall clock at the middle of the time since; undefined where it jumped meanwhile. */
function startWatch(clock: Clock): () => number | undefined {
  const beganMs = clock.now()
  const beganWallMs = clock.wallNow()
  return () => {
    const lastedMs = clock.now() - beganMs
    const jumpedMs = clock.wallNow() - beganWallMs - lastedMs
    return Math.abs(jumpedMs) > halfSecondMs ? undefined : beganWallMs + lastedMs / 2
  }
}

function offset(engineMs: number, ourMs: number | undefined): number | undefined {
  return ourMs === undefined ? undefined : Math.round(engineMs - ourMs)
}

async function offsetBySystemTime(ask: Ask, clock: Clock): Promise<number | undefined> {
  const watch = startWatch(clock)
  const answer = await ask({ method: 'GET', path: '/info' })
  const headMs = watch()
  if (answer.statusCode !== 200) {
    answer.destroy()
    return undefined
  }
  const systemTime = asRecord(await readJson(answer))?.['SystemTime']
  const engineMs = typeof systemTime === 'string' ? Date.parse(systemTime) : Number.NaN
  return Number.isNaN(engineMs) ? undefined : offset(engineMs, headMs)
}

function engineName(version: Readonly<Record<string, unknown>>): string {
  const components = version['Components']
  const first = Array.isArray(components) ? asRecord(components[0])?.['Name'] : undefined
  // Docker calls itself just `Engine`, and before components nothing at all
  return typeof first === 'string' && first !== '' && first !== 'Engine' ? first : 'Docker Engine'
}
