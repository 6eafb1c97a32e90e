import type { BatchLimits, ConnectorContext, Delivery, Receipt, Sink } from 'trestle/contract'
import { Lane } from './lane.ts'
import type { MqttOptions } from './options.ts'
import { SentWindow } from './sent-window.ts'
import { addressOf } from './transport.ts'

/**
 * An MQTT server as a sink: one connection or several, each with its share of the order keys.
 *
 * `delivered` means PUBACK for QoS 1, PUBCOMP for QoS 2, and for QoS 0 that the system has taken the bytes, which is
 * no promise. A connection that was lost while nothing was to be sent is opened again with the next batch.
 */
export class MqttSink implements Sink {
  readonly ordering = 'key'
  readonly limits: BatchLimits
  readonly #lanes: readonly Lane[]

  constructor(options: MqttOptions, context: ConnectorContext) {
    this.limits = { count: options.batch_count, bytes: options.batch_bytes, lingerMs: options.linger_ms }
    const address = addressOf(options.server)
    const sent = options.version === '5' ? null : SentWindow.of(context.folder)
    const numbers = Array.from({ length: options.connections }, (_, at) => at + 1)
    this.#lanes = numbers.map((number) => new Lane({ options, address, context, number, sent }))
  }

  async open(): Promise<void> {
    // One after the other: with wrong credentials the server hears of it once.
    for (const lane of this.#lanes) await lane.open()
  }

  async deliver(batch: readonly Delivery[]): Promise<readonly Receipt[]> {
    const receipts = new Array<Receipt | undefined>(batch.length).fill(undefined)
    const shares = this.#share(batch)
    await Promise.all(shares.map((places, at) => this.#lanes[at]!.deliver(batch, places, receipts)))
    const answered = receipts as Receipt[]
    // Where nothing is known of any, the hub finds out which of them the server cannot bear.
    const [first] = answered
    const error = first?.error
    if (error?.retry === 'reconnect' && answered.every((receipt) => receipt.error === error)) throw error
    return answered
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.close()))
  }

  /** The places of the batch by connection. */
  #share(batch: readonly Delivery[]): number[][] {
    const count = this.#lanes.length
    const shares: number[][] = this.#lanes.map(() => [])
    for (let at = 0; at < batch.length; at++) {
      shares[count === 1 ? 0 : hashOf(batch[at]!.orderKey) % count]!.push(at)
    }
    return shares
  }
}

/** FNV-1a of the text's units. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}
