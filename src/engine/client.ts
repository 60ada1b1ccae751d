/** The transport for requests to an engine: docker-modem's `dial`. */
export interface Modem {
  dial(options: ModemRequest, callback: (error: Error | null, answer: unknown) => void): void
}

/** One request, in the form that docker-modem accepts. */
export interface ModemRequest {
  readonly path: string
  readonly method: string
  readonly options: { readonly _query: object; readonly _body: object }
  readonly isStream: boolean
  readonly statusCodes: Readonly<Record<number, boolean>>
  readonly abortSignal: AbortSignal
  readonly headers?: Record<string, string>
}
