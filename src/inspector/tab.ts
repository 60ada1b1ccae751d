import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import { skippedText } from './protocol.ts'
import type { Viewer, Session, Sessions } from './sessions.ts'

/** Changes are collected for this long; of each actor the last one is sent. */
const collectMs = 25
/** How long one slice of sending may block the event loop. */
const sliceMs = 2
const messagesPerReading = 8
/** Actors that have already ended are reported only while at most this many new ones wait. */
const mostShortLives = 500
/** Sending pauses while more than this is buffered. */
const mostUnsentBytes = 1_000_000

/** WebSocket close codes: "Going Away" and "Try Again Later". */
const goingAway = 1001
const tooSlow = 1013
/** A client need not answer that the connection is closed. A slow one has to read what was sent before. */
const longestGoodbyeMs = 500
const longestSlowGoodbyeMs = 5000

export interface TabOptions {
  readonly webSocket: WebSocket
  readonly socket: Duplex
  readonly sessions: Sessions
  /** The number of changes that may wait for a slow tab. With more it is disconnected, and may connect again. */
  readonly mostWaiting: number
}

/**
 * One connected page. It is sent every running actor when it connects, then each change, and the events that are still
 * kept. If it is slow, changes of the same actor are merged, so that the backlog is bounded.
 */
export class Tab implements Viewer {
  readonly #options: TabOptions
  /** Sessions that are not reported yet. */
  readonly #newcomers: Set<Session>
  readonly #reported = new Set<string>()
  readonly #changed = new Set<Session>()
  #nextEvent: number
  #skippedEvents = 0
  #skippedSnapshots = 0
  #timer: NodeJS.Timeout | undefined
  #nextSlice: NodeJS.Immediate | undefined
  #isBehind = false
  #isClosed = false

  constructor(options: TabOptions) {
    const { sessions, webSocket } = options
    this.#options = options
    sessions.settleAll()
    this.#newcomers = new Set(sessions.living())
    this.#nextEvent = sessions.recent.oldest
    webSocket.on('close', () => this.#close())
    webSocket.on('error', () => webSocket.terminate())
    sessions.watch(this)
    this.#plan()
  }

  appeared(session: Session): void {
    this.#newcomers.add(session)
    // Sessions that were evicted meanwhile are counted here too.
    if (this.#newcomers.size > this.#options.mostWaiting) this.#disconnect()
    else this.#plan()
  }

  changed(session: Session): void {
    if (!this.#reported.has(session.sessionId)) {
      // It ended before it was reported. It is reported nevertheless, unless there is a backlog.
      const isBacklog = this.#isBehind || this.#newcomers.size > mostShortLives
      if (session.ending !== undefined && isBacklog) this.#newcomers.delete(session)
      return
    }
    // Merging while changes are collected is intended; merging because the tab is behind is reported.
    if (this.#changed.has(session)) this.#skippedSnapshots += this.#isBehind ? 1 : 0
    else this.#changed.add(session)
    if (this.#changed.size > this.#options.mostWaiting) this.#disconnect()
    else this.#plan()
  }

  happened(): void {
    this.#plan()
  }

  /** Closes the connection; resolves when it is closed. */
  async end(): Promise<void> {
    const { webSocket } = this.#options
    this.#close()
    if (webSocket.readyState === WebSocket.CLOSED) return
    const closed = new Promise((resolve) => webSocket.once('close', resolve))
    this.#sayGoodbye(goingAway, 'the inspector was stopped', longestGoodbyeMs)
    await closed
  }

  #sayGoodbye(code: number, reason: string, limitMs: number): void {
    const { webSocket } = this.#options
    const limit = setTimeout(() => webSocket.terminate(), limitMs)
    webSocket.once('close', () => clearTimeout(limit))
    webSocket.close(code, reason)
  }

  #disconnect(): void {
    this.#close()
    this.#sayGoodbye(tooSlow, 'too slow', longestSlowGoodbyeMs)
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#options.sessions.unwatch(this)
    clearTimeout(this.#timer)
    clearImmediate(this.#nextSlice)
    this.#newcomers.clear()
    this.#changed.clear()
    this.#reported.clear()
  }

  #plan(): void {
    if (this.#timer || this.#nextSlice || this.#isBehind || this.#isClosed) return
    this.#timer = setTimeout(this.#send, collectMs).unref()
  }

  readonly #send = (): void => {
    this.#timer = undefined
    this.#nextSlice = undefined
    if (this.#isClosed) return
    const { socket, sessions } = this.#options
    sessions.settleAddressed()
    const beganMs = performance.now()
    let count = 0
    let isDone = false
    socket.cork()
    while (!this.#isFull()) {
      const text = this.#nextText()
      if (text === undefined) {
        isDone = true
        break
      }
      this.#options.webSocket.send(text)
      if (++count % messagesPerReading === 0 && performance.now() - beganMs > sliceMs) break
    }
    socket.uncork()
    if (isDone) return
    if (!this.#isFull()) this.#nextSlice = setImmediate(this.#send).unref()
    else this.#afterDrain()
  }

  #isFull(): boolean {
    return this.#options.webSocket.bufferedAmount > mostUnsentBytes
  }

  #afterDrain(): void {
    this.#isBehind = true
    this.#options.socket.once('drain', () => {
      this.#isBehind = false
      this.#send()
    })
  }

  /** New actors first, then the events that they received, then the resulting snapshots. */
  #nextText(): string | undefined {
    return this.#nextActor() ?? this.#nextEventText() ?? this.#nextSnapshot() ?? this.#nextSkipped()
  }

  #nextActor(): string | undefined {
    const { sessions } = this.#options
    for (const session of this.#newcomers) {
      this.#newcomers.delete(session)
      this.#reported.add(session.sessionId)
      // The snapshot message adds the event that led to this state.
      if (session.cause) this.#changed.add(session)
      return sessions.actorText(session)
    }
    return undefined
  }

  #nextEventText(): string | undefined {
    const { sessions } = this.#options
    const { recent } = sessions
    if (this.#nextEvent < recent.oldest) {
      this.#skippedEvents += recent.oldest - this.#nextEvent
      this.#nextEvent = recent.oldest
    }
    while (this.#nextEvent < recent.next) {
      const event = recent.at(this.#nextEvent++)
      if (event && this.#reported.has(event.sessionId)) return sessions.eventText(event)
    }
    return undefined
  }

  #nextSnapshot(): string | undefined {
    const { sessions } = this.#options
    for (const session of this.#changed) {
      this.#changed.delete(session)
      if (session.ending !== undefined) this.#reported.delete(session.sessionId)
      return sessions.snapshotText(session)
    }
    return undefined
  }

  #nextSkipped(): string | undefined {
    if (this.#skippedEvents === 0 && this.#skippedSnapshots === 0) return undefined
    const text = skippedText(this.#skippedEvents, this.#skippedSnapshots)
    this.#skippedEvents = 0
    this.#skippedSnapshots = 0
    return text
  }
}
