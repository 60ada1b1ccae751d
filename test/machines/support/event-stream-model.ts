import { setup } from 'xstate'

export type EventStreamEvent =
  | { readonly type: 'a listing comes' }
  | { readonly type: 'the listing fails' }
  | { readonly type: 'the stream ends' }
  | { readonly type: 'the stream breaks' }
  | { readonly type: 'the pause passes' }
  | { readonly type: 'the pause passes, and no stream can be had' }

export type EventStreamState = 'unseen' | 'followed' | 'not followed' | 'out' | 'out, and to be left in peace'

/** Whether a client follows an engine's events, as that engine sees it. */
export const eventStreamModel = setup({ types: { events: {} as EventStreamEvent } }).createMachine({
  id: 'event stream',
  initial: 'unseen',
  states: {
    unseen: { on: { 'a listing comes': 'followed', 'the listing fails': 'out' } },
    followed: {
      on: {
        'a listing comes': 'followed',
        'the listing fails': 'out, and to be left in peace',
        'the stream ends': 'not followed',
        'the stream breaks': 'not followed',
      },
    },
    'not followed': {
      on: {
        'a listing comes': 'not followed',
        'the listing fails': 'out, and to be left in peace',
        'the pause passes': 'followed',
        'the pause passes, and no stream can be had': 'not followed',
      },
    },
    out: { on: { 'a listing comes': 'followed', 'the listing fails': 'out' } },
    'out, and to be left in peace': {
      on: { 'a listing comes': 'not followed', 'the listing fails': 'out, and to be left in peace' },
    },
  },
})
