import { assign, setup } from 'xstate'

export type HealthEvent =
  | { readonly type: 'start' }
  | { readonly type: 'a listing comes' }
  | { readonly type: 'the listing fails' }
  | { readonly type: 'the look breaks' }
  | { readonly type: 'the next look is due' }
  | { readonly type: 'somebody asks for a look' }
  | { readonly type: 'the agent stops it' }
  | { readonly type: 'the DELETE is answered' }
  | { readonly type: 'the DELETE fails, and somebody else removes it' }
  | { readonly type: 'the settle time passes' }

export type HealthState =
  | 'not begun'
  | 'first look'
  | 'waiting after a broken look'
  | 'looking while up'
  | 'waiting while up'
  | 'looking while down'
  | 'waiting while down'
  | 'settling'
  | 'stopped'

interface Facts {
  /** A leaked container is there, and it dangles. */
  readonly hasLeak: boolean
  readonly isDeleteOut: boolean
  /** After an outage nothing is removed for a while. */
  readonly isRecovering: boolean
}

/** One engine and one watcher of it, as seen from outside: looks that come back or do not, and an end. */
export const healthModel = setup({
  types: { context: {} as Facts, events: {} as HealthEvent },
  actions: {
    removeLeak: assign(({ context }) => ({
      isDeleteOut: context.isDeleteOut || (context.hasLeak && !context.isRecovering),
    })),
    recover: assign({ isRecovering: true }),
    recovered: assign({ isRecovering: false }),
    forgetLeak: assign({ hasLeak: false, isDeleteOut: false }),
  },
  guards: {
    isDeleteOut: ({ context }) => context.isDeleteOut,
  },
}).createMachine({
  id: 'health',
  context: { hasLeak: true, isDeleteOut: false, isRecovering: false },
  initial: 'not begun',
  states: {
    'not begun': { on: { start: 'watching' } },
    watching: {
      on: {
        'the agent stops it': [{ guard: 'isDeleteOut', target: 'settling' }, { target: 'stopped' }],
        'the DELETE is answered': { guard: 'isDeleteOut', actions: 'forgetLeak' },
        'the DELETE fails, and somebody else removes it': { guard: 'isDeleteOut', actions: 'forgetLeak' },
      },
      initial: 'first look',
      states: {
        'first look': {
          on: {
            'a listing comes': { target: 'waiting while up', actions: 'removeLeak' },
            'the listing fails': { target: 'waiting while down', actions: 'recover' },
            'the look breaks': 'waiting after a broken look',
          },
        },
        'waiting after a broken look': {
          on: { 'the next look is due': 'first look', 'somebody asks for a look': 'first look' },
        },
        'looking while up': {
          on: {
            'a listing comes': { target: 'waiting while up', actions: 'removeLeak' },
            'the listing fails': { target: 'waiting while down', actions: 'recover' },
            'the look breaks': 'waiting while up',
          },
        },
        'waiting while up': {
          on: {
            'the next look is due': { target: 'looking while up', actions: 'recovered' },
            'somebody asks for a look': 'looking while up',
          },
        },
        'looking while down': {
          on: {
            'a listing comes': { target: 'waiting while up', actions: 'removeLeak' },
            'the listing fails': 'waiting while down',
            'the look breaks': 'waiting while down',
          },
        },
        'waiting while down': {
          on: {
            'the next look is due': 'looking while down',
            'somebody asks for a look': 'looking while down',
          },
        },
      },
    },
    settling: {
      on: {
        'the DELETE is answered': 'stopped',
        'the DELETE fails, and somebody else removes it': 'stopped',
        'the settle time passes': 'stopped',
      },
    },
    stopped: { type: 'final' },
  },
})
