import { type FSWatcher, watch } from 'node:fs'
import { mkdir } from 'node:fs/promises'

/** Editors and copies touch a file several times; what they do within this time is one change. */
const settleMs = 300

/**
 * Calls `onChange` when something in the folders has changed and come to rest. One that is not there is made, so that it
 * can be watched. *Errors*: `onError` for what can no longer be watched.
 */
export class FolderWatch {
  readonly #watchers: FSWatcher[] = []
  readonly #onChange: () => void
  #timer: NodeJS.Timeout | null = null

  static async over(
    folders: readonly string[],
    onChange: () => void,
    onError: (error: Error) => void,
  ): Promise<FolderWatch> {
    const made = new FolderWatch(onChange)
    for (const folder of folders) {
      await mkdir(folder, { recursive: true })
      const watcher = watch(folder, { recursive: true, persistent: false }, () => made.#note())
      made.#watchers.push(watcher.on('error', onError))
    }
    return made
  }

  private constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    for (const watcher of this.#watchers) watcher.close()
  }

  #note(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#onChange()
    }, settleMs)
  }
}
