import { readFile, rename, writeFile } from 'node:fs/promises'

/**
 * What the agent knows: the full id of each container that it keeps, with the number of its task. The record on disk is
 * what a restarted agent restores from; until it has been read, `ready()` keeps Flotsam from believing an empty map.
 */
export class Tasks {
  #byId = new Map()
  #file
  #isRestored = false
  #saving = Promise.resolve()

  /** @param {string} file where the record is kept */
  constructor(file) {
    this.#file = file
  }

  /** For Flotsam. */
  ready() {
    return this.#isRestored
  }

  /**
   * For Flotsam.
   *
   * @param {string} id a full container id
   */
  has(id) {
    return this.#byId.has(id)
  }

  /** @returns {ReadonlyMap<string, number>} */
  get byId() {
    return this.#byId
  }

  /** Reads the record. A missing one is that of an agent which starts for the first time; any other fault is thrown. */
  async restore() {
    try {
      const entries = JSON.parse(await readFile(this.#file, 'utf8'))
      for (const [id, number] of entries) this.#byId.set(id, number)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    }
    this.#isRestored = true
  }

  /**
   * Known to Flotsam at once; the promise resolves when the record holds it too.
   *
   * @param {string} id a full container id
   * @param {number} number the task that runs in it
   */
  register(id, number) {
    this.#byId.set(id, number)
    return this.#save()
  }

  /** @param {string} id a full container id */
  release(id) {
    this.#byId.delete(id)
    return this.#save()
  }

  /** One write after the other, each of a new file that takes the old one's place whole. */
  #save() {
    const write = async () => {
      const fresh = `${this.#file}.new`
      await writeFile(fresh, JSON.stringify([...this.#byId]))
      await rename(fresh, this.#file)
    }
    this.#saving = this.#saving.catch(() => {}).then(write)
    return this.#saving
  }
}
