import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAst } from 'vitest/node'
import { type AnyStateMachine, createMachine } from 'xstate'

import { containerMachine, supervisorMachine } from '../../machines/index.ts'
import { arrowsOf, named, nodesOf } from './support/chart.ts'
import { chartFor } from './support/container-chart.ts'
import { createSurroundings } from './support/supervisor-chart.ts'

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

/** Where a chart may compute: what it begins with, and what its actors begin with. */
const factories = new Set<unknown>(['context', 'input'])

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

describe('each chart is one literal that can be read on its own', () => {
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
    delays: new Set(nodes.flatMap(({ after }) => after.map(({ delay }) => String(delay)))),
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

describe.each([
  ['container.machine.ts', containerMachine as AnyStateMachine, chartFor({}) as AnyStateMachine],
  [
    'supervisor.machine.ts',
    supervisorMachine as AnyStateMachine,
    createSurroundings().machine as AnyStateMachine,
  ],
])('%s', (file, chart, provided) => {
  test('every action, guard, delay and actor that it names is declared, and nothing is declared for nothing', () => {
    expect(declaredIn(file)).toEqual(namedIn(chart))
  })

  test('everything that it declares is provided, and nothing else', () => {
    for (const part of ['actions', 'guards', 'delays', 'actors'] as const) {
      const [before, after] = [chart.implementations[part], provided.implementations[part]]
      expect(Object.keys(after).toSorted()).toEqual(Object.keys(before).toSorted())
      const left = Object.keys(after).filter((name) => (after as never)[name] === (before as never)[name])
      expect(left).toEqual([])
    }
  })

  test('every state can be reached and, but for an end, be left', () => {
    const arrows = arrowsOf(chart)
    const nodes = nodesOf(chart)
    const reached = new Set(arrows.flatMap(({ targets }) => targets))
    const initial = nodes.flatMap((node) => {
      return node.type === 'parallel' ? Object.values(node.states) : (node.initial?.target ?? [])
    })
    const entered = (path: string) =>
      reached.has(path) || initial.some((node) => node.path.join('.') === path)
    const unreachable = nodes.filter(({ path }) => path.length > 0 && !entered(path.join('.')))
    expect(
      unreachable.filter(({ states }) => Object.keys(states).length === 0).map(({ key }) => key),
    ).toEqual([])
    const leaves = nodes.filter(({ states }) => Object.keys(states).length === 0)
    const isLeft = (source: string, path: readonly string[]) =>
      source === path.slice(0, source === '' ? 0 : source.split('.').length).join('.')
    const stuck = leaves.filter(
      ({ path }) => !arrows.some(({ source, targets }) => targets.length > 0 && isLeft(source, path)),
    )
    expect(stuck.map(({ key }) => key)).toEqual([chart === containerMachine ? 'gone' : 'stopped'])
  })

  test('a target that is not there would be found out by building it', () => {
    expect(() => createMachine({ ...chart.config, initial: 'nowhere' }).root.initial).toThrow()
  })

  test('unprovided, it says what it lacks instead of doing nothing', () => {
    const actions = Object.values(chart.implementations.actions) as ((...args: unknown[]) => void)[]
    for (const action of actions) expect(() => action({}, {})).toThrow(/needs its behaviour/)
    expect(actions.length).toBeGreaterThan(5)
  })
})
