/**
 * Calls between two processes, in both directions, each with its own functions. `port` is a child process, or `process`
 * itself in the child.
 */
export function talk(port, answers = {}) {
  const waiting = new Map()
  let asked = 0
  const send = (message) => port.connected && port.send(message)
  port.on('message', async ({ ask, args, to, value, failure }) => {
    if (ask === undefined) {
      const { resolve, reject } = waiting.get(to)
      waiting.delete(to)
      return failure === undefined ? resolve(value) : reject(new Error(failure))
    }
    try {
      send({ to, value: await answers[ask](...args) })
    } catch (error) {
      send({ to, failure: error.stack })
    }
  })
  return {
    ask: (name, ...args) =>
      new Promise((resolve, reject) => {
        waiting.set(++asked, { resolve, reject })
        send({ ask: name, args, to: asked })
      }),
    fail(error) {
      for (const { reject } of waiting.values()) reject(error)
      waiting.clear()
    },
  }
}
