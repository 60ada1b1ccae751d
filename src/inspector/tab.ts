import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import { skippedText } from './protocol.ts'
import type { Viewer, Session, Sessions } from './sessions.ts'

/** Changes are gathered for this long; of one actor's, the last one is sent. */
const gatherMs = 25
/** How long one slice of sending may keep the event loop. */
const sliceMs = 2
const messagesPerReading = 8
/** Actors that have already ended are reported only while no more than this many new ones wait. */
const mostShortLives = 500
/** No more is put on top of so much that the tab has not yet taken. */
const mostUnsentBytes = 1_000_000

/** A try again later, of the WebSocket protocol's codes. */
const tooSlow = 1013

export interface TabOptions {
  readonly webSocket: WebSocket
  readonly socket: Duplex
  readonly sessions: Sessions
  /** So many changes may wait for a tab that does not keep up; one that leaves more is let go, and may come again. */
  readonly mostWaiting: number
}

/**
 * One connected page. It is sent every running actor when it connects, each change after that, and the
 * events as far as the ring holds them. What it cannot take in time is merged and never piled up.
 */
export class Tab implements Viewer {
  readonly #options: TabOptions
  /** Not reported yet. */
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
    // Those that were forgotten for want of room wait here as well.
    if (this.#newcomers.size > this.#options.mostWaiting) this.#letGo()
    else this.#plan()
  }

  changed(session: Session): void {
    if (!this.#reported.has(session.sessionId)) {
      // Came and went unseen. A short life is shown all the same, unless there is a backlog.
      const isBacklog = this.#isBehind || this.#newcomers.size > mostShortLives
      if (session.ending !== undefined && isBacklog) this.#newcomers.delete(session)
      return
    }
    // Merging while changes are gathered loses nothing; merging because the tab lags behind is reported.
    if (this.#changed.has(session)) this.#skippedSnapshots += this.#isBehind ? 1 : 0
    else this.#changed.add(session)
    if (this.#changed.size > this.#options.mostWaiting) this.#letGo()
    else this.#plan()
  }

  happened(): void {
    this.#plan()
  }

  /** Says goodbye; resolves when the connection is gone. */
  async end(limitMs: number): Promise<void> {
    const { webSocket } = this.#options
    this.#close()
    if (webSocket.readyState === WebSocket.CLOSED) return
    await new Promise<void>((resolve) => {
      const limit = setTimeout(() => webSocket.terminate(), limitMs)
      webSocket.once('close', () => {
        clearTimeout(limit)
        resolve()
      })
      webSocket.close(1001, 'the inspector was stopped')
    })
  }

  #letGo(): void {
    this.#options.webSocket.close(tooSlow, 'too slow')
    this.#close()
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
    this.#timer = setTimeout(this.#send, gatherMs).unref()
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

  /** New actors, then what was said to them, then where that has led. */
  #nextText(): string | undefined {
    return this.#nextActor() ?? this.#nextEventText() ?? this.#nextSnapshot() ?? this.#nextSkipped()
  }

  #nextActor(): string | undefined {
    const { sessions } = this.#options
    for (const session of this.#newcomers) {
      this.#newcomers.delete(session)
      this.#reported.add(session.sessionId)
      // How it came to be where it is.
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
