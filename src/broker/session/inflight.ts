import { Sending } from './exchange.ts'
import type { QueuedMessage } from './kept-message.ts'

/**
 * The packet ids under way to one client. A ring over the ids: an id stands at `id & mask`, ids count up, so that
 * acknowledgements in order, the usual case, find their place at once and nothing is allocated per message.
 */
export class Inflight {
  #mask = 15
  #states = new Uint8Array(16)
  #ids = new Uint16Array(16)
  /** What is sent again to a client that comes back; null for a session that ends with its connection. */
  #held: (QueuedMessage | null)[] = new Array<QueuedMessage | null>(16).fill(null)
  #orders = new Float64Array(16)
  #nextId = 1
  #order = 0
  #count = 0

  /** Ids that are not free. */
  get count(): number {
    return this.#count
  }

  /** Takes the next free id. The caller keeps the count under its limit (at most 65,535). */
  open(state: Sending, held: QueuedMessage | null): number {
    // Half empty, so that the next place is nearly always free.
    if (this.#count * 2 > this.#mask && this.#mask < 0xffff) this.#grow()
    let id = this.#nextId
    while (this.#states[id & this.#mask] !== Sending.free) id = id === 0xffff ? 1 : id + 1
    this.#nextId = id === 0xffff ? 1 : id + 1
    const at = id & this.#mask
    this.#states[at] = state
    this.#ids[at] = id
    this.#orders[at] = this.#order++
    if (held !== null) this.#held[at] = held
    this.#count++
    return id
  }

  stateOf(id: number): Sending {
    const at = id & this.#mask
    return this.#ids[at] === id ? (this.#states[at] as Sending) : Sending.free
  }

  /** Moves an id that is not free to its next state; `free` gives the id back. */
  move(id: number, state: Sending): void {
    const at = id & this.#mask
    this.#states[at] = state
    if (state === Sending.free) {
      this.#held[at] = null
      this.#count--
    } else if (state === Sending.awaitPubcomp) this.#held[at] = null
  }

  heldOf(id: number): QueuedMessage | null {
    return this.#held[id & this.#mask] ?? null
  }

  /** All ids under way, in the order in which they were first sent. [MQTT-4.6.0-1] */
  ids(): number[] {
    const places: number[] = []
    for (let at = 0; at <= this.#mask; at++) if (this.#states[at] !== Sending.free) places.push(at)
    return places.sort((a, b) => this.#orders[a]! - this.#orders[b]!).map((at) => this.#ids[at]!)
  }

  /** Takes QoS 1 messages that wait for their answer out, in the order in which they were first sent. */
  takeUnanswered(isMeant: (item: QueuedMessage) => boolean): QueuedMessage[] {
    const taken: QueuedMessage[] = []
    for (const id of this.ids()) {
      const held = this.heldOf(id)
      if (held === null || this.stateOf(id) !== Sending.awaitPuback || !isMeant(held)) continue
      this.move(id, Sending.free)
      taken.push(held)
    }
    return taken
  }

  #grow(): void {
    const before = { mask: this.#mask, states: this.#states, ids: this.#ids, held: this.#held, orders: this.#orders }
    const capacity = (before.mask + 1) * 2
    this.#mask = capacity - 1
    this.#states = new Uint8Array(capacity)
    this.#ids = new Uint16Array(capacity)
    this.#held = new Array<QueuedMessage | null>(capacity).fill(null)
    this.#orders = new Float64Array(capacity)
    for (let from = 0; from <= before.mask; from++) {
      if (before.states[from] === Sending.free) continue
      const at = before.ids[from]! & this.#mask
      this.#states[at] = before.states[from]!
      this.#ids[at] = before.ids[from]!
      this.#held[at] = before.held[from]!
      this.#orders[at] = before.orders[from]!
    }
  }
}
