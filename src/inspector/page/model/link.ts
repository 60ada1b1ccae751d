/** The part of a WebSocket that is used here. */
export interface Socket {
  addEventListener(type: 'open' | 'close', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  close(): void
}

export type LinkState =
  /** `after`: why the last connection was lost; undefined for the first one. */
  | { readonly is: 'connecting'; readonly after: LossReason | undefined }
  | { readonly is: 'open' }
  | { readonly is: 'lost'; readonly why: LossReason; readonly retryAt: number }

export type LossReason = 'broken' | 'refused' | 'unreachable'

export interface LinkOptions {
  readonly openSocket: () => Socket
  /** Called if a socket never opened, since browsers do not report why. */
  readonly isRefused: () => Promise<boolean>
  readonly now: () => number
  readonly setTimeout: (run: () => void, delayMs: number) => unknown
  readonly clearTimeout: (timer: unknown) => void
  readonly onState: (state: LinkState) => void
  /** A new connection is open. The data of the last one is obsolete. */
  readonly onOpen: () => void
  readonly onText: (text: string) => void
}

export interface Link {
  /** Connects without waiting for the next retry. */
  retryNow(): void
  close(): void
}

const firstDelayMs = 500
const longestDelayMs = 10_000

/** Keeps a connection to the inspector's server. It retries until closed, with exponential backoff. */
export function keepLink(options: LinkOptions): Link {
  let socket: Socket | undefined
  let timer: unknown
  let failures = 0
  let isClosed = false
  let lastLoss: LossReason | undefined

  function open(): void {
    options.clearTimeout(timer)
    timer = undefined
    options.onState({ is: 'connecting', after: lastLoss })
    const mine = options.openSocket()
    socket = mine
    let wasOpen = false
    mine.addEventListener('open', () => {
      wasOpen = true
      failures = 0
      lastLoss = undefined
      options.onOpen()
      options.onState({ is: 'open' })
    })
    mine.addEventListener('message', ({ data }) => {
      if (socket === mine && typeof data === 'string') options.onText(data)
    })
    mine.addEventListener('close', () => {
      if (socket !== mine || isClosed) return
      socket = undefined
      void lose(wasOpen)
    })
  }

  async function lose(wasOpen: boolean): Promise<void> {
    const delayMs = Math.min(longestDelayMs, firstDelayMs * 2 ** failures)
    failures += 1
    const retryAt = options.now() + delayMs
    timer = options.setTimeout(open, delayMs)
    const reportLoss = (why: LossReason) => {
      lastLoss = why
      options.onState({ is: 'lost', why, retryAt })
    }
    reportLoss(wasOpen ? 'broken' : lastLoss === 'refused' ? 'refused' : 'unreachable')
    if (wasOpen) return
    const mine = timer
    const isRefused = await options.isRefused().catch(() => false)
    if (timer === mine && !isClosed) reportLoss(isRefused ? 'refused' : 'unreachable')
  }

  open()
  return {
    retryNow() {
      if (timer !== undefined && !isClosed) open()
    },
    close() {
      isClosed = true
      options.clearTimeout(timer)
      socket?.close()
    },
  }
}
