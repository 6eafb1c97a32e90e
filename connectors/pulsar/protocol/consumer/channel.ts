import type { PulsarClient } from '../client.ts'
import type { Connection } from '../connection.ts'
import type { ConsumerListener } from '../listeners.ts'
import { ackTypes, type CommandBody, initialPositions, keySharedModes, subscriptionTypes } from '../wire/commands.ts'
import type { EntryId, ReceivedEntry } from './message.ts'

/** How a consumer subscribes; the same for every topic of a subscription. */
export interface ConsumerOptions {
  readonly subscription: string
  readonly type: keyof typeof subscriptionTypes
  readonly consumerName: string | null
  readonly priorityLevel: number
  readonly durable: boolean
  readonly readCompacted: boolean
  readonly initialPosition: keyof typeof initialPositions
  /** Properties of the consumer, shown by the broker. */
  readonly metadata: Readonly<Record<string, string>>
  /** Properties of the subscription, kept by the broker. */
  readonly properties: Readonly<Record<string, string>>
  /** Tell the broker which messages of a batch are acknowledged when not all of them are. */
  readonly batchIndexAck: boolean
  /** How long a message that was given back is left alone before it is asked for again. */
  readonly giveBackDelayMs: number
}

/** Where a subscription is put before it is read. */
export type SeekTarget =
  | { readonly kind: 'earliest' }
  | { readonly kind: 'latest' }
  | { readonly kind: 'time'; readonly timeMs: number }
  | ({ readonly kind: 'message' } & EntryId)

/** What an acknowledgement names: an entry, or with an ack set what is left of its batch. */
export type AckedId = EntryId & { readonly ackSet?: readonly bigint[] }

export const partOf = (entry: ReceivedEntry): AckedId => ({ ...entry.id, ackSet: entry.ackSet() })

const maxIdsPerCommand = 1000

/** One subscribing of a consumer on one connection, and what can be said to the broker on it. */
export class ConsumerChannel {
  readonly connection: Connection
  readonly id: number

  /** Finds the broker of the topic and subscribes there. *Errors*: PulsarFault. */
  static async open(
    client: PulsarClient,
    topic: string,
    listener: ConsumerListener,
    given: { options: ConsumerOptions; createTopic: boolean },
  ): Promise<ConsumerChannel> {
    const connection = await client.connectionFor(topic)
    const channel = new ConsumerChannel(connection, connection.addConsumer(listener))
    try {
      await connection.request('subscribe', {
        topic,
        consumerId: channel.id,
        forceTopicCreation: given.createTopic,
        ...subscribeFields(given.options),
      })
      return channel
    } catch (thrown) {
      // A subscribing that timed out may have worked: the broker must not keep it.
      channel.abandon()
      throw thrown
    }
  }

  private constructor(connection: Connection, id: number) {
    this.connection = connection
    this.id = id
  }

  flow(permits: number): void {
    this.connection.command('flow', { consumerId: this.id, permits })
  }

  /** Settles when the broker has confirmed it. *Errors*: PulsarFault. */
  async acknowledge(ids: readonly AckedId[]): Promise<void> {
    const { individual } = ackTypes
    for (const messageIds of parts(ids)) {
      await this.connection.request('ack', { consumerId: this.id, type: individual, messageIds: messageIds as never })
    }
  }

  /** Asks for entries again. */
  redeliver(ids: readonly EntryId[]): void {
    for (const messageIds of parts(ids)) {
      this.connection.command('redeliver', { consumerId: this.id, messageIds: messageIds as never })
    }
  }

  /** Puts the subscription elsewhere; the channel is spent then. *Errors*: PulsarFault. */
  async seek(target: SeekTarget): Promise<void> {
    await this.connection.request('seek', { consumerId: this.id, ...seekFields(target) })
    // Brokers close the consumers of a subscription that was moved, some with a word and some without.
    await this.close()
  }

  /** Lets go and waits for the broker's word. Does not throw. */
  async close(): Promise<void> {
    await this.connection.request('closeConsumer', { consumerId: this.id }).catch(() => {
      // The broker is gone, or has let it go already: either way it is closed.
    })
    this.connection.removeConsumer(this.id)
  }

  /** Lets go without waiting. */
  abandon(): void {
    this.connection.removeConsumer(this.id)
    this.connection.command('closeConsumer', { consumerId: this.id, requestId: 0 })
  }
}

const subscribeFields = (options: ConsumerOptions): Partial<CommandBody<'subscribe'>> => ({
  subscription: options.subscription,
  type: subscriptionTypes[options.type],
  priorityLevel: options.priorityLevel,
  durable: options.durable,
  readCompacted: options.readCompacted,
  initialPosition: initialPositions[options.initialPosition],
  metadata: pairsOf(options.metadata),
  properties: pairsOf(options.properties),
  ...(options.consumerName === null ? {} : { consumerName: options.consumerName }),
  ...(options.type === 'key_shared' ? { keyShared: { mode: keySharedModes.auto_split } as never } : {}),
})

const pairsOf = (record: Readonly<Record<string, string>>): { key: string; value: string }[] =>
  Object.entries(record).map(([key, value]) => ({ key, value }))

const lastOfLedgers = 2n ** 63n - 1n

function seekFields(target: SeekTarget): Partial<CommandBody<'seek'>> {
  if (target.kind === 'time') return { publishTimeMs: target.timeMs }
  const edge = target.kind === 'earliest' ? -1n : lastOfLedgers
  const { ledgerId, entryId } = target.kind === 'message' ? target : { ledgerId: edge, entryId: edge }
  return { messageId: { ledgerId, entryId } as never }
}

function* parts<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let at = 0; at < items.length; at += maxIdsPerCommand) yield items.slice(at, at + maxIdsPerCommand)
}
