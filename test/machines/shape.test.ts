import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAst } from 'vitest/node'
import { type AnyStateMachine, createActor, createMachine, waitFor } from 'xstate'
import { containerMachine, supervisorMachine } from '../../machines/index.ts'
import { containerBehaviour } from '../../src/supervision/container-behaviour.ts'
import { supervisorBehaviour } from '../../src/supervision/supervisor-behaviour.ts'
import { arrowsOf, named, nameOf, nodesOf } from './support/chart.ts'
import { admitted, id, judged, policyOf, recordOf, verdicts } from './support/container-chart.ts'
import { policy } from './support/supervisor-chart.ts'

interface Node {
  readonly type: string
  readonly [key: string]: unknown
}

const directory = join(import.meta.dirname, '../../machines')
const files = ['container.machine.ts', 'supervisor.machine.ts'] as const

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

function childrenOf(node: Node): readonly Node[] {
  return Object.values(node)
    .flatMap((value) => (Array.isArray(value) ? value : [value]))
    .filter(isNode)
}

function below(node: Node): readonly Node[] {
  return [node, ...childrenOf(node).flatMap(below)]
}

const nameIn = (node: unknown): unknown => (isNode(node) ? (node['name'] ?? node['value']) : undefined)

/** The call `of` calls, and what it is given. */
function callsOf(tree: Node, name: string): readonly Node[] {
  return below(tree).filter(({ type, callee }) => {
    if (type !== 'CallExpression' || !isNode(callee)) return false
    return nameIn(callee) === name || nameIn(callee['property']) === name
  })
}

function argumentOf(call: Node | undefined): Node {
  const [first] = (call?.['arguments'] ?? []) as Node[]
  if (!first) throw new Error('it is called with nothing')
  return first
}

/** The properties of an object, by their names. */
function propertiesOf(object: Node): ReadonlyMap<unknown, Node> {
  const properties = (object['properties'] ?? []) as Node[]
  return new Map(properties.map((property) => [nameIn(property['key']), property['value'] as Node]))
}

function parse(source: string): Node {
  return parseAst(source, { lang: 'ts' }) as unknown as Node
}

/** What keeps a chart from being read on its own, by people and by Stately's editor. */
function faultsOf(source: string): readonly string[] {
  const tree = parse(source)
  const charts = callsOf(tree, 'createMachine')
  if (charts.length !== 1) return [`${charts.length} charts in one file`]
  const [call] = charts
  const chart = argumentOf(call)
  if (chart.type !== 'ObjectExpression') return ['the chart is no literal']
  const isSetUp = isNode(call?.['callee']) && callsOf(call['callee'], 'setup').length === 1
  return [...(isSetUp ? [] : ['no setup() right before createMachine()']), ...faultsIn(chart)]
}

/** Where a chart may compute: what it begins with, what its actors begin with, and what it ends with. */
const factories = new Set<unknown>(['context', 'input', 'output'])

function faultsIn(object: Node): readonly string[] {
  const properties = (object['properties'] ?? []) as Node[]
  return properties.flatMap((property) => {
    if (property.type !== 'Property') return ['a spread']
    if (property['computed'] === true || property['shorthand'] === true || property['method'] === true) {
      return [`${String(nameIn(property['key']))} is not written out`]
    }
    const name = nameIn(property['key'])
    const value = property['value'] as Node
    return factories.has(name) && value.type === 'ArrowFunctionExpression' ? [] : faultsInValue(name, value)
  })
}

function faultsInValue(name: unknown, value: Node): readonly string[] {
  if (value.type === 'Literal') return []
  if (value.type === 'ObjectExpression') return faultsIn(value)
  if (value.type === 'ArrayExpression') {
    return (value['elements'] as Node[]).flatMap((element) => faultsInValue(name, element))
  }
  return [`${String(name)} is a ${value.type}`]
}

describe('each chart is one self-contained literal', () => {
  test('there are two of them', () => {
    expect(
      readdirSync(directory)
        .filter((file) => file.endsWith('.machine.ts'))
        .toSorted(),
    ).toEqual(files)
  })

  test.each(files)('%s', (file) => {
    expect(faultsOf(readFileSync(join(directory, file), 'utf8'))).toEqual([])
  })

  test.each([
    ['a spread', 'a spread', 'states: { ...shared }'],
    ['a state from elsewhere', 'graced is a Identifier', 'states: { graced: gracedState }'],
    ['a shorthand', 'states is not written out', 'states'],
    [
      'a function as a guard',
      'guard is a ArrowFunctionExpression',
      "on: { go: { guard: () => true, target: 'a' } }",
    ],
    [
      'a function as an action',
      'actions is a CallExpression',
      "on: { go: { actions: ['b', assign({ a: 1 })] } }",
    ],
  ])('a chart with %s would be found out', (_, fault, part) => {
    expect(faultsOf(`export const machine = setup({}).createMachine({ ${part} })`)).toEqual([fault])
  })

  test.each([
    ['without setup', 'createMachine({})', 'no setup() right before createMachine()'],
    ['that is built elsewhere', 'setup({}).createMachine(chart)', 'the chart is no literal'],
    ['next to another', 'setup({}).createMachine({}); setup({}).createMachine({})', '2 charts in one file'],
  ])('a chart %s would be found out', (_, source, fault) => {
    expect(faultsOf(source)).toEqual([fault])
  })
})

interface Parts {
  readonly actions: ReadonlySet<string>
  readonly guards: ReadonlySet<string>
  readonly delays: ReadonlySet<string>
  readonly actors: ReadonlySet<string>
}

/** Everything that the chart calls by name. */
function namedIn(machine: AnyStateMachine): Parts {
  const nodes = nodesOf(machine)
  const arrows = arrowsOf(machine)
  return {
    actions: new Set([
      ...nodes
        .flatMap(({ entry, exit }) => [...entry, ...exit].map(named))
        .filter((name) => !name.startsWith('xstate.')),
      ...arrows.flatMap(({ actions }) => actions),
    ]),
    guards: new Set(arrows.flatMap(({ guard }) => guard ?? [])),
    delays: new Set(
      nodes.flatMap(({ after }) => after.flatMap(({ delay }) => (delay === 0 ? [] : String(delay)))),
    ),
    actors: new Set(nodes.flatMap(({ invoke }) => invoke.map(({ src }) => named(src)))),
  }
}

function declaredIn(file: string): Parts {
  const setUp = propertiesOf(
    argumentOf(callsOf(parse(readFileSync(join(directory, file), 'utf8')), 'setup')[0]),
  )
  const names = (part: string) => {
    const object = setUp.get(part)
    return new Set(object ? [...propertiesOf(object).keys()].map(String) : [])
  }
  return {
    actions: names('actions'),
    guards: names('guards'),
    delays: names('delays'),
    actors: names('actors'),
  }
}

/** The events of a chart's own, as its types have them. */
function eventsTyped(file: string, name: string): ReadonlySet<string> {
  const tree = parse(readFileSync(join(directory, file), 'utf8'))
  const union = below(tree).find(
    ({ type, id: alias }) => type === 'TSTypeAliasDeclaration' && nameIn(alias) === name,
  )
  if (!union) throw new Error(`${file} has no type ${name}`)
  const types = below(union).filter(
    ({ type, key }) => type === 'TSPropertySignature' && nameIn(key) === 'type',
  )
  return new Set(
    types.flatMap((property) =>
      below(property).flatMap(({ type, value }) => (type === 'Literal' ? [String(value)] : [])),
    ),
  )
}

const sources = ['src', 'machines'].flatMap((folder) =>
  readdirSync(join(directory, '..', folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /(?<!\.d)\.ts$/.test(file))
    .map((file) => readFileSync(join(directory, '..', folder, file), 'utf8')),
)

const container = containerMachine as AnyStateMachine
const supervisor = supervisorMachine as AnyStateMachine
const provided = {
  container: containerBehaviour({} as never) as AnyStateMachine,
  supervisor: supervisorBehaviour({ fleet: { logic: {} } } as never) as AnyStateMachine,
}

describe.each([
  ['container.machine.ts', container, provided.container, 'ContainerEvent'],
  ['supervisor.machine.ts', supervisor, provided.supervisor, 'SupervisorEvent'],
] as const)('%s', (file, chart, whole, eventType) => {
  test('every action, guard, delay and actor that it names is declared, and every declared one is used', () => {
    expect(declaredIn(file)).toEqual(namedIn(chart))
  })

  test('decisions are in the chart; only effects, actors and pauses are provided, and all of them', () => {
    const changed = (part: 'actions' | 'guards' | 'delays' | 'actors') => {
      const [before, after] = [chart.implementations[part], whole.implementations[part]]
      expect(Object.keys(after).toSorted()).toEqual(Object.keys(before).toSorted())
      return Object.keys(after).filter((name) => (after as never)[name] !== (before as never)[name])
    }
    const { actions, actors } = chart.implementations
    const effects = Object.entries(actions).filter(
      ([, action]) => typeof action === 'function' && !('type' in action),
    )
    expect(changed('actions').toSorted()).toEqual(effects.map(([name]) => name).toSorted())
    expect(changed('actors').toSorted()).toEqual(Object.keys(actors).toSorted())
    expect(changed('guards')).toEqual([])
    // Ours count from the end of what they follow.
    const pauses = ['period', 'pause', 'hintPause', 'backoff', 'reconnectDelay']
    expect(changed('delays')).toEqual(chart === supervisor ? pauses : [])
  })

  test('unprovided, its effects do nothing', () => {
    const effects = Object.values(chart.implementations.actions).filter(
      (action) => typeof action === 'function' && !('type' in action),
    ) as ((...args: unknown[]) => unknown)[]
    expect(effects.length).toBeGreaterThan(8)
    for (const effect of effects) expect([String(effect), effect()]).toEqual(['() => {}', undefined])
  })

  test('every invocation handles its error', () => {
    const invoking = nodesOf(chart).flatMap((node) => node.invoke.map((invoked) => ({ node, ...invoked })))
    expect(invoking.length).toBeGreaterThan(3)
    const unhandled = invoking.filter(
      ({ node, id: invoked }) => !node.transitions.has(`xstate.error.actor.${invoked}`),
    )
    // The fleet never ends by itself; its failure is the supervisor's.
    expect(unhandled.map(({ id: invoked }) => invoked)).toEqual(chart === supervisor ? ['fleet'] : [])
    for (const { node, id: invoked } of invoking.filter(({ id: one }) => one !== 'fleet')) {
      for (const outcome of ['done', 'error']) {
        const [last] = node.transitions.get(`xstate.${outcome}.actor.${invoked}`)?.slice(-1) ?? []
        expect(last?.target, `${nameOf(node)} ${outcome}`).toHaveLength(1)
        expect(last?.guard, `${nameOf(node)} ${outcome}`).toBeUndefined()
      }
    }
  })

  test('every sent event is accepted, and every accepted event is sent', () => {
    const own = new Set(arrowsOf(chart).flatMap(({ event }) => (/^(xstate\.|$)/.test(event) ? [] : [event])))
    expect(eventsTyped(file, eventType)).toEqual(own)
    // Once in its own types, and once more where it is sent.
    const unsent = [...own].filter((event) => {
      const mentions = sources.flatMap((source) => [...source.matchAll(new RegExp(`type: '${event}'`, 'g'))])
      return mentions.length < 2
    })
    expect(unsent).toEqual([])
  })

  test('names read as in the documentation of XState: states and events are words, guards questions, actions verbs', () => {
    const word = /^[a-z]+([A-Z][a-z]*)*$/
    const { actions, guards, delays, actors } = namedIn(chart)
    const events = eventsTyped(file, eventType)
    const question = /^(is|was|has|needs|could|stood|stops|asks|follows)[A-Z]/
    const deed =
      /^(admit|approve|begin|count|dequeue|emit|end|enqueue|expire|forget|note|open|release|remember|request|restart|settle|start|take|want)([A-Z]|$)/
    const keys = nodesOf(chart).flatMap(({ key }) => key)
    for (const name of [...keys, ...actions, ...guards, ...delays, ...actors]) expect(name).toMatch(word)
    for (const name of events) for (const part of name.split('.')) expect(part).toMatch(word)
    for (const name of guards) expect(name).toMatch(question)
    for (const name of actions) expect(name).toMatch(deed)
  })

  test('every state can be reached and, except for one final state, left', () => {
    const arrows = arrowsOf(chart)
    const nodes = nodesOf(chart)
    const reached = new Set(arrows.flatMap(({ targets }) => targets))
    const initial = nodes.flatMap((node) => {
      return node.type === 'parallel' ? Object.values(node.states) : (node.initial?.target ?? [])
    })
    const entered = (path: string) =>
      reached.has(path) || initial.some((node) => node.path.join('.') === path)
    const leaves = nodes.filter(({ states }) => Object.keys(states).length === 0)
    const unreachable = leaves.filter(({ path }) => !entered(path.join('.')))
    expect(unreachable.map(({ key }) => key)).toEqual([])
    const isLeft = (source: string, path: readonly string[]) =>
      source !== '' && source === path.slice(0, source.split('.').length).join('.')
    const stuck = leaves.filter(
      ({ path }) => !arrows.some(({ source, targets }) => targets.length > 0 && isLeft(source, path)),
    )
    // What is overdue is left by the attempt beside it.
    expect(stuck.map(({ key }) => key)).toEqual(chart === container ? ['overdue', 'gone'] : ['stopped'])
    expect(leaves.filter(({ type }) => type === 'final').map(({ key }) => key)).toEqual([
      chart === container ? 'gone' : 'stopped',
    ])
  })

  test('a missing target fails when the machine is built', () => {
    expect(() => createMachine({ ...chart.config, initial: 'nowhere' }).root.initial).toThrow()
  })
})

describe('unprovided, a chart reports what it lacks instead of doing nothing', () => {
  test('the container: its actor continues, with the error on its record', async () => {
    const actor = createActor(containerMachine, { input: { id, policy: policyOf(), record: recordOf() } })
    actor.start()
    actor.send(judged(verdicts.dangling))
    actor.send(admitted)
    await waitFor(actor, (snapshot) => snapshot.matches({ removing: 'faulted' }))
    expect(actor.getSnapshot().context.failure?.message).toMatch(/containerMachine needs its actors/)
    actor.stop()
  })

  test('the supervisor: its scan has failed, and is repeated', async () => {
    const actor = createActor(supervisorMachine, { input: { policy } })
    actor.start()
    await waitFor(actor, (snapshot) =>
      snapshot.matches({ running: { scanning: { idle: { resting: 'faulted' } } } }),
    )
    expect(actor.getSnapshot().status).toBe('active')
    actor.stop()
  })
})
