import type { AnyStateMachine, AnyStateNode } from 'xstate'

import { containerMachine, supervisorMachine } from '../../../machines/index.ts'
import { type Arrow, arrowsOf, named, nodesOf } from './chart.ts'
import { containerWords, mainArrows, supervisorWords, type Words } from './statecharts-words.ts'

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

/** The whole chart as a Mermaid diagram. Arrows that lead to no other state are in the table only. */
export function diagramOf(machine: AnyStateMachine): string {
  const lines = arrowsOf(machine).flatMap((arrow) => lineFor(arrow) ?? [])
  return ['stateDiagram-v2', ...drawInside(machine.root, lines, '  ')].join('\n')
}

/** The pairs of main states with an arrow between them. */
export function mainPairsOf(machine: AnyStateMachine): readonly string[] {
  const top = (name: string) => name.split('.')[0] ?? ''
  const pairs = arrowsOf(machine).flatMap(({ source, targets }) =>
    targets.map((to) => [top(source), top(to)]),
  )
  return [...new Set(pairs.filter(([from, to]) => from !== to).map((pair) => pair.join(' ')))]
}

/** The container's five main states. */
export function pictureOfContainer(): string {
  const { root } = containerMachine as AnyStateMachine
  const [first] = root.initial.target
  const lines = mainPairsOf(containerMachine).map((pair) => {
    const [from, to] = pair.split(' ')
    return `  ${from} --> ${to} : ${mainArrows[pair] ?? ''}`
  })
  const ends = Object.values(root.states).filter(({ transitions, always, states }) => {
    return transitions.size === 0 && !always && Object.keys(states).length === 0
  })
  const last = ends.map(({ key }) => `  ${key} --> [*]`)
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

/** The whole page. */
export function drawPage(): string {
  return `${[
    '# Statecharts',
    'Drawn from `machines/` by `npm run docs:statecharts`; a test fails when this page is stale. An arrow between the insides of two states is drawn between the states themselves, and its label says where inside it begins and ends. The tables hold every arrow as it is.',
    '## A container in short',
    `${fence}mermaid\n${pictureOfContainer()}\n${fence}`,
    section('The container', containerMachine, containerWords),
    section('The supervisor', supervisorMachine, supervisorWords),
  ].join('\n\n')}\n`
}
