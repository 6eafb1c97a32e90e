import type { PulsarClient } from './protocol/client.ts'
import type { Consumer } from './protocol/consumer/consumer.ts'
import { type PulsarMessage, placeOf } from './protocol/consumer/message.ts'
import { Producer } from './protocol/producer/producer.ts'
import { parseTopicName, partitionName } from './protocol/topic-name.ts'

const timeoutMs = 30_000

/**
 * The topic for messages that came again too often. They keep what they have, and are told where they were, by the
 * names that Java's client uses: `REAL_TOPIC`, `ORIGIN_MESSAGE_ID`.
 */
export class DeadLetterTopic {
  readonly #client: PulsarClient
  readonly #topic: string
  #producer: Promise<Producer> | null = null
  #lastSequenceId = -1

  constructor(client: PulsarClient, topic: string) {
    this.#client = client
    this.#topic = parseTopicName(topic).full
  }

  /** Settles when the broker has it. *Errors*: PulsarFault. */
  async put(message: PulsarMessage, nowMs: number): Promise<void> {
    const producer = await this.#opened()
    const { entry, eventTimeMs, key, payload, properties } = message
    const origin: [string, string][] = [
      ['REAL_TOPIC', (entry.owner as Consumer).topic],
      ['ORIGIN_MESSAGE_ID', placeOf(entry.id)],
    ]
    const sequenceId = ++this.#lastSequenceId
    await producer.send({
      firstSequenceId: sequenceId,
      lastSequenceId: sequenceId,
      count: 1,
      payload,
      metadata: {
        publishTimeMs: nowMs,
        properties: [...properties, ...origin].map(([name, value]) => ({ key: name, value })),
        ...(key === null ? {} : { partitionKey: key }),
        ...(eventTimeMs === null ? {} : { eventTimeMs }),
      },
    })
  }

  async close(): Promise<void> {
    const opening = this.#producer
    this.#producer = null
    // One that never came to be was told to who asked for it.
    const producer = await opening?.catch(() => null)
    await producer?.close().catch(() => {
      // The broker is gone, and the producer with it.
    })
  }

  /** The producer, opened anew where the last one has ended. */
  async #opened(): Promise<Producer> {
    const last = this.#producer
    const producer = await last?.catch(() => null)
    if (producer?.fault === null) return producer
    if (this.#producer === last) this.#producer = this.#open()
    return this.#producer!
  }

  async #open(): Promise<Producer> {
    const partitions = await this.#client.partitionsOf(this.#topic)
    const topic = partitions === 0 ? this.#topic : partitionName(this.#topic, 0)
    const connection = await this.#client.connectionFor(topic)
    this.#lastSequenceId = -1
    return Producer.open(connection, {
      topic,
      name: null,
      accessMode: 'shared',
      metadata: {},
      openTimeoutMs: timeoutMs,
      sendTimeoutMs: timeoutMs,
    })
  }
}
