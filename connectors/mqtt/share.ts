import { type Delivery, delivered, notDelivered, type Receipt, TrestleError } from 'trestle/contract'

/** A key whose earlier message was refused for now. */
interface Stop {
  readonly place: number
  readonly receipt: Receipt
}

/**
 * One connection's share of a batch: what is to be sent, and the receipts so far. It sees to it that nothing counts as
 * delivered behind a message of its key that was refused for now.
 */
export class Share {
  readonly batch: readonly Delivery[]
  /** Its places in the batch. */
  readonly places: readonly number[]
  /** Settles when every place has its receipt. */
  readonly settled: Promise<void>
  readonly #receipts: (Receipt | undefined)[]
  readonly #stops = new Map<string, Stop>()
  #head = 0
  /** When the last receipt came. *Unit*: ms of the process. */
  #progressMs = 0
  #left: number
  #settle!: () => void

  constructor(batch: readonly Delivery[], places: readonly number[], receipts: (Receipt | undefined)[]) {
    this.batch = batch
    this.places = places
    this.#receipts = receipts
    this.#left = places.length
    this.settled = new Promise((settle) => {
      this.#settle = settle
    })
    if (this.#left === 0) this.#settle()
  }

  get hasNext(): boolean {
    return this.#head < this.places.length
  }

  /** The next place to send. */
  next(): number {
    return this.places[this.#head++]!
  }

  /** What an earlier message of the same key came to, when it must go again; else null. */
  stopFor(place: number): Receipt | null {
    if (this.#stops.size === 0 || place < 0) return null
    const stop = this.#stops.get(this.batch[place]!.orderKey)
    return stop !== undefined && place > stop.place ? stop.receipt : null
  }

  accept(place: number): void {
    this.settle(place, this.stopFor(place) ?? delivered)
  }

  refuse(place: number, error: TrestleError): void {
    if (place < 0) return
    const receipt = this.stopFor(place) ?? notDelivered(error)
    const { orderKey } = this.batch[place]!
    if (receipt.outcome === 'failed' && !this.#stops.has(orderKey)) this.#stops.set(orderKey, { place, receipt })
    this.settle(place, receipt)
  }

  settle(place: number, receipt: Receipt): void {
    if (place < 0 || this.#receipts[place] !== undefined) return
    this.#receipts[place] = receipt
    this.#progressMs = performance.now()
    if (--this.#left === 0) this.#settle()
  }

  /** Calls `onSilent` when no receipt comes for so long; answers what ends that. */
  watch(timeoutMs: number, onSilent: (waitedMs: number) => void): () => void {
    this.#progressMs = performance.now()
    const look = (): void => {
      const waitedMs = performance.now() - this.#progressMs
      if (waitedMs >= timeoutMs) onSilent(Math.round(waitedMs))
    }
    const timer = setInterval(look, Math.max(10, timeoutMs / 4))
    return () => clearInterval(timer)
  }

  /** Whatever has no receipt yet failed with the connection. */
  giveUp(error: TrestleError): void {
    const { code, message, detail, cause } = error
    const again =
      error.retry === 'reconnect' ? error : new TrestleError(code, message, { retry: 'reconnect', detail, cause })
    const receipt: Receipt = { outcome: 'failed', error: again, place: null }
    for (const place of this.places) this.settle(place, receipt)
  }
}
