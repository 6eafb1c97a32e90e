import type { Delivery } from '../contract/message.ts'
import type { Held } from './held.ts'

/** The limits of one claim; a delivery above `bytes` comes alone. */
export interface ClaimLimits {
  readonly count: number
  readonly bytes: number
}

/** Deliveries that lost their connection alone so often are taken for the cause and stand back for the others. */
const maxLonelyLosses = 3
export const isSuspect = (held: Held): boolean => held.lonelyLosses >= maxLonelyLosses

/** The one batch that is being gathered, or is with the sink. */
export class Batch {
  #held: Held[] = []
  #bytes = 0
  #handed: readonly Delivery[] | null = null

  get held(): readonly Held[] {
    return this.#held
  }

  get isOut(): boolean {
    return this.#handed !== null
  }

  /** True for the batch that is with the sink now, false for one that was given up. */
  isThis(handed: readonly Delivery[]): boolean {
    return handed === this.#handed
  }

  hasRoom(limits: ClaimLimits): boolean {
    const held = this.#held
    return held.length === 0 || (held.length < limits.count && this.#bytes < limits.bytes && !isSuspect(held[0]!))
  }

  /** False when there is no room for this one. One that is taken for the cause of losses goes alone. */
  take(held: Held, limits: ClaimLimits): boolean {
    if (this.#held.length > 0 && (!this.hasRoom(limits) || this.#bytes + held.bytes > limits.bytes || isSuspect(held)))
      return false
    if (held.state === 'waiting-again') held.step('retry-due')
    held.step('claim')
    held.delivery.attempt++
    this.#held.push(held)
    this.#bytes += held.bytes
    return true
  }

  /** What the sink is given; it knows the batch again by this array. */
  handOut(): readonly Delivery[] {
    const held = this.#held
    if (held.length === 0) return nothing
    const handed = held.map(deliveryOf)
    this.#handed = handed
    return handed
  }

  end(): void {
    this.#held = []
    this.#bytes = 0
    this.#handed = null
  }
}

const nothing: readonly Delivery[] = []
const deliveryOf = (held: Held): Delivery => held.delivery
