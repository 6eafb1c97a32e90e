import type { BufferSettings } from '../bridge/boundary.ts'
import type { FullBuffers } from '../flow/full-buffers.ts'
import { readOwed } from '../journal/tail.ts'
import { readSettled } from '../outbox/settled-cells.ts'

/** While a buffer is full: until someone sees that it has room again. */
const lookAgainMs = 20

interface Buffer extends BufferSettings {
  readonly name: string
  /** Its sink's place in the journal's tail. */
  readonly slot: number
}

/**
 * Watches how much each sink is owed, and tells the flow which of them are full. Looked at when the journal has committed
 * and, while one is full, now and then: a message costs nothing, and a buffer goes over its limit by about one commit.
 * `drop-oldest` is the connector thread's to keep, which has what it drops.
 */
export class Buffers {
  readonly #tail: SharedArrayBuffer
  readonly #settled: SharedArrayBuffer
  readonly #flow: { full: FullBuffers | null }
  #buffers: Buffer[] = []
  #timer: NodeJS.Timeout | null = null

  constructor(tail: SharedArrayBuffer, settled: SharedArrayBuffer, flow: { full: FullBuffers | null }) {
    this.#tail = tail
    this.#settled = settled
    this.#flow = flow
  }

  add(name: string, slot: number, settings: BufferSettings): void {
    this.remove(name)
    if (slot >= 0 && settings.whenFull !== 'drop-oldest') this.#buffers.push({ name, slot, ...settings })
  }

  remove(name: string): void {
    this.#buffers = this.#buffers.filter((buffer) => buffer.name !== name)
  }

  look(): void {
    let full: Map<string, BufferSettings> | null = null
    for (const buffer of this.#buffers) {
      const owedBytes = readOwed(this.#tail, buffer.slot).bytes - readSettled(this.#settled, buffer.slot)
      if (owedBytes >= buffer.maxBytes) full = (full ?? new Map()).set(buffer.name, buffer)
    }
    this.#flow.full = full
    if (full !== null) this.#timer ??= setTimeout(() => this.#again(), lookAgainMs)
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#buffers = []
    this.#flow.full = null
  }

  #again(): void {
    this.#timer = null
    this.look()
  }
}
