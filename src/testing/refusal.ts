/**
 * What the engine answers instead of doing what it was asked: an HTTP status and the text that goes into
 * `{"message": …}`. The direct methods of the embedded engine throw it.
 */
export class Refusal extends Error {
  readonly status: number
  /** Podman's `cause`: the last and shortest part of its message. */
  readonly reason: string | undefined

  constructor(status: number, message: string, reason?: string) {
    super(message)
    this.name = 'Refusal'
    this.status = status
    this.reason = reason
  }
}
