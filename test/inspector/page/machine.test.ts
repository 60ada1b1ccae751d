import { describe, expect, it } from 'vitest'
import { createMachine } from 'xstate'
import { containerMachine, supervisorMachine } from '../../../machines/index.ts'
import { type Machine, readMachine } from '../../../src/inspector/page/model/machine.ts'
import { isTriggeredBy, triggerText } from '../../../src/inspector/page/model/transitions.ts'

const asText = (config: unknown) =>
  JSON.stringify(config, (_key, value: unknown) =>
    typeof value === 'function' ? { type: value.name } : value,
  )

function read(config: unknown): Machine {
  const machine = readMachine(asText(config))
  if (!machine) throw new Error('no machine')
  return machine
}

const arrows = ({ transitions }: Machine) =>
  transitions.map(({ source, targets, trigger, guard }) =>
    [source, trigger, ...(guard === undefined ? [] : [`[${guard}]`]), '->', ...targets].join(' '),
  )

describe('reading a machine', () => {
  it.each([
    ['not JSON', '{'],
    ['a promise, which has no states', '{"id":"x:7"}'],
    ['states that are none', '{"states":[]}'],
    ['no states at all', '{"states":{}}'],
    ['null', 'null'],
  ])('finds none in %s', (_what, definition) => {
    expect(readMachine(definition)).toBeUndefined()
  })

  it('survives nonsense in every field', () => {
    const machine = read({
      id: 7,
      initial: 4,
      states: { a: null, b: { on: 'x', always: [null, 3], after: [1], invoke: 'y', states: 7, type: 3 } },
    })
    expect([...machine.states.keys()]).toEqual(['', 'a', 'b'])
    expect(machine.transitions).toEqual([])
  })

  it.each([
    ['#m', ''],
    ['#m.a.b', 'a.b'],
    ['#own', 'c'],
    ['#own.d', 'c.d'],
    ['#dotted.id', 'c.e'],
    ['c', 'c'],
    ['c.d', 'c.d'],
    ['.b', 'a.b'],
  ])('finds the target %s', (target, path) => {
    const machine = read({
      id: 'm',
      initial: 'a',
      states: {
        a: { on: { go: target }, initial: 'b', states: { b: {} } },
        c: { id: 'own', initial: 'd', states: { d: {}, e: { id: 'dotted.id' } } },
      },
    })
    expect(machine.transitions.map(({ targets }) => targets)).toEqual([[path]])
  })

  it('leaves out a missing target, and keeps action-only transitions beside the arrows', () => {
    const { transitions, states } = read({
      id: 'm',
      initial: 'a',
      states: { a: { on: { lost: 'nowhere', note: { actions: 'write' } } } },
    })
    expect(transitions).toEqual([])
    expect(states.get('a')?.inner.map(({ trigger, actions }) => [trigger, actions])).toEqual([
      ['lost', []],
      ['note', ['write']],
    ])
  })

  it('describes every kind of transition in words', () => {
    const machine = read({
      id: 'm',
      initial: 'a',
      states: {
        a: {
          always: [{ guard: 'isSoon', target: 'b' }],
          after: { 2000: 'b', 250: 'b', patience: 'b' },
          invoke: [
            { id: 'call', src: 'call', onDone: 'b', onError: 'b' },
            { src: 'other', onDone: 'b' },
          ],
          on: { '*': 'b', go: [{ guard: { type: 'isFar' }, target: 'b' }] },
          onDone: 'b',
          initial: 'in',
          states: { in: { type: 'final' } },
        },
        b: {},
      },
    })
    expect(arrows(machine).toSorted()).toEqual(
      [
        'a always [isSoon] -> b',
        'a after 250 ms -> b',
        'a after 2 s -> b',
        'a after patience -> b',
        'a done call -> b',
        'a error call -> b',
        'a done invoke -> b',
        'a any event -> b',
        'a go [isFar] -> b',
        'a done -> b',
      ].toSorted(),
    )
    expect(machine.states.get('a')?.invokes).toEqual(['call', 'other'])
  })

  it.each([
    ['container', containerMachine],
    ['supervisor', supervisorMachine],
  ])('reads the %s the same from its configuration and from its definition', (_name, machine) => {
    const ofConfig = read(machine.config)
    const ofDefinition = read(machine.definition)
    // XState's own definition leaves transitions without an event out
    const onEvents = ({ transitions }: Machine) =>
      new Set(
        transitions
          .filter(({ event }) => event !== '')
          .map(({ source, targets }) => `${source} -> ${targets.join()}`),
      )
    expect([...ofDefinition.states.keys()]).toEqual([...ofConfig.states.keys()])
    expect(onEvents(ofDefinition).size).toBeGreaterThan(9)
    expect(onEvents(ofDefinition)).toEqual(onEvents(ofConfig))
  })

  it.each([
    ['container', containerMachine],
    ['supervisor', supervisorMachine],
  ])('knows every state and every arrow that XState itself knows of the %s', (_name, machine) => {
    const { states, transitions } = read(machine.config)
    const known = new Set<string>()
    const arrowsOfXState = new Set<string>()
    const pathOf = ({ path }: { readonly path: readonly string[] }) => path.join('.')
    const visit = (node: (typeof machine)['root']): void => {
      known.add(pathOf(node))
      for (const list of [...node.transitions.values(), node.always ?? []]) {
        for (const { target } of list) {
          for (const one of target ?? []) arrowsOfXState.add(`${pathOf(node)} -> ${pathOf(one)}`)
        }
      }
      for (const child of Object.values(node.states)) visit(child as (typeof machine)['root'])
    }
    visit(machine.root)
    expect(new Set(states.keys())).toEqual(known)
    expect(
      new Set(transitions.flatMap(({ source, targets }) => targets.map((one) => `${source} -> ${one}`))),
    ).toEqual(arrowsOfXState)
  })

  it('knows initial states, regions and histories', () => {
    const { states, root } = read(
      createMachine({
        id: 'm',
        type: 'parallel',
        states: {
          one: { initial: 'a', states: { a: {}, back: { type: 'history' } } },
          two: { initial: 'z', states: { z: { type: 'final' } } },
        },
      }).config,
    )
    expect(root.kind).toBe('parallel')
    expect(root.initial).toEqual(['one', 'two'])
    expect(states.get('one')?.initial).toEqual(['one.a'])
    expect(states.get('one.back')?.kind).toBe('history')
    expect(states.get('two.z')?.kind).toBe('final')
  })
})

describe('events', () => {
  it.each([
    ['go', 'go', true],
    ['go', 'stop', false],
    ['*', 'whatever', true],
    ['mouse.*', 'mouse.move.left', true],
    ['mouse.*', 'mouse', true],
    ['mouse.*', 'mousetrap', false],
  ])('the pattern %s and the event %s: %s', (pattern, event, is) => {
    expect(isTriggeredBy(pattern, event)).toBe(is)
  })

  it.each([
    ['xstate.done.actor.scan', 'done scan'],
    ['xstate.error.actor.0.m.a', 'error invoke'],
    ['xstate.after.1500.m.a', 'after 1.5 s'],
    ['xstate.after.untilNextScan.supervisor.running.scanning.idle', 'after untilNextScan'],
    ['xstate.init', 'start'],
    ['', 'always'],
  ])('%s is described as "%s"', (event, words) => {
    expect(triggerText(event)).toBe(words)
  })
})
