import type { Clock } from '../domain/clock.ts'
import { asRecord } from './as-record.ts'
import { expectStatus, readJson, type Ask, readDate } from './exchange.ts'
import { AnswerError } from './failure.ts'
import type { EngineInfo } from './port.ts'

// a Date header is truncated to the second, so it is half a second behind on average
const halfSecondMs = 500

/** Reads the engine's name and version, and how far its wall clock is ahead of ours. */
export async function readEngineInfo(ask: Ask, clock: Clock): Promise<EngineInfo> {
  const watch = startWatch(clock)
  const answer = await expectStatus(await ask({ method: 'GET', path: '/version' }), 200)
  const headMs = watch()
  const version = asRecord(await readJson(answer))
  if (version === undefined) throw new AnswerError('the answer is not an object')
  const { Version: name, ApiVersion: apiVersion } = version
  if (typeof name !== 'string' || typeof apiVersion !== 'string' || name === '' || apiVersion === '')
    throw new AnswerError('the answer has no version')
  const dateMs = readDate(answer)
  const clockOffsetMs =
    dateMs === undefined ? await offsetBySystemTime(ask, clock) : offset(dateMs + halfSecondMs, headMs)
  return { name: engineName(version), version: name, apiVersion, clockOffsetMs }
}

/** Returns a function that reads the wall clock halfway between the two calls; undefined if it jumped in between. */
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
  // Docker names itself just `Engine`; before `Components` existed it had no name
  return typeof first === 'string' && first !== '' && first !== 'Engine' ? first : 'Docker Engine'
}
