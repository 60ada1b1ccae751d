/**
 * An error answer of the engine: an HTTP status and the text for `{"message": …}`. The direct methods of the embedded
 * engine throw it.
 */
export class Refusal extends Error {
  readonly status: number
  /** The `cause` in Podman's answer, which is the last part of its message. */
  readonly reason: string | undefined

  constructor(status: number, message: string, reason?: string) {
    super(message)
    this.name = 'Refusal'
    this.status = status
    this.reason = reason
  }
}
