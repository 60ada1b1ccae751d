import { type ActorRefFrom, assign, createActor, type InspectionEvent, setup } from 'xstate'

/** A machine that has nothing to do with containers: regions, states in states, a delay, guards. */
export const playerMachine = setup({
  types: { context: {} as { plays: number } },
  actions: { countPlay: assign({ plays: ({ context }) => context.plays + 1 }) },
}).createMachine({
  id: 'player',
  type: 'parallel',
  context: { plays: 0 },
  states: {
    track: {
      initial: 'paused',
      states: {
        paused: { on: { PLAY: { target: 'playing', actions: 'countPlay' } } },
        playing: {
          initial: 'buffering',
          on: { STOP: 'paused' },
          states: {
            buffering: { on: { READY: 'sounding' } },
            sounding: { after: { 3_600_000: 'buffering' } },
          },
        },
      },
    },
    volume: {
      initial: 'normal',
      states: { normal: { on: { MUTE: 'muted' } }, muted: { on: { MUTE: 'normal' } } },
    },
  },
})

const lampMachine = setup({}).createMachine({
  id: 'lamp',
  initial: 'off',
  states: { off: { on: { toggle: 'on' } }, on: { on: { toggle: 'off' } } },
})

export type Lamp = ActorRefFrom<typeof lampMachine>

/** So many lamps in one system, named `lamp-0` and on. */
export function hangLamps(
  count: number,
  inspect: (event: InspectionEvent) => void,
): { readonly lamps: readonly Lamp[]; stop(): void } {
  const hall = setup({
    types: { context: {} as { lamps: Lamp[] } },
    actors: { lamp: lampMachine },
  }).createMachine({
    id: 'hall',
    context: ({ spawn }) => ({
      lamps: Array.from({ length: count }, (_, index) => spawn('lamp', { id: `lamp-${index}` })),
    }),
  })
  const root = createActor(hall, { inspect })
  root.start()
  return { lamps: root.getSnapshot().context.lamps, stop: () => void root.stop() }
}
