/** A short duration for people, of at most two units: `7 s`, `3m 05s`, `2h 14m`, `5d 03h`. */
export function durationText(ms: number): string {
  if (!(ms >= 0)) return '0 s'
  const seconds = Math.floor(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}m ${twoDigits(seconds % 60)}s`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours}h ${twoDigits(minutes % 60)}m`
  return `${Math.floor(hours / 24)}d ${twoDigits(hours % 24)}h`
}

/** A measured duration, with milliseconds if it is short. */
export function tookText(ms: number): string {
  if (!(ms >= 0)) return '0 ms'
  return ms < 1000 ? `${Math.round(ms)} ms` : ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : durationText(ms)
}

const twoDigits = (number: number) => String(number).padStart(2, '0')
