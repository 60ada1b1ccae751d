/** Frames as a relay sends them. */
export const frame = {
  actor: (fields: Readonly<Record<string, unknown>>) =>
    JSON.stringify({ type: '@xstate.actor', rootId: 'x:0', snapshot: { status: 'active' }, ...fields }),
  event: (sessionId: string, type: string, fields: Readonly<Record<string, unknown>> = {}) =>
    JSON.stringify({ type: '@xstate.event', sessionId, rootId: 'x:0', event: { type }, ...fields }),
  snapshot: (sessionId: string, value: unknown, fields: Readonly<Record<string, unknown>> = {}) =>
    JSON.stringify({
      type: '@xstate.snapshot',
      sessionId,
      rootId: 'x:0',
      event: { type: '' },
      snapshot: { status: 'active', value },
      ...fields,
    }),
}
