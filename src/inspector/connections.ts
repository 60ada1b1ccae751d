import type { Socket } from 'node:net'

/** Far more than browsers open to one address. With one more, the oldest is closed, so that a page can always be opened. */
export const mostWithoutTab = 64
/** For a client that reads a refusal before it closes. */
const refusalMs = 500

/** Every connection of the server, so that each ends: also one that Node's server has handed over for an upgrade. */
export class Connections {
  readonly #open = new Set<Socket>()
  /** Those that are no tab, with the oldest first. A client of these need not have the token. */
  readonly #withoutTab = new Set<Socket>()

  get count(): number {
    return this.#open.size
  }

  add(socket: Socket): void {
    this.#open.add(socket)
    this.#withoutTab.add(socket)
    socket.unref()
    socket.once('close', () => {
      this.#open.delete(socket)
      this.#withoutTab.delete(socket)
    })
    if (this.#withoutTab.size <= mostWithoutTab) return
    const [oldest] = this.#withoutTab
    oldest?.destroy()
  }

  becameTab(socket: Socket): void {
    this.#withoutTab.delete(socket)
  }

  /** Sends the last text and closes the connection, whether or not the client closes its side. */
  endWith(text: string, socket: Socket): void {
    socket.resume()
    socket.end(text)
    const limit = setTimeout(() => socket.destroy(), refusalMs).unref()
    socket.once('close', () => clearTimeout(limit))
  }

  destroyAll(): void {
    for (const socket of this.#open) socket.destroy()
  }
}
