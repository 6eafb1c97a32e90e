/** Bytes that all consumers of a subscription together may hold, and how large their messages are by experience. */
export class ByteBudget {
  readonly maxBytes: number
  usedBytes = 0
  /** Before the first message nobody knows; a wrong guess costs one short round. */
  #meanBytes = 16_384

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  take(count: number, sizeBytes: number): void {
    this.usedBytes += sizeBytes
    const mean = sizeBytes / count
    // Large messages count at once, small ones with time: memory is what is bounded.
    this.#meanBytes = mean > this.#meanBytes ? mean : this.#meanBytes * 0.9 + mean * 0.1
  }

  free(sizeBytes: number): void {
    this.usedBytes -= sizeBytes
  }

  /** Permits were given for smaller messages than came: nothing more may be read. */
  get isOverrun(): boolean {
    return this.usedBytes > 2 * this.maxBytes
  }

  /** How many more messages have room. */
  room(): number {
    return Math.floor((this.maxBytes - this.usedBytes) / Math.max(64, this.#meanBytes))
  }
}

/**
 * The flow permits of one consumer: what it may still be sent, and what it was sent and has not settled, are together
 * never more than its share.
 *
 * *Shape*: a broker sends batches whole, so `permits` may become negative; the next grant makes up for it.
 */
export class FlowWindow {
  /** Messages the broker may still send. */
  permits = 0
  /** Messages that were sent and are not settled. */
  held = 0
  share: number
  readonly #budget: ByteBudget

  constructor(share: number, budget: ByteBudget) {
    this.share = share
    this.#budget = budget
  }

  /** A new subscription of this consumer begins without permits. */
  restart(): void {
    this.permits = 0
  }

  /** An entry came: `sent` messages by the broker's count, of which `kept` are handed on. */
  receive(sent: number, kept: number, sizeBytes: number): void {
    this.permits -= sent
    this.held += kept
    if (kept > 0) this.#budget.take(kept, sizeBytes)
  }

  settle(count: number, sizeBytes: number): void {
    this.held -= count
    this.#budget.free(sizeBytes)
  }

  /** Permits to give now; 0 while it is not worth a frame, or there is no room. */
  grant(): number {
    const room = Math.min(this.share - this.held, this.#budget.room()) - this.permits
    if (room < 1 || (this.permits > 0 && room < this.share / 2)) return 0
    this.permits += room
    return room
  }
}
