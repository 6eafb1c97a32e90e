import type { TrestleError } from '../../contract/error.ts'
import type { AckWaiter } from '../port.ts'

/** Which packet answers: PUBACK for QoS 1, PUBREC for QoS 2. */
export type AckKind = 1 | 2

/** Writes the answer; called in the order of the publishes. */
export type WriteAnswer = (kind: AckKind, packetId: number, error: TrestleError | null) => void

/** Where it is told, when the connection is gone, what the flow has decided about a QoS 2 message it brought. */
export interface OrphanPort {
  decide(packetId: number, error: TrestleError | null): void
}

/**
 * Lets the answers of one connection leave in the order of its publishes, though the flow settles them in any order.
 * *Source*: MQTT-4.6.0-2, MQTT-4.6.0-3 (they ask for it within PUBACK and within PUBREC; one line for both keeps both).
 *
 * A ring over tokens that count up; nothing is allocated per message. The flow may hold on to it long after the connection
 * is gone (`ack: delivered` with the sink away), so once closed it holds on to nothing that is not needed then.
 */
export class AckOrder implements AckWaiter {
  /** null: the connection is gone. */
  #write: WriteAnswer | null
  #orphans: OrphanPort | null = null
  #mask = 15
  #head = 0
  #tail = 0
  #ids = new Uint16Array(16)
  /** kind, plus `settledFlag` once the answer is known. */
  #kinds = new Uint8Array(16)
  #errors: (TrestleError | null)[] = new Array<TrestleError | null>(16).fill(null)

  constructor(write: WriteAnswer) {
    this.#write = write
  }

  /** Publishes that are not answered yet. */
  get size(): number {
    return this.#tail - this.#head
  }

  /** Those of them of QoS 1. */
  waitingQos1 = 0

  /** Takes a place in the line. Returns the token for `settle`. */
  open(kind: AckKind, packetId: number): number {
    if (this.size > this.#mask) this.#grow()
    const token = this.#tail++
    const at = token & this.#mask
    this.#ids[at] = packetId
    this.#kinds[at] = kind
    if (kind === 1) this.waitingQos1++
    return token
  }

  settle(token: number, error: TrestleError | null): void {
    if (token < this.#head || token >= this.#tail) return
    const at = token & this.#mask
    if ((this.#kinds[at]! & settledFlag) !== 0) return
    this.#kinds[at]! |= settledFlag
    if (error !== null) this.#errors[at] = error
    if (this.#kinds[at] === (2 | settledFlag)) this.#orphans?.decide(this.#ids[at]!, error)
    if (token === this.#head) this.#drain()
  }

  /** The connection is gone: nothing is written any more, but the fate of QoS 2 messages is still told. */
  close(orphans: OrphanPort): void {
    if (this.#write === null) return
    this.#write = null
    // Known, but held back by an earlier one: the client never heard it, the session must know it.
    for (let token = this.#head; token < this.#tail; token++) {
      const at = token & this.#mask
      if (this.#kinds[at] === 2) this.#orphans = orphans
      else if (this.#kinds[at] === (2 | settledFlag)) orphans.decide(this.#ids[at]!, this.#errors[at]!)
    }
  }

  #drain(): void {
    while (this.#head < this.#tail) {
      const at = this.#head & this.#mask
      const kind = this.#kinds[at]!
      if ((kind & settledFlag) === 0) return
      const error = this.#errors[at]!
      this.#errors[at] = null
      this.#head++
      if ((kind & ~settledFlag) === 1) this.waitingQos1--
      this.#write?.((kind & ~settledFlag) as AckKind, this.#ids[at]!, error)
    }
  }

  #grow(): void {
    const capacity = (this.#mask + 1) * 2
    const ids = new Uint16Array(capacity)
    const kinds = new Uint8Array(capacity)
    const errors = new Array<TrestleError | null>(capacity).fill(null)
    for (let token = this.#head; token < this.#tail; token++) {
      const from = token & this.#mask
      const to = token & (capacity - 1)
      ids[to] = this.#ids[from]!
      kinds[to] = this.#kinds[from]!
      errors[to] = this.#errors[from]!
    }
    this.#mask = capacity - 1
    this.#ids = ids
    this.#kinds = kinds
    this.#errors = errors
  }
}

const settledFlag = 0x80
