import type { Claims } from './claims.ts'
import type { Slot } from './slots.ts'

export interface RecorderOptions {
  /** Null without a session: then there is nothing to be known later. */
  readonly claims: Claims | null
  /** It is written down that the server has these, in this order. */
  readonly onRecorded: (slots: readonly Slot[]) => void
  readonly onError: (thrown: unknown) => void
}

/**
 * Writes down which messages of QoS 2 the server has, before they are released. One of a connection; while the disk
 * works the next gather, so that one write serves many.
 */
export class Recorder {
  readonly #options: RecorderOptions
  #waiting: Slot[] = []
  #isWriting = false
  #isStopped = false

  constructor(options: RecorderOptions) {
    this.#options = options
  }

  /** The server has said PUBREC; `run` writes it. */
  add(slot: Slot): void {
    this.#waiting.push(slot)
  }

  /** Begins to write what was added, where that is not going on. */
  run(): void {
    if (this.#waiting.length > 0 && !this.#isWriting) void this.#write()
  }

  /** The connection is gone: what is written down still is of use, but nothing is released. */
  stop(): void {
    this.#isStopped = true
  }

  async #write(): Promise<void> {
    const { claims, onError, onRecorded } = this.#options
    this.#isWriting = true
    try {
      while (this.#waiting.length > 0) {
        const slots = this.#waiting
        this.#waiting = []
        if (claims !== null) {
          for (const { packetId } of slots) claims.received(packetId)
          await claims.save(true)
        }
        if (this.#isStopped) return
        onRecorded(slots)
      }
    } catch (thrown) {
      if (!this.#isStopped) onError(thrown)
    } finally {
      this.#isWriting = false
    }
  }
}
