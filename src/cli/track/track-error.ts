/** A tracked file that was left as it was. The message says why, without the file's name. */
export class TrackError extends Error {
  override readonly name = 'TrackError'
}
