/** What a chain needs to know of its members. */
export interface Chained {
  readonly ordinal: number
  /** The chain it is in. */
  chain: unknown
}

/**
 * The deliveries of one order key behind one that must be sent again, oldest first. A key without trouble has no
 * chain: only those in trouble cost memory and look-ups.
 */
export class OrderChain<T extends Chained> {
  readonly key: string
  /** When its first may be sent again. *Unit*: ms since the epoch. */
  dueMs = 0
  /** Failures in a row without a delivery between. */
  failures = 0
  /** When the first of these failures was. *Unit*: ms since the epoch. */
  failingSinceMs = 0
  /** Its first deliveries are with the sink now. */
  sent = false
  #queue: T[] = []
  #first = 0

  constructor(key: string) {
    this.key = key
  }

  get size(): number {
    return this.#queue.length - this.#first
  }

  at(place: number): T | undefined {
    return this.#queue[this.#first + place]
  }

  /** Puts a delivery in its place by ordinal; nearly always the end. */
  insert(held: T): void {
    const member: Chained = held
    member.chain = this
    const queue = this.#queue
    let place = queue.length
    while (place > this.#first && queue[place - 1]!.ordinal > held.ordinal) place--
    if (place === queue.length) queue.push(held)
    else queue.splice(place, 0, held)
  }

  /** Takes a delivery out; nearly always the first. */
  remove(held: T): void {
    const member: Chained = held
    member.chain = null
    if (this.#queue[this.#first] !== held) {
      const place = this.#queue.indexOf(held, this.#first)
      if (place >= 0) this.#queue.splice(place, 1)
      return
    }
    this.#first++
    if (this.#first < 64 || this.#first * 2 < this.#queue.length) return
    this.#queue = this.#queue.slice(this.#first)
    this.#first = 0
  }
}
