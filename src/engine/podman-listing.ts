import { createArrayScanner } from './array-scanner.ts'
import { asRecord } from './as-record.ts'

/**
 * The body of a listing by Podman's own API, in the form of the Docker Engine API. Podman reads it from its database alone, so
 * that it shows a container also after its storage is lost. An entry that cannot be parsed stands as one without an id.
 */
export async function* inDockersForm(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let text = '['
  let separator = ''
  const add = (entry: unknown): void => {
    text += separator + JSON.stringify(entry)
    separator = ','
  }
  const scanner = createArrayScanner({
    expected: undefined,
    again: () => {},
    changed: (value) => add(dockersEntry(value)),
    tooLarge: () => add({}),
  })
  for await (const chunk of body) {
    scanner.push(chunk)
    if (text !== '') yield Buffer.from(text)
    text = ''
  }
  scanner.end()
  yield Buffer.from(`${text}]`)
}

/** The id comes first, as in the listings of engines. What has another shape is passed on, and refused where it is read. */
function dockersEntry(value: unknown): unknown {
  const entry = asRecord(value)
  if (entry === undefined) return value
  const { Id, Names, Image, ImageID, Created, Labels, State, Mounts } = entry
  return {
    Id,
    Names,
    Image,
    ImageID: typeof ImageID === 'string' ? `sha256:${ImageID.replace(/^sha256:/, '')}` : ImageID,
    Created: typeof Created === 'string' ? Math.floor(Date.parse(Created) / 1000) : Created,
    Labels,
    State,
    Mounts: Array.isArray(Mounts) ? Mounts.map((Destination: unknown) => ({ Destination })) : Mounts,
  }
}
