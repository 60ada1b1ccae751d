import { show } from '../../domain/show.ts'

/** A whole second is cut off, and the clocks of two machines differ a little. */
const longestDelayMs = 60_000

/** Stale (110), not revalidated (111), disconnected (112), of a guessed lifetime (113). */
const staleWarning = /(?:^|,)\s*11[0-3]\b/

/** What caches call what they had. `REVALIDATED` and `MISS` were asked for. */
const cacheWords: Readonly<Record<string, RegExp>> = {
  // RFC 9211: a list of caches, each with parameters
  'cache-status': /;\s*hit\s*(?:=\s*\?1\s*)?(?:[;,]|$)/i,
  'x-cache': /hit|stale/i,
  'x-cache-status': /hit|stale|updating/i,
  'x-proxy-cache': /hit|stale|updating/i,
  'cf-cache-status': /hit|stale|updating/i,
  // how often each of the caches had it
  'x-cache-hits': /[1-9]/,
  // the second number is that of the request which the stored copy answered
  'x-varnish': /\d\s+\d/,
}

/**
 * fresh-scan: why the head of an answer shows that it is a stored copy, or no JSON; undefined where it does not. A cache may
 * answer although it was asked not to, and what it stored is older than the question. Pure.
 */
export function faultOf(headers: Headers, askedAtMs: number): string | undefined {
  const said = (name: string) => headers.get(name)?.trim() ?? ''
  const stored = (name: string) =>
    `the answer is a stored copy, as its header says (${name}: ${show(said(name))}); no cache may answer`
  if (!['', '0'].includes(said('age'))) return stored('Age')
  if (staleWarning.test(said('warning'))) return stored('Warning')
  const cache = Object.entries(cacheWords).find(([name, words]) => words.test(said(name)))
  if (cache) return stored(cache[0])
  if (Date.parse(said('date')) < askedAtMs - longestDelayMs)
    return `the answer is from before the question, as its header says (Date: ${show(said('date'))}); it is a stored copy, or the clock of its sender is late`
  if (said('content-range') !== '')
    return `the answer is only a part, as its header says (Content-Range: ${show(said('content-range'))})`
  const type = said('content-type')
  // one that is not said contradicts nothing
  if (type !== '' && !/^application\/(?!problem\+)(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(type))
    return `the answer is not JSON, as its header says (Content-Type: ${show(type)})`
  return undefined
}
