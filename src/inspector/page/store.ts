import { batch, computed, type ReadonlySignal, signal } from '@preact/signals'
import type { Actor } from './model/actor.ts'
import { type Happened, Model } from './model/actors.ts'
import { type Supervisor, supervisorOf } from './model/flotsam.ts'
import { keepLink, type Link, type LinkState, type Socket } from './model/link.ts'
import { readMessage } from './model/message.ts'
import { type Listing, listingOf, rowOf, type Sorting, type SortKey } from './model/rows.ts'
import { SenderClock } from './model/sender-clock.ts'

/** What is shown: the model at one moment. */
interface Picture {
  readonly actors: ReadonlyMap<string, Actor>
  readonly events: readonly Happened[]
  readonly messages: number
  readonly skipped: number
  readonly unread: number
}

/** A system that reports: its root actor, and how many of its actors live. */
export interface System {
  readonly root: Actor
  readonly supervisor: Supervisor | undefined
}

const leastPauseMs = 80
const tickMs = 500

/** All that the page knows and lets its user choose. Components read its signals and call its methods. */
export class Store {
  readonly link = signal<LinkState>({ is: 'connecting', after: undefined })
  readonly isPaused = signal(false)
  readonly pausedAtMessage = signal(0)
  /** Messages since the beginning, paused or not. */
  readonly messages = signal(0)
  /** How often the picture was renewed: the number of renderings that messages have caused. */
  readonly renewals = signal(0)
  /** By the sender's clock; times shown follow it without anything being rendered. */
  readonly now = signal(Date.now())
  /** By the page's own clock. */
  readonly pageNow = signal(Date.now())
  readonly text = signal('')
  readonly group = signal<string | undefined>(undefined)
  readonly sorting = signal<Sorting>({ key: 'state', isDescending: false })
  readonly isOfActors = signal(false)
  readonly chosenRoot = signal<string | undefined>(undefined)
  readonly chosenId = signal<string | undefined>(undefined)
  readonly picture = signal<Picture>(emptyPicture())

  /** The systems whose root lives, the newest last; when none does, the last that did. */
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
  /** What has happened in the system that is shown, the newest first. */
  readonly events: ReadonlySignal<readonly Happened[]> = computed(() => {
    const { events } = this.picture.value
    const rootId = this.system.value?.root.sessionId
    return this.systems.value.length < 2 ? events : events.filter((happened) => happened.rootId === rootId)
  })
  /** The actor that was picked from the list. */
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

  /** Stops what is shown; the model goes on, within its bounds. */
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

  /** Shows one actor's chart; undefined leads back to the root's. */
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

  /** Many messages make one rendering, in a frame of the browser's. */
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

/** A container is known by its own id, so that a choice outlives a connection. */
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
