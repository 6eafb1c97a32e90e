import { createHash } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SeekTarget } from './protocol/consumer/channel.ts'

/** Remembers in the connector's folder where a subscription was put, so that it is put there once. */
export class SeekMemory {
  readonly #file: string
  readonly #wanted: string

  constructor(folder: string, subscription: string, seek: string) {
    const name = createHash('sha256').update(subscription).digest('hex').slice(0, 16)
    this.#file = join(folder, `seek-${name}`)
    this.#wanted = seek
  }

  async isDone(): Promise<boolean> {
    try {
      return (await readFile(this.#file, 'utf8')) === this.#wanted
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      return false
    }
  }

  async done(): Promise<void> {
    await writeFile(`${this.#file}.new`, this.#wanted)
    await rename(`${this.#file}.new`, this.#file)
  }
}

/** What a user wrote under `seek`. */
export function seekTarget(text: string): SeekTarget {
  if (text === 'earliest' || text === 'latest') return { kind: text }
  const id = /^(\d+):(\d+)$/.exec(text)
  if (id !== null) return { kind: 'message', ledgerId: BigInt(id[1]!), entryId: BigInt(id[2]!) }
  return { kind: 'time', timeMs: Date.parse(text) }
}
