import {
  type ConnectorContext,
  Inbound,
  type InboundOptions,
  type Intake,
  type Receipt,
  type Source,
  TrestleError,
} from 'trestle/contract'
import type { PulsarOptions } from '../options.ts'
import { RecordMaker } from '../record.ts'
import type { PulsarSourceOptions } from '../source-options.ts'
import {
  fromNative,
  loadLibrary,
  type NativeClient,
  type NativeConsumer,
  type NativeLibrary,
  type NativeMessage,
  openNative,
} from './library.ts'

const types = { exclusive: 'Exclusive', failover: 'Failover', shared: 'Shared', key_shared: 'KeyShared' } as const
/** How long the library gathers a batch, and how often a connection is looked at that brings nothing. */
const gatherMs = 10
const idleMs = 1000

/** Reads Pulsar through the library `pulsar-client`. Its acknowledgements are confirmed; it connects again by itself. */
export class NativePulsarSource implements Source {
  readonly #pulsar: PulsarOptions
  readonly #options: PulsarSourceOptions
  readonly #context: ConnectorContext
  readonly #load: () => Promise<NativeLibrary>
  readonly #records: RecordMaker
  readonly #inbound: Inbound
  #client: NativeClient | null = null
  #consumer: NativeConsumer | null = null
  #unsettled = 0
  #unsettledBytes = 0
  #isPaused = false
  #isClosed = false
  /** What the reading waits for while it may not go on. */
  #goOn: (() => void) | null = null
  #reading: Promise<void> = Promise.resolve()

  constructor(pulsar: PulsarOptions, options: PulsarSourceOptions, context: ConnectorContext, load = loadLibrary) {
    this.#pulsar = pulsar
    this.#options = options
    this.#context = context
    this.#load = () => load()
    this.#records = new RecordMaker(options)
    this.#inbound = new Inbound(options as InboundOptions, context.name)
  }

  async open(intake: Intake): Promise<void> {
    const { seek } = this.#options
    if (seek !== undefined) {
      throw new TrestleError(
        'E104',
        '`seek` needs the built-in driver; use `pulsar-admin topics reset-cursor` with this one',
      )
    }
    try {
      this.#client = await openNative(this.#pulsar, await this.#load())
      this.#consumer = await this.#client.subscribe(subscribeOptions(this.#options))
    } catch (thrown) {
      throw fromNative(thrown, this.#options.subscription)
    }
    this.#reading = this.#read(this.#consumer, intake)
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#wake()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#wake()
    await new Promise((turn) => setImmediate(turn))
    const client = this.#client
    this.#client = null
    await this.#consumer?.close().catch(() => {
      // It is gone with its connection, which is what was wanted.
    })
    this.#consumer = null
    await client?.close().catch(() => {
      // As above.
    })
    await this.#reading
  }

  async #read(consumer: NativeConsumer, intake: Intake): Promise<void> {
    while (!this.#isClosed) {
      try {
        if (this.#isPaused || !this.#hasRoom()) await new Promise<void>((go) => (this.#goOn = go))
        else {
          const messages = await consumer.batchReceive()
          if (this.#isClosed) return
          if (messages.length > 0) this.#handIn(messages, intake)
          else if (!consumer.isConnected()) await new Promise((done) => setTimeout(done, idleMs))
        }
      } catch (thrown) {
        if (!this.#isClosed) intake.lost(fromNative(thrown, this.#options.subscription))
        return
      }
    }
  }

  #hasRoom(): boolean {
    const { batch_size: batchSize, max_unsettled: maxUnsettled, max_unsettled_bytes: maxBytes } = this.#options
    const next = Math.min(batchSize, maxUnsettled)
    return this.#unsettled === 0 || (this.#unsettled + next <= maxUnsettled && this.#unsettledBytes < maxBytes)
  }

  #handIn(messages: readonly NativeMessage[], intake: Intake): void {
    const batch = this.#inbound.begin()
    const taken: NativeMessage[] = []
    let sizeBytes = 0
    for (const message of messages) {
      const payload = message.getData()
      if (payload.length === 0 && !this.#options.allow_empty) {
        this.#settle([message], null, 0)
        continue
      }
      const { record, fault } = this.#records.makeFrom(
        {
          key: message.getPartitionKey() || null,
          properties: Object.entries(message.getProperties()),
          payload,
          eventTimeMs: message.getEventTimestamp() || null,
          publishTimeMs: message.getPublishTimestamp(),
        },
        message.getTopicName(),
      )
      const place = batch.messages.length
      this.#inbound.add(batch, record, this.#context.now())
      if (fault !== null) batch.faults.set(place, fault)
      taken.push(message)
      sizeBytes += payload.length
    }
    if (taken.length === 0) return
    this.#unsettled += taken.length
    this.#unsettledBytes += sizeBytes
    void intake.take(batch.messages, batch.faults).then((receipts) => {
      this.#unsettled -= taken.length
      this.#settle(taken, receipts, sizeBytes)
    })
  }

  #settle(messages: readonly NativeMessage[], receipts: readonly Receipt[] | null, sizeBytes: number): void {
    this.#unsettledBytes -= sizeBytes
    const consumer = this.#consumer
    for (let at = 0; at < messages.length && consumer !== null; at++) {
      const message = messages[at]!
      if (receipts !== null && receipts[at]?.outcome === 'failed') {
        if (!this.#isClosed) consumer.negativeAcknowledge(message)
        continue
      }
      consumer.acknowledge(message).catch((error: unknown) => {
        // It comes again.
        this.#context.log('warn', 'pulsar ack failed', { error: fromNative(error, this.#options.subscription).message })
      })
    }
    this.#wake()
  }

  #wake(): void {
    const go = this.#goOn
    this.#goOn = null
    go?.()
  }
}

function subscribeOptions(options: PulsarSourceOptions): object {
  const { dead_letter_policy: policy, topic_regex: regex, topics } = options
  const [domain, namespace] = ['persistent', options.lookup_namespace]
  const pattern = regex?.includes('://') ? regex : `${domain}://${namespace}/${regex}`
  return {
    ...(regex === undefined ? { topics: [...(topics ?? [])] } : { topicsPattern: pattern }),
    subscription: options.subscription,
    subscriptionType: types[options.subscription_type],
    subscriptionInitialPosition: options.initial_position === 'earliest' ? 'Earliest' : 'Latest',
    receiverQueueSize: Math.min(1000, options.max_unsettled),
    receiverQueueSizeAcrossPartitions: options.max_unsettled,
    nAckRedeliverTimeoutMs: options.negative_ack_delay_ms,
    ackTimeoutMs: options.unacked_message_resend_delay_ms,
    readCompacted: options.read_compacted,
    batchIndexAckEnabled: options.batch_index_ack,
    batchReceivePolicy: {
      maxNumMessages: Math.min(options.batch_size, options.max_unsettled),
      maxNumBytes: options.max_unsettled_bytes,
      timeoutMs: gatherMs,
    },
    properties: { ...(options.metadata as Record<string, string> | undefined) },
    ...(options.consumer_name === undefined ? {} : { consumerName: options.consumer_name }),
    ...(policy?.dead_letter_topic === undefined
      ? {}
      : {
          deadLetterPolicy: {
            maxRedeliverCount: policy.max_redeliver_count,
            deadLetterTopic: policy.dead_letter_topic,
          },
        }),
  }
}
