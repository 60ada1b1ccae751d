import type { RealEngine } from '../support/real-engine.ts'
import type { Chores } from './chores.ts'
import type { Requests } from './client.ts'
import type { Journal } from './journal.ts'
import { labelsOf } from './labels.ts'
import type { Kind, Ledger, Made, Namespace } from './ledger.ts'
import type { Story } from './plan.ts'
import type { FaultProxy } from './proxy.ts'
import { isFleeting, type Recipe } from './recipes.ts'

export interface MakerOptions {
  readonly engine: RealEngine
  readonly proxy: FaultProxy
  readonly ledger: Ledger
  readonly journal: Journal
  readonly chores: Chores
  readonly requests: Requests
  /** An image that bears the owner's label itself. */
  readonly labelledImage: string
}

export interface Wanted extends Recipe {
  readonly story: Story
  readonly kind?: Kind
  readonly holder?: Made
  /** Of its holder; its network by default. */
  readonly shares?: Namespace
}

const forever = ['sleep', '86400']

/** Makes the agent's containers, and registers those that it promised to. */
export class Maker {
  readonly #options: MakerOptions
  #serial = 0

  constructor(options: MakerOptions) {
    this.#options = options
  }

  /** Rejects where the agent does not learn the container's id, whatever the engine did. */
  async make(wanted: Wanted, onOpen?: (made: Made) => void): Promise<Made> {
    const { engine, journal, ledger, proxy } = this.#options
    const { story, kind = 'ours', holder, removesItself = false, registersAt, lost } = wanted
    const shares = holder && (wanted.shares ?? 'network')
    const restarts = wanted.restart !== undefined
    const name = `${story}-${++this.#serial}`
    const isPromised = registersAt !== undefined
    const made = ledger.open({ name, kind, story, holder, shares, restarts, removesItself, isPromised })
    onOpen?.(made)
    if (lost !== undefined) this.#loseAnswer(lost, name)
    const { life } = ledger
    await this.#create(made, wanted)
    journal.note('agent', `has made ${name}`)
    if (registersAt !== undefined && life === ledger.life) this.#registerAt(made, registersAt)
    if (wanted.isLeftUnstarted) return made
    await this.#start(made, wanted, lost === 'start' ? proxy.socketPath : engine.socketPath)
    return made
  }

  async #start(made: Made, { cmd, lost, restart }: Wanted, socketPath: string): Promise<void> {
    const { journal, ledger, requests } = this.#options
    // by its name is how the proxy knows which answer to lose; by then any other may have been renamed
    const target = lost === 'start' ? made.name : made.id
    const askedMs = Date.now()
    ledger.asksForStart(made)
    const { status, body } = await requests.ask(socketPath, 'POST', `/containers/${target}/start`)
    const lasts = cmd === undefined && restart === undefined && !isFleeting(made.story)
    if (status === 204) ledger.renew(made, 'start', askedMs, { lasts, isPromised: false })
    else journal.note('agent', `start of ${made.name}: ${status} ${body.trim()}`)
  }

  #loseAnswer(to: 'create' | 'start', name: string): void {
    const path = to === 'create' ? '/containers/create' : `/containers/${name}/start`
    const query = to === 'create' ? `name=${name}` : ''
    this.#options.proxy.arm({ kind: 'loses-answer' }, (head) => head.path === path && head.query === query, 1)
  }

  async #create(made: Made, wanted: Wanted): Promise<void> {
    const { engine, ledger, proxy, requests } = this.#options
    const { life } = ledger
    const socketPath = wanted.lost === 'create' ? proxy.socketPath : engine.socketPath
    try {
      const path = `/containers/create?name=${made.name}`
      const { status, body } = await requests.ask(socketPath, 'POST', path, this.#requestFor(made, wanted))
      if (status !== 201) throw new Error(`create ${made.name}: ${status} ${body.trim()}`)
      made.answeredMs = Date.now()
      ledger.learnId(made, (JSON.parse(body) as { Id: string }).Id)
    } catch (error) {
      // what it does not know it cannot register; another life has its own promises
      if (life === ledger.life) made.isPromised = false
      throw error
    }
  }

  #requestFor({ kind, holder, shares, removesItself }: Made, { cmd = forever, restart }: Wanted): object {
    const { engine, labelledImage } = this.#options
    return {
      Image: kind === 'label-from-image' ? labelledImage : engine.image,
      Cmd: cmd,
      Labels: labelsOf[kind],
      StopTimeout: 0,
      HostConfig: {
        ...engine.hostConfig,
        NetworkMode: shares === 'network' ? `container:${holder?.id}` : 'none',
        PidMode: shares === 'pid' ? `container:${holder?.id}` : '',
        // what is private, as newer engines make it, cannot be shared
        IpcMode: shares === 'ipc' ? `container:${holder?.id}` : 'shareable',
        AutoRemove: removesItself,
        RestartPolicy: { Name: restart ?? 'no' },
      },
    }
  }

  /** The agent starts or restarts a container; it registers it after the answer, at a share of the grace. */
  async startAgain(
    made: Made,
    registersAt: number | undefined,
    post: () => Promise<boolean>,
  ): Promise<boolean> {
    const { journal, ledger } = this.#options
    return this.#renew(made, 'start', registersAt, async () => {
      ledger.asksForStart(made)
      journal.note('agent', `starts ${made.name} again`)
      return post()
    })
  }

  async unpause(made: Made, registersAt: number | undefined, post: () => Promise<boolean>): Promise<boolean> {
    this.#options.journal.note('agent', `unpauses ${made.name}`)
    return this.#renew(made, 'unpause', registersAt, post)
  }

  async #renew(
    made: Made,
    verb: 'start' | 'unpause',
    registersAt: number | undefined,
    post: () => Promise<boolean>,
  ): Promise<boolean> {
    const { ledger } = this.#options
    const { life } = ledger
    const askedMs = Date.now()
    if (!(await post())) return false
    const isPromised = registersAt !== undefined && life === ledger.life && !ledger.isTracked(made)
    ledger.renew(made, verb, askedMs, { lasts: true, isPromised })
    if (!isPromised) return true
    made.isPromised = true
    this.#registerAt(made, registersAt, askedMs)
    return true
  }

  /** By the creation grace, which began at the latest when the container was asked for. */
  #registerAt(made: Made, share: number, fromMs = made.askedMs): void {
    const { chores, journal, ledger } = this.#options
    const { life } = ledger
    const register = () => {
      if (life !== ledger.life || !made.isPromised) return
      ledger.register(made)
      journal.note('agent', `registers ${made.name}`)
    }
    const inMs = fromMs + share * ledger.graces.creationMs - Date.now()
    if (inMs <= 0) register()
    else chores.later(inMs, register)
  }
}
