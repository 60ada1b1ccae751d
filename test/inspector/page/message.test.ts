import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readMessage } from '../../../src/inspector/page/model/message.ts'
import { frame } from './support/messages.ts'

describe('reading a frame', () => {
  it.each([
    ['', 'nothing'],
    ['{', 'half of a JSON'],
    ['null', 'null'],
    ['[]', 'a list'],
    ['"@xstate.actor"', 'a text'],
    ['{"type":"@xstate.actor"}', 'no session'],
    ['{"type":"@xstate.microstep","sessionId":"x:0"}', 'another type'],
    ['{"type":"@xstate.event","sessionId":"x:0"}', 'an event without its event'],
    ['{"type":"@xstate.event","sessionId":"x:0","event":{"type":7}}', 'an event whose type is no text'],
    ['{"type":"@xstate.snapshot","sessionId":7}', 'a session that is no text'],
  ])('leaves alone what is no message of the protocol: %s (%s)', (text) => {
    expect(readMessage(text)).toBeUndefined()
  })

  it('never throws, whatever arrives', () => {
    const anything = fc.record({
      type: fc.constantFrom('@xstate.actor', '@xstate.event', '@xstate.snapshot', '@flotsam.skipped'),
      sessionId: fc.oneof(fc.string(), fc.anything()),
      createdAt: fc.anything(),
      snapshot: fc.anything(),
      event: fc.anything(),
      definition: fc.anything(),
    })
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.jsonValue(), anything), (value) => {
        const message = readMessage(JSON.stringify(value) ?? '')
        expect(message === undefined || typeof message.type === 'string').toBe(true)
      }),
    )
  })

  it('tolerates missing fields, and ignores unknown ones', () => {
    expect(readMessage('{"type":"@xstate.actor","sessionId":"x:0","colour":"red"}')).toEqual({
      type: '@xstate.actor',
      sessionId: 'x:0',
      rootId: undefined,
      createdAt: undefined,
      name: undefined,
      parentId: undefined,
      definition: undefined,
      snapshot: {
        status: 'active',
        value: undefined,
        context: undefined,
        output: undefined,
        error: undefined,
      },
    })
  })

  it.each([
    ['1700000000000', 1_700_000_000_000],
    [1_700_000_000_000, 1_700_000_000_000],
    ['2023-11-14T22:13:20.000Z', 1_700_000_000_000],
    ['yesterday', undefined],
    [null, undefined],
  ])('reads the moment %j', (createdAt, moment) => {
    expect(readMessage(frame.event('x:0', 'go', { createdAt }))).toMatchObject({ createdAt: moment })
  })

  it('treats an unknown status as a live actor', () => {
    const text = frame.snapshot('x:0', 'a', { snapshot: { status: 'dreaming', value: 'a' } })
    expect(readMessage(text)).toMatchObject({ snapshot: { status: 'active', value: 'a' } })
  })

  it("reads the relay's count of messages that it left out", () => {
    expect(readMessage('{"type":"@flotsam.skipped","events":3,"snapshots":4,"createdAt":"7"}')).toEqual({
      type: '@flotsam.skipped',
      events: 3,
      snapshots: 4,
    })
  })
})
