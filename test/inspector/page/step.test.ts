import { describe, expect, it } from 'vitest'
import { containerMachine, supervisorMachine } from '../../../machines/index.ts'
import { readMachine } from '../../../src/inspector/page/model/machine.ts'
import { explain } from '../../../src/inspector/page/model/step.ts'

function reported(
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
  const attempting = (request: string, slot = 'taken') => ({ removing: { attempting: { slot, request } } })
  const running = (engine: unknown, verdicts: string, scanning: unknown = 'scan') => ({
    running: { scanning, engine, verdicts, tracker: 'silent' },
  })

  it('finds the one that an event leads through', () => {
    expect(
      reported(containerMachine, { classified: 'queued' }, attempting('askingHook'), ['admitted']),
    ).toEqual({
      arrows: [
        'classified.queued -admitted-> removing',
        'removing.attempting.request.choosing -always-> removing.attempting.request.askingHook',
      ],
      event: 'admitted',
    })
  })

  it('passes through states that are left at once', () => {
    expect(reported(containerMachine, { graced: 'due' }, { classified: 'tracked' }, ['judged'])).toEqual({
      arrows: ['graced -judged-> classified', 'classified.sorting -always-> classified.tracked'],
      event: 'judged',
    })
  })

  it('finds how an actor came to its first state', () => {
    expect(
      reported(supervisorMachine, undefined, running('unknown', 'none'), ['xstate.init']).arrows,
    ).toEqual(['starting -always-> running'])
  })

  it('picks, of several events that arrived together, the one that mattered', () => {
    const down = running('down', 'none')
    const up = running({ up: 'eventsDisabled' }, 'none')
    expect(reported(supervisorMachine, down, up, ['engine.listed', 'recovered']).event).toBe('engine.listed')
  })

  it('finds the one of each region that an event leads through', () => {
    const down = running('down', 'held')
    const up = running({ up: 'resting' }, 'recovering')
    expect(reported(supervisorMachine, down, up, ['engine.listed']).arrows.toSorted()).toEqual([
      'running.engine.down -engine.listed-> running.engine.up',
      'running.engine.up.choosing -always-> running.engine.up.resting',
      'running.verdicts.held -engine.listed-> running.verdicts.recovering',
    ])
  })

  it('keeps one region unchanged while events change another', () => {
    const before = running({ up: 'resting' }, 'none', { idle: { resting: 'waiting' } })
    const after = running('down', 'held', { idle: { resting: 'requested' } })
    expect(
      reported(supervisorMachine, before, after, ['engine.failed', 'scan.requested']).arrows.toSorted(),
    ).toEqual([
      'running.engine -engine.failed-> running.engine.down',
      'running.scanning.idle.resting.waiting -scan.requested-> running.scanning.idle.resting.requested',
      'running.verdicts -engine.failed-> running.verdicts.held',
    ])
  })

  it('an answer in one region of an attempt ends all of it', () => {
    expect(
      reported(containerMachine, attempting('deleting', 'overdue'), { removing: { backingOff: 'quick' } }, [
        'xstate.done.actor.removal',
      ]).arrows,
    ).toContain('removing.backingOff.choosing -always-> removing.backingOff.quick')
  })

  it('follows several events that arrived together, through a state with one fitting exit', () => {
    expect(
      reported(containerMachine, { graced: 'due' }, attempting('deleting'), ['judged', 'admitted']),
    ).toEqual({
      arrows: [
        'graced -judged-> classified',
        'classified.sorting -always-> classified.queued',
        'classified.queued -admitted-> removing',
        'removing.attempting.request.choosing -always-> removing.attempting.request.deleting',
      ],
      event: 'admitted',
    })
  })

  it('explains nothing when nothing fits', () => {
    expect(reported(containerMachine, { graced: 'waiting' }, 'gone', ['weather'])).toEqual({
      arrows: [],
      event: undefined,
    })
  })
})
