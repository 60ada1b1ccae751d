/** The source of all ids and names of an embedded engine. The same seed gives the same sequence. */
export interface IdSource {
  /** 64 lower-case hexadecimal digits. */
  nextId(): string
  /** An integer in [0, limit). */
  below(limit: number): number
}

export function createIdSource(seed: number): IdSource {
  const next = wordsFrom(seed)
  return {
    nextId() {
      let id = ''
      for (let word = 0; word < 8; word += 1) id += next().toString(16).padStart(8, '0')
      return id
    },
    below: (limit) => next() % limit,
  }
}

/** A splitmix generator with 32 bits, in which similar seeds give unrelated sequences. */
function wordsFrom(seed: number): () => number {
  let counter = Math.imul(seed | 0, 0x9e3779b1) ^ 0x5bd1e995
  const mix = (): number => {
    counter = (counter + 0x9e3779b9) | 0
    let word = counter ^ (counter >>> 16)
    word = Math.imul(word, 0x21f0aaad)
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97)
    return (word ^ (word >>> 15)) >>> 0
  }
  // a second, slower stream extends the period beyond 2^32
  let carry = mix()
  return () => {
    carry = (Math.imul(carry, 1_664_525) + 1_013_904_223) | 0
    return (mix() ^ carry) >>> 0
  }
}

const tempers = [
  'amber',
  'brisk',
  'calm',
  'drifting',
  'eager',
  'faded',
  'gentle',
  'hollow',
  'idle',
  'jolly',
  'keen',
  'lone',
]
const things = [
  'anchor',
  'barrel',
  'buoy',
  'crate',
  'driftwood',
  'float',
  'gull',
  'keel',
  'lantern',
  'mast',
  'net',
  'oar',
]

/** A generated name for a container without one. `attempt` counts from 0; later attempts add a number. */
export function inventName(ids: IdSource, attempt: number): string {
  const name = `${tempers[ids.below(tempers.length)]}_${things[ids.below(things.length)]}`
  return attempt === 0 ? name : `${name}${ids.below(10 ** Math.min(9, attempt + 1))}`
}
