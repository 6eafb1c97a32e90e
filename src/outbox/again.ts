import { backOffMs } from './back-off.ts'
import { DueHeap } from './due-heap.ts'
import { detach, type Held } from './held.ts'
import { OrderChain } from './order-chain.ts'

/** How often and how long a delivery is tried. null: for ever. */
export interface RetryBudget {
  readonly maxAttempts: number | null
  readonly maxAgeMs: number | null
}

/**
 * Those that must be sent again, so that their order key keeps its order: a chain per key in trouble, each with its
 * own back-off, and the list of those whose connection was lost, which go first once there is a new one.
 *
 * Invariant: of one key, everything in its chain is older than what is on the list, and that is older than what is
 * fresh. Whoever claims asks `hold` first.
 */
export class Again {
  readonly #chains = new Map<string, OrderChain<Held>>()
  readonly #resting = new DueHeap<OrderChain<Held>>()
  #sent: OrderChain<Held>[] = []
  #list: Held[] = []
  #listFirst = 0
  readonly #random: () => number
  /** True for sinks that keep one order for all: then everything is of one key. */
  total = false

  constructor(random: () => number) {
    this.#random = random
  }

  /** Order keys in trouble. */
  get keys(): number {
    return this.#chains.size
  }

  /** When the earliest chain may be sent again; null when none rests. */
  get nextDueMs(): number | null {
    return this.#resting.first?.dueMs ?? null
  }

  /** Puts the delivery behind its key's trouble, if there is any. */
  hold(held: Held): boolean {
    if (this.#chains.size === 0) return false
    const chain = this.#chains.get(this.#keyOf(held))
    if (chain === undefined) return false
    detach(held.delivery)
    chain.insert(held)
    return true
  }

  /** The next chain whose time has come; whoever takes it calls `sent` or `rest`. */
  takeDue(nowMs: number): OrderChain<Held> | undefined {
    const first = this.#resting.first
    return first !== undefined && first.dueMs <= nowMs ? this.#resting.pop() : undefined
  }

  /** Some of the chain are with the sink. */
  markSent(chain: OrderChain<Held>): void {
    chain.sent = true
    this.#sent.push(chain)
  }

  /** Puts a chain back to wait for `dueMs`; an empty one is forgotten. */
  rest(chain: OrderChain<Held>, dueMs: number): void {
    chain.sent = false
    if (chain.size === 0) {
      this.#chains.delete(chain.key)
      return
    }
    chain.dueMs = dueMs
    this.#resting.push(chain)
  }

  /** A delivery failed and may be tried later: it heads the chain of its key. */
  failed(held: Held, nowMs: number): void {
    let chain = held.chain
    if (chain === null) {
      const key = this.#keyOf(held)
      chain = this.#chains.get(key) ?? null
      if (chain === null) {
        chain = new OrderChain<Held>(key)
        this.#chains.set(key, chain)
        this.markSent(chain)
      }
      detach(held.delivery)
      chain.insert(held)
    }
    // Several of one chain fail together: that is one failure.
    if (chain.dueMs > nowMs) return
    if (chain.failures++ === 0) chain.failingSinceMs = nowMs
    chain.dueMs = nowMs + Math.max(1, backOffMs(chain.failures, this.#random))
  }

  /** A delivery of a chain was settled. */
  settled(held: Held, delivered: boolean): void {
    const chain = held.chain!
    chain.remove(held)
    if (delivered) chain.failures = 0
  }

  /** All receipts of a batch are in: chains that were sent rest until their time. */
  endBatch(nowMs: number): void {
    if (this.#sent.length === 0) return
    for (const chain of this.#sent) this.rest(chain, Math.max(chain.dueMs, nowMs))
    this.#sent = []
  }

  /** Takes back what a lost connection had, in the order in which it was sent. Call after `failed` of the same batch. */
  takeBack(lost: readonly Held[]): void {
    const back: Held[] = []
    for (const held of lost) if (held.chain === null && !this.hold(held)) back.push(held)
    if (back.length === 0) return
    this.#list = this.#listFirst < this.#list.length ? back.concat(this.#list.slice(this.#listFirst)) : back
    this.#listFirst = 0
  }

  /** The first of the list; undefined when it is empty. */
  get listed(): Held | undefined {
    return this.#list[this.#listFirst]
  }

  passListed(): void {
    this.#listFirst++
    if (this.#listFirst < this.#list.length) return
    this.#list = []
    this.#listFirst = 0
  }

  /** Forgets all of them; nothing may be with the sink. */
  clear(): void {
    this.#chains.clear()
    while (this.#resting.first !== undefined) this.#resting.pop()
    this.#sent = []
    this.#list = []
    this.#listFirst = 0
  }

  #keyOf(held: Held): string {
    return this.total ? '' : held.delivery.orderKey
  }
}
