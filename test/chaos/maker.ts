import type { RealEngine } from '../support/real-engine.ts'
import type { Chores } from './chores.ts'
import { ask } from './client.ts'
import type { Journal } from './journal.ts'
import { labelsOf } from './labels.ts'
import type { Kind, Ledger, Made } from './ledger.ts'
import type { Story } from './plan.ts'
import type { FaultProxy } from './proxy.ts'
import type { Recipe } from './recipes.ts'

export interface MakerOptions {
  readonly engine: RealEngine
  readonly proxy: FaultProxy
  readonly ledger: Ledger
  readonly journal: Journal
  readonly chores: Chores
  /** An image that bears the owner's label itself. */
  readonly labelledImage: string
}

export interface Wanted extends Recipe {
  readonly story: Story
  readonly kind?: Kind
  readonly holder?: Made
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
    const name = `${story}-${++this.#serial}`
    const isPromised = registersAt !== undefined
    const made = ledger.open({ name, kind, story, holder, removesItself, isPromised })
    onOpen?.(made)
    if (lost !== undefined) this.#loseAnswer(lost, name)
    const { life } = ledger
    await this.#create(made, wanted)
    journal.note('agent', `has made ${name}`)
    if (registersAt !== undefined && life === ledger.life) this.#registerAt(made, registersAt)
    const socketPath = lost === 'start' ? proxy.socketPath : engine.socketPath
    const { status, body } = await ask(socketPath, 'POST', `/containers/${name}/start`)
    if (status >= 400) journal.note('agent', `start of ${name}: ${status} ${body.trim()}`)
    return made
  }

  #loseAnswer(to: 'create' | 'start', name: string): void {
    const path = to === 'create' ? '/containers/create' : `/containers/${name}/start`
    const query = to === 'create' ? `name=${name}` : ''
    this.#options.proxy.arm({ kind: 'loses-answer' }, (head) => head.path === path && head.query === query, 1)
  }

  async #create(made: Made, wanted: Wanted): Promise<void> {
    const { engine, ledger, proxy } = this.#options
    const { life } = ledger
    const socketPath = wanted.lost === 'create' ? proxy.socketPath : engine.socketPath
    try {
      const path = `/containers/create?name=${made.name}`
      const { status, body } = await ask(socketPath, 'POST', path, this.#requestFor(made, wanted))
      if (status !== 201) throw new Error(`create ${made.name}: ${status} ${body.trim()}`)
      made.answeredMs = Date.now()
      ledger.learnId(made, (JSON.parse(body) as { Id: string }).Id)
    } catch (error) {
      // what it does not know it cannot register; another life has its own promises
      if (life === ledger.life) made.isPromised = false
      throw error
    }
  }

  #requestFor({ kind, holder, removesItself }: Made, { cmd = forever, restart }: Wanted): object {
    const { engine, labelledImage } = this.#options
    return {
      Image: kind === 'label-from-image' ? labelledImage : engine.image,
      Cmd: cmd,
      Labels: labelsOf[kind],
      StopTimeout: 0,
      HostConfig: {
        ...engine.hostConfig,
        NetworkMode: holder?.id === undefined ? 'none' : `container:${holder.id}`,
        AutoRemove: removesItself,
        RestartPolicy: { Name: restart ?? 'no' },
      },
    }
  }

  /** By the creation grace, which began at the latest when the container was asked for. */
  #registerAt(made: Made, share: number): void {
    const { chores, journal, ledger } = this.#options
    const { life } = ledger
    const register = () => {
      if (life !== ledger.life || !made.isPromised) return
      ledger.register(made)
      journal.note('agent', `registers ${made.name}`)
    }
    const inMs = made.askedMs + share * ledger.graces.creationMs - Date.now()
    if (inMs <= 0) register()
    else chores.later(inMs, register)
  }
}
