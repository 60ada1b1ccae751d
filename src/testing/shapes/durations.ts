const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** A duration as in the engine's status texts. */
export function spokenDuration(ms: number): string {
  const hours = Math.floor(ms / hour + 0.5)
  if (ms < second) return 'Less than a second'
  if (ms < 2 * second) return '1 second'
  if (ms < minute) return `${Math.floor(ms / second)} seconds`
  if (ms < 2 * minute) return 'About a minute'
  if (ms < hour) return `${Math.floor(ms / minute)} minutes`
  if (hours === 1) return 'About an hour'
  if (hours < 48) return `${hours} hours`
  if (ms < 14 * day) return `${Math.floor(ms / day)} days`
  if (ms < 60 * day) return `${Math.floor(ms / (7 * day))} weeks`
  if (ms < 730 * day) return `${Math.floor(ms / (30 * day))} months`
  return `${Math.floor(ms / (365 * day))} years`
}
