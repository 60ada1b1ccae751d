import { batch, computed, type ReadonlySignal, signal } from '@preact/signals'
import type { Actor } from './model/actor.ts'
import { type Happened, Model } from './model/actors.ts'
import { type Supervisor, supervisorOf } from './model/flotsam.ts'
import { keepLink, type Link, type LinkState, type Socket } from './model/link.ts'
import { readMessage } from './model/message.ts'
import { type Listing, listingOf, rowOf, type Sorting, type SortKey } from './model/rows.ts'
import { SenderClock } from './model/sender-clock.ts'

/** A snapshot of the model, as it is shown. */
interface Picture {
  readonly actors: ReadonlyMap<string, Actor>
  readonly events: readonly Happened[]
  readonly messages: number
  readonly skipped: number
  readonly unread: number
}

/** An actor system: its root, and the number of its running actors. */
export interface System {
  readonly root: Actor
  readonly supervisor: Supervisor | undefined
}

const leastPauseMs = 80
const tickMs = 500

/** The data and the choices of the user. Components read its signals and call its methods. */
export class Store {
  readonly link = signal<LinkState>({ is: 'connecting', after: undefined })
  readonly isPaused = signal(false)
  readonly pausedAtMessage = signal(0)
  /** The number of all received messages, including those received while paused. */
  readonly messages = signal(0)
  /** The number of renderings caused by messages. */
  readonly renewals = signal(0)
  /** The time of the sender's clock. Ages follow it without a rendering. */
  readonly now = signal(Date.now())
  /** The time of the page's own clock. */
  readonly pageNow = signal(Date.now())
  readonly text = signal('')
  readonly group = signal<string | undefined>(undefined)
  readonly sorting = signal<Sorting>({ key: 'state', isDescending: false })
  readonly isOfActors = signal(false)
  readonly chosenRoot = signal<string | undefined>(undefined)
  readonly chosenId = signal<string | undefined>(undefined)
  readonly picture = signal<Picture>(emptyPicture())

  /** The running systems, newest last; if there are none, the last one that ran. */
  readonly systems: ReadonlySignal<readonly System[]> = computed(() => systemsIn(this.picture.value.actors))
  readonly system: ReadonlySignal<System | undefined> = computed(() => {
    const systems = this.systems.value
    return (
      systems.find(({ root }) => root.sessionId === this.chosenRoot.value) ??
      systems.findLast(({ supervisor }) => supervisor) ??
      systems.at(-1)
    )
  })
  readonly isFlotsam = computed(() => this.system.value?.supervisor !== undefined)
  readonly listing: ReadonlySignal<Listing> = computed(() =>
    listingOf(this.picture.value.actors.values(), {
      kind: this.isFlotsam.value && !this.isOfActors.value ? 'containers' : 'actors',
      rootId: this.system.value?.root.sessionId,
      text: this.text.value,
      group: this.group.value,
      sorting: this.sorting.value,
    }),
  )
  /** The events of the selected system, newest first. */
  readonly events: ReadonlySignal<readonly Happened[]> = computed(() => {
    const { events } = this.picture.value
    const rootId = this.system.value?.root.sessionId
    return this.systems.value.length < 2 ? events : events.filter((happened) => happened.rootId === rootId)
  })
  /** The actor selected in the list. */
  readonly picked: ReadonlySignal<Actor | undefined> = computed(() => {
    const id = this.chosenId.value
    return id === undefined ? undefined : actorOf(this.picture.value.actors, id)
  })
  /** The actor whose chart is shown. */
  readonly shown: ReadonlySignal<Actor | undefined> = computed(
    () => this.picked.value ?? this.system.value?.root,
  )

  readonly #clock = new SenderClock()
  readonly #link: Link
  #model = new Model()
  #isRenewalPlanned = false
  #renewedAt = 0

  constructor({ openSocket, isRefused }: { openSocket: () => Socket; isRefused: () => Promise<boolean> }) {
    this.#link = keepLink({
      openSocket,
      isRefused,
      now: () => Date.now(),
      setTimeout: (run, delayMs) => setTimeout(run, delayMs),
      clearTimeout: (timer) => clearTimeout(timer as number | undefined),
      onState: (state) => (this.link.value = state),
      onOpen: () => this.#startOver(),
      onText: (text) => this.#take(text),
    })
    setInterval(() => {
      this.pageNow.value = Date.now()
      this.#tick()
    }, tickMs)
  }

  retryNow(): void {
    this.#link.retryNow()
  }

  /** Freezes what is shown, or resumes. The model continues to receive messages. */
  togglePause(): void {
    if (this.isPaused.value) {
      this.isPaused.value = false
      this.#renew()
    } else {
      batch(() => {
        this.#renew()
        this.picture.value = { ...this.picture.value, actors: new Map(this.picture.value.actors) }
        this.isPaused.value = true
        this.pausedAtMessage.value = this.#model.messages
      })
    }
  }

  sortBy(key: SortKey): void {
    const { key: current, isDescending } = this.sorting.value
    this.sorting.value = { key, isDescending: key === current ? !isDescending : key === 'time' }
  }

  /** Shows the chart of an actor; undefined shows the root's. */
  choose(actor: Actor | undefined): void {
    this.chosenId.value = actor && choiceOf(actor)
  }

  chooseSystem(rootId: string): void {
    batch(() => {
      this.chosenRoot.value = rootId
      this.chosenId.value = undefined
      this.group.value = undefined
    })
  }

  showActors(isOfActors: boolean): void {
    batch(() => {
      this.isOfActors.value = isOfActors
      this.group.value = undefined
    })
  }

  #startOver(): void {
    this.#model = new Model()
    this.#clock.joined(Date.now())
    batch(() => {
      this.isPaused.value = false
      this.chosenRoot.value = undefined
      this.#renew()
    })
  }

  #take(text: string): void {
    const message = readMessage(text)
    const nowMs = Date.now()
    if (!message) this.#model.countUnread()
    else {
      if ('createdAt' in message && message.createdAt !== undefined)
        this.#clock.received(message.createdAt, nowMs)
      this.#model.apply(message, nowMs)
    }
    this.#planRenewal()
  }

  /** Batches messages into one rendering per animation frame. */
  #planRenewal(): void {
    if (this.#isRenewalPlanned) return
    this.#isRenewalPlanned = true
    const waitMs = Math.max(0, this.#renewedAt + leastPauseMs - performance.now())
    setTimeout(() => requestAnimationFrame(() => this.#renewAsPlanned()), waitMs)
  }

  #renewAsPlanned(): void {
    this.#isRenewalPlanned = false
    this.#renewedAt = performance.now()
    if (this.isPaused.value) this.messages.value = this.#model.messages
    else this.#renew()
  }

  #renew(): void {
    const { actors, events, messages, skipped, unread } = this.#model
    batch(() => {
      this.messages.value = messages
      this.picture.value = { actors, events: events.newestFirst(), messages, skipped, unread }
      this.renewals.value += 1
      this.#tick()
    })
  }

  #tick(): void {
    if (!this.isPaused.value) this.now.value = Date.now() - this.#clock.offsetMs
  }
}

function emptyPicture(): Picture {
  return { actors: new Map(), events: [], messages: 0, skipped: 0, unread: 0 }
}

function systemsIn(actors: ReadonlyMap<string, Actor>): System[] {
  const roots: Actor[] = []
  for (const actor of actors.values()) {
    if (actor.rootId === actor.sessionId && actor.parentId === undefined) roots.push(actor)
  }
  const living = roots.filter(({ snapshot }) => snapshot.status === 'active')
  return (living.length > 0 ? living : roots.slice(-1)).map((root) => ({
    root,
    supervisor: supervisorOf(root),
  }))
}

/** Identifies a container by its own id, so that the selection survives a new connection. */
function choiceOf(actor: Actor): string {
  return rowOf(actor).container?.id ?? actor.sessionId
}

function actorOf(actors: ReadonlyMap<string, Actor>, choice: string): Actor | undefined {
  const direct = actors.get(choice)
  if (direct) return direct
  let found: Actor | undefined
  for (const actor of actors.values()) {
    if (rowOf(actor).container?.id === choice) found = actor
  }
  return found
}
