import type { Receipt } from 'trestle/contract'
import type { SendReceipt } from './protocol/producer/producer.ts'

/** A Receipt that says where the message is, in words only when someone asks. */
export class Written implements Receipt {
  readonly outcome = 'delivered'
  readonly error = null
  readonly #topic: string
  readonly #receipt: SendReceipt
  readonly #index: number

  constructor(topic: string, receipt: SendReceipt, index: number) {
    this.#topic = topic
    this.#receipt = receipt
    this.#index = index
  }

  /** null for what the broker had before: it does not say where. */
  get place(): string | null {
    const { ledgerId, entryId } = this.#receipt
    if (ledgerId < 0n) return null
    return `${this.#topic}@${ledgerId}:${entryId}${this.#index < 0 ? '' : `:${this.#index}`}`
  }
}
