import { type Delivery, delivered, notDelivered, type Receipt } from 'trestle/contract'
import type { NatsClient } from './client.ts'
import { CommandWriter } from './commands.ts'
import { headerBlock } from './headers.ts'
import type { NatsOptions } from './options.ts'
import { tooLarge } from './publisher.ts'
import { replyAddressOf } from './replies.ts'

/**
 * Publishes batches as core NATS. `delivered` means that the server has taken the message in and handed it to who was
 * listening: it answered a ping that came behind. Nothing stores it; who did not listen never gets it.
 */
export class CorePublisher {
  readonly #client: NatsClient
  readonly #options: NatsOptions
  readonly #hub: string
  readonly #commands: CommandWriter

  constructor(client: NatsClient, options: NatsOptions, hub: string) {
    this.#client = client
    this.#options = options
    this.#hub = hub
    this.#commands = new CommandWriter(client.connection)
  }

  /** Publishes what has a subject, and fills in its Receipts. *Errors*: E601: nothing is known of any. */
  async send(batch: readonly Delivery[], subjects: readonly (string | null)[], receipts: Receipt[]): Promise<void> {
    const { connection } = this.#client
    const max = connection.info?.max_payload ?? Number.POSITIVE_INFINITY
    const refused = new Map<string, Receipt>()
    this.#client.onViolation = ({ operation, subject, error }) => {
      if (operation === 'publish') refused.set(subject, notDelivered(error))
    }
    for (let at = 0; at < batch.length; at++) {
      const subject = subjects[at]
      if (subject === null || subject === undefined) continue
      const delivery = batch[at]!
      const block = headerBlock(delivery, this.#hub, this.#options.mqtt_headers, '')
      const size = block.length + delivery.payload.length
      if (size > max) {
        receipts[at] = notDelivered(tooLarge(size, max))
        continue
      }
      this.#commands.message(subject, replyAddressOf(delivery, subject, this.#options), block, delivery.payload)
    }
    this.#commands.send()
    await this.#client.flush()
    this.#commands.reuse()
    for (let at = 0; at < batch.length; at++) receipts[at] ??= refused.get(subjects[at]!) ?? delivered
  }
}
