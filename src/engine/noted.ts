import type { Engine } from './port.ts'

/** Wraps an engine, so that `note` is called with each call's promise; except for the event stream, which has no end. */
export function noteCalls(engine: Engine, note: (call: Promise<unknown>) => void): Engine {
  const noted = <T>(call: Promise<T>): Promise<T> => {
    note(call)
    return call
  }
  return {
    address: engine.address,
    list: (call) => noted(engine.list(call)),
    info: (call) => noted(engine.info(call)),
    identity: (call) => noted(engine.identity(call)),
    imageLabels: (image, call) => noted(engine.imageLabels(image, call)),
    inspect: (id, call) => noted(engine.inspect(id, call)),
    shares: (id, call) => noted(engine.shares(id, call)),
    unpausedWithin: (period, call) => noted(engine.unpausedWithin(period, call)),
    events: (call) => engine.events(call),
    remove: (id, call) => noted(engine.remove(id, call)),
    stop: (id, call) => noted(engine.stop(id, call)),
    unpause: (id, call) => noted(engine.unpause(id, call)),
  }
}
