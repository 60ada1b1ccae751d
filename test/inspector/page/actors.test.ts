import { describe, expect, it } from 'vitest'
import { containerMachine } from '../../../machines/index.ts'
import { Model, type ModelLimits } from '../../../src/inspector/page/model/actors.ts'
import { readMessage } from '../../../src/inspector/page/model/message.ts'
import { frame } from './support/messages.ts'

const definition = JSON.stringify({
  id: 'light',
  initial: 'red',
  states: { red: { on: { go: 'green' } }, green: {} },
})

function modelOf(frames: readonly string[], limits: Partial<ModelLimits> = {}): Model {
  const model = new Model(limits)
  for (const text of frames) {
    const message = readMessage(text)
    if (message) model.apply(message, 5)
    else model.countUnread()
  }
  return model
}

const introduced = (sessionId: string, fields: Readonly<Record<string, unknown>> = {}) =>
  frame.actor({
    sessionId,
    name: `light ${sessionId}`,
    definition,
    createdAt: '100',
    snapshot: { status: 'active', value: 'red' },
    ...fields,
  })

describe('the model', () => {
  it('knows an actor from its introduction', () => {
    const actor = modelOf([introduced('x:0')]).actors.get('x:0')
    expect(actor).toMatchObject({ name: 'light x:0', state: 'red', enteredAt: 100, isIntroduced: true })
    expect(actor?.machine?.id).toBe('light')
  })

  it('shows an actor without an introduction, and keeps its state when that arrives late', () => {
    const early = frame.snapshot('x:1', 'green', { createdAt: '200' })
    expect(modelOf([early]).actors.get('x:1')).toMatchObject({
      name: 'x:1',
      state: 'green',
      isIntroduced: false,
    })
    expect(modelOf([early, introduced('x:1')]).actors.get('x:1')).toMatchObject({
      name: 'light x:1',
      state: 'green',
      enteredAt: 200,
      isIntroduced: true,
    })
  })

  it('accepts children before their parents', () => {
    const model = modelOf([introduced('x:1', { parentId: 'x:0' }), introduced('x:0')])
    expect([...model.actors.keys()]).toEqual(['x:1', 'x:0'])
  })

  it('dates a state from the snapshot that first named it', () => {
    const model = modelOf([
      introduced('x:0'),
      frame.snapshot('x:0', 'red', { createdAt: '150' }),
      frame.snapshot('x:0', 'green', { createdAt: '200' }),
      frame.snapshot('x:0', 'green', { createdAt: '300' }),
    ])
    expect(model.actors.get('x:0')).toMatchObject({ state: 'green', enteredAt: 200 })
  })

  it('does not take the creation of an actor for the start of its state', () => {
    const model = modelOf([
      introduced('x:0', { snapshot: { status: 'active', value: 'green' } }),
      frame.snapshot('x:0', 'green', { createdAt: '900' }),
    ])
    expect(model.actors.get('x:0')?.enteredAt).toBe(900)
  })

  it('shows with an event the state that it led to', () => {
    const { events } = modelOf([
      introduced('x:0'),
      frame.snapshot('x:0', 'red'),
      frame.event('x:0', 'go', { sourceId: 'x:9' }),
      frame.event('x:0', 'other'),
      frame.snapshot('x:0', 'green', { event: { type: 'other' } }),
    ])
    expect(
      events.newestFirst().map(({ event, ledTo, sourceName }) => [event.type, ledTo, sourceName]),
    ).toEqual([
      ['other', undefined, undefined],
      ['go', 'green', 'x:9'],
    ])
  })

  it('keeps the last events only, and counts them all', () => {
    const frames = Array.from({ length: 25 }, (_, index) => frame.event('x:0', `e${index}`))
    const { events } = modelOf(frames, { events: 10 })
    expect(events.added).toBe(25)
    expect(events.newestFirst().map(({ event }) => event.type)).toEqual(
      Array.from({ length: 10 }, (_, index) => `e${24 - index}`),
    )
  })

  it('keeps ended actors for a while, up to the bound', () => {
    const frames = Array.from({ length: 8 }, (_, index) => [
      introduced(`x:${index + 1}`, { parentId: 'x:0' }),
      frame.snapshot(`x:${index + 1}`, 'red', { snapshot: { status: 'stopped', value: 'red' } }),
    ]).flat()
    const { actors } = modelOf([introduced('x:0'), ...frames], { ended: 3 })
    expect([...actors.keys()]).toEqual(['x:0', 'x:6', 'x:7', 'x:8'])
  })

  it('starts over with a system whose root reappears under the same session id', () => {
    const { actors } = modelOf([
      introduced('x:0', { createdAt: '100' }),
      introduced('x:1', { parentId: 'x:0' }),
      introduced('x:0', { createdAt: '900' }),
    ])
    expect([...actors.keys()]).toEqual(['x:0'])
  })

  it('keeps an immutable snapshot of the past', () => {
    const model = modelOf([introduced('x:0')])
    const picture = new Map(model.actors)
    const message = readMessage(frame.snapshot('x:0', 'green'))
    if (message) model.apply(message, 5)
    expect(picture.get('x:0')?.state).toBe('red')
    expect(model.actors.get('x:0')?.state).toBe('green')
  })

  it('counts unreadable messages, and those that the relay left out', () => {
    const model = modelOf(['{', '{"type":"@flotsam.skipped","events":2,"snapshots":3}'])
    expect([model.unread, model.skipped, model.actors.size]).toEqual([1, 5, 0])
  })

  it('reads the machine of 10,000 actors once, and follows all of them', () => {
    const text = JSON.stringify(containerMachine.config)
    const ids = Array.from({ length: 10_000 }, (_, index) => `x:${index}`)
    const { actors } = modelOf([
      ...ids.map((sessionId) => introduced(sessionId, { definition: text, parentId: 'x:root' })),
      ...ids.map((sessionId) => frame.snapshot(sessionId, { classified: 'tracked' })),
    ])
    expect(actors.size).toBe(10_000)
    expect(new Set([...actors.values()].map(({ machine }) => machine)).size).toBe(1)
    expect([...actors.values()].every(({ state }) => state === 'classified.tracked')).toBe(true)
  })
})
