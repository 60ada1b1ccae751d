import { isRecord, textIn } from './message.ts'
import { nameOf } from './name.ts'
import { type TransitionSource, targetsOf, transitionsOf } from './transitions.ts'

export type StateKind = 'atomic' | 'compound' | 'parallel' | 'final' | 'history'

export interface StateNode {
  /** The keys from the root, joined by dots; the root's is empty. */
  readonly path: string
  readonly key: string
  readonly kind: StateKind
  readonly parent: StateNode | undefined
  readonly children: readonly StateNode[]
  /** The paths of its initial states; empty for a state without inner states. */
  readonly initial: readonly string[]
  readonly description: string | undefined
  /** The names of the actors that it invokes. */
  readonly invokes: readonly string[]
  /** Transitions without a target, which only run actions. */
  readonly inner: readonly Transition[]
}

export interface Transition {
  /** Unique within its machine. */
  readonly id: string
  readonly source: string
  /** Empty for a transition that only runs actions. */
  readonly targets: readonly string[]
  /** The event type in XState; empty for an eventless transition. */
  readonly event: string
  /** The event in words: `after 5 s`, `done scan`. */
  readonly trigger: string
  readonly guard: string | undefined
  readonly actions: readonly string[]
}

/** A statechart, read from a definition. */
export interface Machine {
  readonly id: string
  readonly root: StateNode
  readonly states: ReadonlyMap<string, StateNode>
  /** The transitions that have targets. */
  readonly transitions: readonly Transition[]
}

/** Reads a machine's definition or configuration from JSON; undefined if it has no states. */
export function readMachine(definition: string): Machine | undefined {
  let json: unknown
  try {
    json = JSON.parse(definition)
  } catch {
    return undefined
  }
  if (!isRecord(json) || !isRecord(json['states']) || Object.keys(json['states']).length === 0)
    return undefined
  return new Reader(json).read()
}

interface Draft {
  readonly path: string
  readonly key: string
  readonly json: Readonly<Record<string, unknown>>
  readonly parent: Draft | undefined
  readonly children: Draft[]
}

const deepest = 40

class Reader {
  readonly #machineId: string
  readonly #root: Draft
  readonly #drafts = new Map<string, Draft>()
  readonly #pathsById = new Map<string, string>()

  constructor(json: Readonly<Record<string, unknown>>) {
    this.#machineId = textIn(json['id']) ?? textIn(json['key']) ?? '(machine)'
    this.#root = this.#draft(json, '', this.#machineId, undefined)
  }

  read(): Machine {
    const leading: Transition[] = []
    const inner = new Map<string, Transition[]>()
    for (const draft of this.#drafts.values()) {
      const acting: Transition[] = []
      inner.set(draft.path, acting)
      const source: TransitionSource = { path: draft.path, id: this.#idOf(draft), json: draft.json }
      for (const { target, ...transition } of transitionsOf(source)) {
        const targets = targetsOf(target).flatMap((one) => this.#resolve(one, draft) ?? [])
        const id = `${draft.path}#${acting.length + leading.length}`
        ;(targets.length > 0 ? leading : acting).push({ id, source: draft.path, targets, ...transition })
      }
    }
    const states = new Map<string, StateNode>()
    const root = this.#finish(this.#root, undefined, inner, states)
    return { id: this.#machineId, root, states, transitions: leading }
  }

  #draft(json: Draft['json'], path: string, key: string, parent: Draft | undefined): Draft {
    const draft: Draft = { path, key, json, parent, children: [] }
    this.#drafts.set(path, draft)
    this.#pathsById.set(this.#defaultIdOf(path), path)
    const id = textIn(json['id'])
    if (id !== undefined) this.#pathsById.set(id, path)
    const states = json['states']
    if (isRecord(states) && path.split('.').length < deepest) {
      for (const [childKey, child] of Object.entries(states)) {
        const childPath = path === '' ? childKey : `${path}.${childKey}`
        draft.children.push(this.#draft(isRecord(child) ? child : {}, childPath, childKey, draft))
      }
    }
    return draft
  }

  #finish(
    draft: Draft,
    parent: StateNode | undefined,
    inner: ReadonlyMap<string, readonly Transition[]>,
    states: Map<string, StateNode>,
  ): StateNode {
    const { json, path, key } = draft
    const children: StateNode[] = []
    const node: StateNode = {
      path,
      key,
      kind: kindOf(json, draft.children.length > 0),
      parent,
      children,
      initial: this.#initialOf(draft),
      description: textIn(json['description']),
      invokes: namesIn(json['invoke'], (invoke) => textIn(invoke['id']) ?? nameOf(invoke['src'])),
      inner: inner.get(path) ?? [],
    }
    states.set(path, node)
    for (const child of draft.children) children.push(this.#finish(child, node, inner, states))
    return node
  }

  #initialOf(draft: Draft): string[] {
    if (draft.children.length === 0) return []
    if (draft.json['type'] === 'parallel') return draft.children.map(({ path }) => path)
    const { initial } = draft.json
    const named = targetsOf(isRecord(initial) ? initial['target'] : initial)
    return named.flatMap((target) =>
      target.startsWith('#')
        ? (this.#resolve(target, draft) ?? [])
        : (this.#known(joined(draft.path, target.replace(/^\./, ''))) ?? []),
    )
  }

  /** The path of a target in XState's notation: `#id`, `#id.path`, `.child` or `sibling`. */
  #resolve(target: string, source: Draft): string | undefined {
    if (target.startsWith('#')) return this.#byId(target.slice(1))
    if (target.startsWith('.')) return this.#known(joined(source.path, target.slice(1)))
    return this.#known(joined(source.parent?.path ?? '', target))
  }

  /** An id may contain dots, so the longest matching id wins. */
  #byId(text: string): string | undefined {
    for (let end = text.length; end > 0; end = text.lastIndexOf('.', end - 1)) {
      const path = this.#pathsById.get(text.slice(0, end))
      if (path !== undefined) return this.#known(joined(path, text.slice(end + 1)))
    }
    return undefined
  }

  #known(path: string): string | undefined {
    return this.#drafts.has(path) ? path : undefined
  }

  #idOf({ json, path }: Draft): string {
    return textIn(json['id']) ?? this.#defaultIdOf(path)
  }

  #defaultIdOf(path: string): string {
    return path === '' ? this.#machineId : `${this.#machineId}.${path}`
  }
}

function joined(parent: string, child: string): string {
  if (parent === '' || child === '') return parent + child
  return `${parent}.${child}`
}

function kindOf(json: Draft['json'], hasChildren: boolean): StateKind {
  const { type } = json
  if (type === 'parallel' || type === 'final' || type === 'history') return type
  return hasChildren ? 'compound' : 'atomic'
}

function namesIn(
  value: unknown,
  nameIn: (item: Readonly<Record<string, unknown>>) => string | undefined,
): string[] {
  const items = Array.isArray(value) ? value : [value]
  return items.flatMap((item: unknown) => (isRecord(item) ? (nameIn(item) ?? []) : []))
}
