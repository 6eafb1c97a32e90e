import type { Delivery } from '../contract/message.ts'
import type { Again } from './again.ts'
import { type Batch, type ClaimLimits, isSuspect } from './batch.ts'
import type { Held } from './held.ts'
import type { OrderChain } from './order-chain.ts'
import type { Window } from './window.ts'

/**
 * Which deliveries go next: first the keys whose back-off is over, then what a lost connection had, then what is
 * fresh; each only behind everything older of its key.
 */
export class Claiming {
  /** Something was delivered since one that is taken for the cause of losses had its last try. */
  suspectsTurn = true
  readonly #window: Window
  readonly #again: Again
  readonly #batch: Batch
  readonly #onExpired: (held: Held) => void

  constructor(window: Window, again: Again, batch: Batch, onExpired: (held: Held) => void) {
    this.#window = window
    this.#again = again
    this.#batch = batch
    this.#onExpired = onExpired
  }

  /** The next batch; empty when nothing is due, or while a batch is out. */
  claim(limits: ClaimLimits, nowMs: number): readonly Delivery[] {
    if (this.#batch.isOut) return nothing
    const putOff = this.#claimDue(limits, nowMs)
    if (this.#again.listed !== undefined) this.#claimListed(limits, nowMs)
    if (this.#again.listed === undefined) this.#claimFresh(limits, nowMs)
    if (putOff.length > 0) this.#claimSuspect(putOff, limits, nowMs)
    return this.#batch.handOut()
  }

  /** Answers the chains whose turn it is, but whose first is taken for the cause of losses: others go before them. */
  #claimDue(limits: ClaimLimits, nowMs: number): readonly OrderChain<Held>[] {
    let putOff = noChains
    while (this.#batch.hasRoom(limits)) {
      const chain = this.#again.takeDue(nowMs)
      if (chain === undefined) return putOff
      if (!this.suspectsTurn && isSuspect(chain.at(0)!)) {
        putOff = [...putOff, chain]
        continue
      }
      let taken = 0
      let full = false
      for (let held = chain.at(0); held !== undefined && !full; held = chain.at(taken)) {
        if (held.expiresMs <= nowMs) this.#onExpired(held)
        else if (this.#batch.take(held, limits)) taken++
        else full = true
      }
      if (taken > 0) this.#again.markSent(chain)
      else this.#again.rest(chain, chain.dueMs)
      if (full) return putOff
    }
    return putOff
  }

  /** When there is nothing else to send. */
  #claimSuspect(putOff: readonly OrderChain<Held>[], limits: ClaimLimits, nowMs: number): void {
    for (const chain of putOff) this.#again.rest(chain, chain.dueMs)
    if (this.#batch.held.length > 0) return
    this.suspectsTurn = true
    this.#claimDue(limits, nowMs)
  }

  #claimListed(limits: ClaimLimits, nowMs: number): void {
    for (let held = this.#again.listed; held !== undefined; held = this.#again.listed) {
      if (held.expiresMs <= nowMs) this.#onExpired(held)
      else if (!this.#again.hold(held) && !this.#batch.take(held, limits)) return
      this.#again.passListed()
    }
  }

  #claimFresh(limits: ClaimLimits, nowMs: number): void {
    const window = this.#window
    while (this.#batch.hasRoom(limits)) {
      const held = window.fresh
      if (held === null) {
        if (!window.read(limits.count - this.#batch.held.length)) return
        continue
      }
      if (held.expiresMs <= nowMs) {
        window.passFresh()
        this.#onExpired(held)
        continue
      }
      if (!this.#again.hold(held) && !this.#batch.take(held, limits)) return
      window.passFresh()
    }
  }
}

const nothing: readonly Delivery[] = []
const noChains: readonly OrderChain<Held>[] = []
