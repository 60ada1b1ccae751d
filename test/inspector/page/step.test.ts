import { describe, expect, it } from 'vitest'

import { containerMachine, supervisorMachine } from '../../../machines/index.ts'
import { readMachine } from '../../../src/inspector/page/model/machine.ts'
import { explain } from '../../../src/inspector/page/model/step.ts'

function told(
  machine: { readonly config: object },
  before: unknown,
  after: unknown,
  events: readonly string[],
) {
  const read = readMachine(
    JSON.stringify(machine.config, (_key, value: unknown) => (typeof value === 'function' ? 'f' : value)),
  )
  if (!read) throw new Error('no machine')
  const { taken, eventAt } = explain(read, before, after, events)
  const arrows = read.transitions
    .filter(({ id }) => taken.has(id))
    .map(({ source, targets, trigger }) => `${source} -${trigger}-> ${targets.join()}`)
  return { arrows, event: eventAt === undefined ? undefined : events[eventAt] }
}

describe('which transitions were taken', () => {
  it('finds the one that an event leads through', () => {
    expect(
      told(containerMachine, { classified: 'queued' }, { removing: 'consulting' }, ['admitted']),
    ).toEqual({
      arrows: ['classified.queued -admitted-> removing', 'removing.starting -always-> removing.consulting'],
      event: 'admitted',
    })
  })

  it('goes through states that are left at once', () => {
    expect(told(containerMachine, 'graced', { classified: 'tracked' }, ['judged'])).toEqual({
      arrows: ['graced -judged-> classified', 'classified.sorting -always-> classified.tracked'],
      event: 'judged',
    })
  })

  it('finds how an actor came to its first state', () => {
    expect(told(containerMachine, undefined, 'graced', ['xstate.init']).arrows).toEqual([
      'discovered -always-> graced',
    ])
  })

  it('tells, of several events that came together, the one that mattered', () => {
    const down = { running: { looking: 'idle', health: 'down' } }
    const up = { running: { looking: 'idle', health: { up: 'unhearing' } } }
    expect(told(supervisorMachine, down, up, ['engineAnswered', 'troubleOver']).event).toBe('engineAnswered')
  })

  it('follows several events that came together, through a state that was left to the one side that fits', () => {
    expect(told(containerMachine, 'graced', { removing: 'deleting' }, ['judged', 'admitted'])).toEqual({
      arrows: [
        'graced -judged-> classified',
        'classified.sorting -always-> classified.queued',
        'classified.queued -admitted-> removing',
        'removing.starting -always-> removing.deleting',
      ],
      event: 'admitted',
    })
  })

  it('explains nothing where nothing fits', () => {
    expect(told(containerMachine, 'graced', 'gone', ['weather'])).toEqual({ arrows: [], event: undefined })
  })
})
