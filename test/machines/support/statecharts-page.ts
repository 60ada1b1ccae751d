import type { AnyStateMachine, AnyStateNode } from 'xstate'
import { containerMachine, supervisorMachine } from '../../../machines/index.ts'
import { type Arrow, arrowsOf, named, nodesOf } from './chart.ts'
import { containerWords, mainArrows, supervisorWords, type Words } from './statecharts-words.ts'
import { answersTable, waysToRemoval } from './ways-to-removal.ts'

const fence = '```'

/** An event's name as the diagrams and tables have it. */
export function wordFor(event: string): string {
  if (event === '') return 'at once'
  const [, kind, rest = ''] = /^xstate\.(done\.actor|error\.actor|after)\.(.+)$/.exec(event) ?? []
  if (kind === 'done.actor') return `${rest} answers`
  if (kind === 'error.actor') return `${rest} fails`
  return kind === 'after' ? `after ${rest.slice(0, rest.indexOf('.'))}` : event
}

function conditionOf({ guard, isOtherwise }: Arrow): string {
  return guard ? ` [${guard}]` : isOtherwise ? ' [otherwise]' : ''
}

const idOf = (path: readonly string[]): string => path.join('_')

/** An arrow as it can be drawn, and the state inside which both its ends are. */
interface Line {
  readonly inside: string
  readonly text: string
}

/**
 * Mermaid draws no arrow between the insides of two states. Such an arrow is drawn between the states themselves, and
 * its label says where inside it begins and ends. One that leads from a state into itself begins at its inner beginning.
 */
function lineFor(arrow: Arrow): Line | undefined {
  const from = arrow.source === '' ? [] : arrow.source.split('.')
  const [target] = arrow.targets
  if (target === undefined) return undefined
  const to = target.split('.')
  let shared = 0
  while (shared < Math.min(from.length, to.length) && from[shared] === to[shared]) shared++
  if (shared === to.length) shared--
  const begin = shared === from.length ? '[*]' : idOf(from.slice(0, shared + 1))
  const begins = from.length > shared + 1 ? `in ${from.slice(shared + 1).join('.')}, ` : ''
  const ends = to.length > shared + 1 ? ` (to ${to.slice(shared + 1).join('.')})` : ''
  const label = `${begins}${wordFor(arrow.event)}${conditionOf(arrow)}${ends}`
  return {
    inside: to.slice(0, shared).join('.'),
    text: `${begin} --> ${idOf(to.slice(0, shared + 1))} : ${label}`,
  }
}

function drawNode(node: AnyStateNode, lines: readonly Line[], indent: string): string[] {
  const id = idOf(node.path)
  if (Object.keys(node.states).length === 0) return [`${indent}state "${node.key}" as ${id}`]
  return [`${indent}state "${node.key}" as ${id} {`, ...drawInside(node, lines, `${indent}  `), `${indent}}`]
}

function drawInside(node: AnyStateNode, lines: readonly Line[], indent: string): string[] {
  const inner = Object.values(node.states)
  if (node.type === 'parallel') {
    return inner.flatMap((region, at) => [
      ...(at > 0 ? [`${indent}--`] : []),
      ...drawNode(region, lines, indent),
    ])
  }
  const [first] = node.initial?.target ?? []
  const begin = first ? [`${indent}[*] --> ${idOf(first.path)}`] : []
  const ends = inner
    .filter(({ type }) => type === 'final')
    .map(({ path }) => `${indent}${idOf(path)} --> [*]`)
  const own = lines.filter(({ inside }) => inside === node.path.join('.')).map(({ text }) => indent + text)
  return [...begin, ...inner.flatMap((state) => drawNode(state, lines, indent)), ...new Set(own), ...ends]
}

/** The states right inside a chart that can be left. */
const topStates = (machine: AnyStateMachine): readonly AnyStateNode[] =>
  Object.values(machine.root.states).filter(({ type }) => type !== 'final')

/** What can happen anywhere leads from each of the chart's own states: one line for all events with the same target. */
function linesFromAnywhere(machine: AnyStateMachine): readonly Line[] {
  const arrows = arrowsOf(machine).filter(({ source, targets }) => source === '' && targets.length > 0)
  return [...new Set(arrows.flatMap(({ targets }) => targets))].flatMap((target) => {
    const leading = arrows.filter(({ targets }) => targets.includes(target))
    const label = [...new Set(leading.map(({ event }) => wordFor(event)))].join(' or ')
    return topStates(machine).map(({ key }) => ({ inside: '', text: `${key} --> ${target} : ${label}` }))
  })
}

/** The whole chart as a Mermaid diagram. Arrows that lead to no other state are in the table only. */
export function diagramOf(machine: AnyStateMachine): string {
  const lines = arrowsOf(machine).flatMap((arrow) => (arrow.source === '' ? [] : (lineFor(arrow) ?? [])))
  const all = [...lines, ...linesFromAnywhere(machine)]
  return ['stateDiagram-v2', ...drawInside(machine.root, all, '  ')].join('\n')
}

/** The pairs of main states with an arrow between them. */
export function mainPairsOf(machine: AnyStateMachine): readonly string[] {
  const top = (name: string) => name.split('.')[0] ?? ''
  const pairs = arrowsOf(machine).flatMap(({ source, targets }) => {
    const from = source === '' ? topStates(machine).map(({ key }) => key) : [top(source)]
    return targets.flatMap((to) => from.map((one) => [one, top(to)]))
  })
  return [...new Set(pairs.filter(([from, to]) => from !== to).map((pair) => pair.join(' ')))].toSorted(
    (one, other) => rankOf(machine, one) - rankOf(machine, other),
  )
}

/** The order in which the chart names its states. */
function rankOf({ root }: AnyStateMachine, pair: string): number {
  const keys = Object.keys(root.states)
  const [from = '', to = ''] = pair.split(' ')
  return keys.indexOf(from) * keys.length + keys.indexOf(to)
}

/** The container's five main states. */
export function pictureOfContainer(): string {
  const { root } = containerMachine as AnyStateMachine
  const [first] = root.initial.target
  const lines = mainPairsOf(containerMachine).map((pair) => {
    const [from, to] = pair.split(' ')
    return `  ${from} --> ${to} : ${mainArrows[pair] ?? ''}`
  })
  const last = Object.values(root.states)
    .filter(({ type }) => type === 'final')
    .map(({ key }) => `  ${key} --> [*]`)
  return ['stateDiagram-v2', '  direction LR', `  [*] --> ${first?.key}`, ...lines, ...last].join('\n')
}

/** The states that have to be explained, with what is said of each. */
export function statesWithWords(
  machine: AnyStateMachine,
  words: Words,
): readonly [string, string | undefined][] {
  return nodesOf(machine)
    .filter(({ path }) => path.length > 0)
    .map((node) => [node.path.join('.'), node.description ?? words.states[node.path.join('.')]])
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

const code = (text: string): string => (text === '' ? '' : `\`${text}\``)

function arrowTable(machine: AnyStateMachine): string {
  const rows = arrowsOf(machine).map((arrow) => [
    code(arrow.source) || 'anywhere',
    wordFor(arrow.event),
    arrow.guard ? code(arrow.guard) : arrow.isOtherwise ? 'otherwise' : '',
    arrow.targets.map(code).join(', ') || (arrow.actions.length > 0 ? 'stays' : 'ignored'),
    arrow.actions.map(code).join(', '),
  ])
  return table(['in', 'on', 'when', 'goes to', 'and does'], rows)
}

/** What a state does by being entered and left, and what it runs meanwhile. */
function deedsOf({ entry, exit, invoke }: AnyStateNode): string {
  const list = (when: string, names: readonly string[]) => {
    const own = names.filter((name) => !name.startsWith('xstate.'))
    return own.length > 0 ? [`${when} ${own.map(code).join(', ')}`] : []
  }
  const runs = invoke.map(({ src }) => named(src))
  return [...list('first', entry.map(named)), ...list('runs', runs), ...list('last', exit.map(named))].join(
    '; ',
  )
}

function section(title: string, machine: AnyStateMachine, words: Words): string {
  const said = (entries: Readonly<Record<string, string>>) =>
    Object.entries(entries).map(([name, text]) => [code(wordFor(name)), text])
  const deeds = new Map(nodesOf(machine).map((node) => [node.path.join('.'), deedsOf(node)]))
  const states = statesWithWords(machine, words).map(([name, text = '']) => [
    code(name),
    text,
    deeds.get(name) ?? '',
  ])
  const parts = [
    `## ${title}`,
    `${fence}mermaid\n${diagramOf(machine)}\n${fence}`,
    `### States\n\n${table(['state', 'meaning', 'does'], states)}`,
    `### Events\n\n${table(['event', 'meaning'], said(words.events))}`,
    `### Guards\n\n${table(['guard', 'holds when'], said(words.guards))}`,
  ]
  if (Object.keys(words.delays).length > 0)
    parts.push(`### Delays\n\n${table(['delay', 'length'], said(words.delays))}`)
  return [...parts, `### Every arrow\n\n${arrowTable(machine)}`].join('\n\n')
}

/** Every shortest way to a removal, as the chart itself finds it, and where each answer of an attempt leads. */
function waysSection(): string {
  const ways = waysToRemoval().map(({ setting, steps, confirmedBy }) => [
    setting,
    steps.join(' → '),
    confirmedBy,
  ])
  const [head = [], ...rows] = answersTable()
  return [
    '## Every shortest way to a removal',
    'Found by a search over the chart (`getShortestPaths` of `xstate/graph`), with what its actors answer as events. Each way starts with a scan that judged the container as dangling, and only two events end it as `removed`: the engine confirmed the DELETE, or a DELETE that got no clear answer was followed by a scan that no longer shows the container.',
    table(['container', 'way', 'confirmed by'], ways),
    '### Where each answer leads',
    'A request has no answer where its column is empty. Every way out of an attempt gives its slot back, and all but `gone` lead to a new judgement before the next attempt.',
    table(head, rows),
  ].join('\n\n')
}

/** The whole page. */
export function drawPage(): string {
  return `${[
    '# Statecharts',
    'Drawn from `machines/` by `npm run docs:statecharts`; a test fails when this page is stale. An arrow between the insides of two states is drawn between the states themselves, and its label says where inside it begins and ends. The tables hold every arrow as it is.',
    'Both charts run by themselves: their guards, delays and assignments are pure and part of them, and only their actors have to be provided. So they can be stepped (`initialTransition`, `transition`), searched (`xstate/graph`) and opened in Stately’s editor as they are.',
    '## A container in short',
    `${fence}mermaid\n${pictureOfContainer()}\n${fence}`,
    section('The container', containerMachine, containerWords),
    waysSection(),
    section('The supervisor', supervisorMachine, supervisorWords),
  ].join('\n\n')}\n`
}
