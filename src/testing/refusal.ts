/**
 * What the engine answers instead of doing what it was asked: an HTTP status and the text that goes into
 * `{"message": …}`. The direct methods of the embedded engine throw it.
 */
export class Refusal extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.name = 'Refusal'
    this.status = status
  }
}

export function noSuchContainer(reference: string): Refusal {
  return new Refusal(404, `No such container: ${reference}`)
}
