import { assign, setup } from 'xstate'

export type HealthEvent =
  | { readonly type: 'start' }
  | { readonly type: 'a listing comes' }
  | { readonly type: 'the listing fails' }
  | { readonly type: 'the scan breaks' }
  | { readonly type: 'the next scan is due' }
  | { readonly type: 'a scan is requested' }
  | { readonly type: 'the process stalls' }
  | { readonly type: 'the agent stops it' }
  | { readonly type: 'the DELETE is answered' }
  | { readonly type: 'the DELETE fails, and another client removes it' }
  | { readonly type: 'the settle time passes' }

export type HealthState =
  | 'not begun'
  | 'first scan'
  | 'waiting after a broken scan'
  | 'scanning while up'
  | 'waiting while up'
  | 'scanning while down'
  | 'waiting while down'
  | 'settling'
  | 'stopped'

interface Facts {
  /** A leaked container is there, and it dangles. */
  readonly hasLeak: boolean
  readonly isDeleteOut: boolean
  /** After an outage or a stall nothing is removed for a while. */
  readonly isRecovering: boolean
}

/** One engine and one watcher of it, as seen from outside: scans that come back or do not, and an end. */
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
        'the DELETE fails, and another client removes it': { guard: 'isDeleteOut', actions: 'forgetLeak' },
      },
      initial: 'first scan',
      states: {
        'first scan': {
          on: {
            'a listing comes': { target: 'waiting while up', actions: 'removeLeak' },
            'the listing fails': { target: 'waiting while down', actions: 'recover' },
            'the scan breaks': 'waiting after a broken scan',
          },
        },
        'waiting after a broken scan': {
          on: { 'the next scan is due': 'first scan', 'a scan is requested': 'first scan' },
        },
        'scanning while up': {
          on: {
            'a listing comes': { target: 'waiting while up', actions: 'removeLeak' },
            'the listing fails': { target: 'waiting while down', actions: 'recover' },
            'the scan breaks': 'waiting while up',
          },
        },
        'waiting while up': {
          on: {
            'the next scan is due': { target: 'scanning while up', actions: 'recovered' },
            'the process stalls': { actions: 'recover' },
            'a scan is requested': 'scanning while up',
          },
        },
        'scanning while down': {
          on: {
            'a listing comes': { target: 'waiting while up', actions: 'removeLeak' },
            'the listing fails': 'waiting while down',
            'the scan breaks': 'waiting while down',
          },
        },
        'waiting while down': {
          on: {
            'the next scan is due': 'scanning while down',
            'a scan is requested': 'scanning while down',
          },
        },
      },
    },
    settling: {
      on: {
        'the DELETE is answered': 'stopped',
        'the DELETE fails, and another client removes it': 'stopped',
        'the settle time passes': 'stopped',
      },
    },
    stopped: { type: 'final' },
  },
})
