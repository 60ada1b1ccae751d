import { readFile, rename, writeFile } from 'node:fs/promises'

/**
 * What the agent tracks: the full id of each of its containers, with the number of its task. A restarted agent restores
 * this from the record on disk. Until that has been read, `ready()` keeps Flotsam from trusting an empty map.
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

  /** Reads the record. It is missing where an agent starts for the first time; any other error is thrown. */
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
   * Tracked at once; the promise resolves when the record on disk has it too.
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

  /** One write at a time, each of a new file that replaces the old one completely. */
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
