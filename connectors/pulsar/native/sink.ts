import {
  asciiHeadersOf,
  type BatchLimits,
  type ConnectorContext,
  type Delivery,
  notDelivered,
  type Receipt,
  type Sink,
  TrestleError,
} from 'trestle/contract'
import type { PulsarOptions } from '../options.ts'
import {
  fromNative,
  loadLibrary,
  type NativeClient,
  type NativeLibrary,
  type NativeOutgoing,
  type NativeProducer,
  openNative,
} from './library.ts'

const accessModes = {
  shared: 'Shared',
  exclusive: 'Exclusive',
  wait_for_exclusive: 'WaitForExclusive',
  exclusive_with_fencing: 'ExclusiveWithFencing',
} as const
const compressions = { none: undefined, lz4: 'LZ4', zlib: 'Zlib', zstd: 'ZSTD', snappy: 'SNAPPY' } as const

/** Writes to Pulsar through the library `pulsar-client`: a producer for each topic, batches of the library's making. */
export class NativePulsarSink implements Sink {
  readonly ordering = 'key'
  readonly limits: BatchLimits
  readonly #options: PulsarOptions
  readonly #context: ConnectorContext
  readonly #load: () => Promise<NativeLibrary>
  readonly #producers = new Map<string, Promise<NativeProducer>>()
  #client: NativeClient | null = null

  constructor(options: PulsarOptions, context: ConnectorContext, load = loadLibrary) {
    this.#options = options
    this.#context = context
    this.#load = () => load()
    this.limits = { count: options.batch_count, bytes: options.batch_bytes, lingerMs: options.linger_ms }
  }

  async open(): Promise<void> {
    const { topic } = this.#options
    try {
      this.#client = await openNative(this.#options, await this.#load())
      if (topic !== undefined) await this.#producerOf(topic)
    } catch (thrown) {
      throw fromNative(thrown, topic ?? this.#context.name)
    }
  }

  async deliver(batch: readonly Delivery[]): Promise<readonly Receipt[]> {
    const receipts = await Promise.all(batch.map((delivery) => this.#send(delivery)))
    // What follows a message that may yet arrive must not be taken for delivered before it.
    const waiting = new Map<string, Receipt>()
    return receipts.map((receipt, at) => {
      const { orderKey } = batch[at]!
      const before = waiting.get(orderKey)
      if (receipt.outcome === 'failed' && before === undefined) waiting.set(orderKey, receipt)
      return receipt.outcome === 'delivered' && before !== undefined ? before : receipt
    })
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = null
    this.#producers.clear()
    await client?.close().catch((error: unknown) => {
      this.#context.log('debug', 'pulsar close', { error: fromNative(error, this.#context.name).message })
    })
  }

  async #send(delivery: Delivery): Promise<Receipt> {
    const topic = delivery.target ?? this.#options.topic
    if (topic === undefined) {
      return notDelivered(new TrestleError('E606', 'neither the rule nor the connector names a topic'))
    }
    try {
      const producer = await this.#producerOf(topic)
      const id = await producer.send(this.#messageOf(delivery))
      return { outcome: 'delivered', error: null, place: `${topic}@${id.toString()}` }
    } catch (thrown) {
      return notDelivered(fromNative(thrown, topic))
    }
  }

  #messageOf(delivery: Delivery): NativeOutgoing {
    const { headers, key, message, options, payload } = delivery
    const { mqtt_properties: all, replicate_to: clusters } = this.#options
    const properties = Object.fromEntries(
      asciiHeadersOf(delivery, this.#context.hub).filter(
        ([name]) => all || name.startsWith('trestle-') || headers.some(([own]) => own === name),
      ),
    )
    const orderingKey = options?.['ordering_key']
    const deliverAt = deliverAtMs(options, message.timeMs)
    const replicateTo = (options?.['replicate_to'] as readonly string[] | undefined) ?? clusters
    return {
      data: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength),
      properties,
      eventTimestamp: message.timeMs,
      ...(key === null ? {} : { partitionKey: key }),
      ...(typeof orderingKey === 'string' ? { orderingKey } : {}),
      ...(deliverAt === null ? {} : { deliverAt }),
      ...(replicateTo === undefined ? {} : { replicationClusters: replicateTo }),
    }
  }

  #producerOf(topic: string): Promise<NativeProducer> {
    const known = this.#producers.get(topic)
    if (known !== undefined) return known
    const { access_mode: accessMode, batching, compression, hashing } = this.#options
    const client = this.#client
    if (client === null) return Promise.reject(new TrestleError('E601', `${topic}: not connected`))
    const opening = client.createProducer({
      topic,
      sendTimeoutMs: this.#options.request_timeout_ms,
      blockIfQueueFull: true,
      batchingEnabled: batching !== 'none',
      batchingType: batching === 'key' ? 'KeyBasedBatching' : 'DefaultBatching',
      batchingMaxMessages: this.#options.batch_count,
      batchingMaxPublishDelayMs: 1,
      messageRoutingMode: 'UseSinglePartition',
      hashingScheme: hashing === 'murmur3' ? 'Murmur3_32Hash' : 'JavaStringHash',
      accessMode: accessModes[accessMode],
      properties: (this.#options.metadata ?? {}) as Record<string, string>,
      ...(compressions[compression] === undefined ? {} : { compressionType: compressions[compression] }),
    })
    this.#producers.set(topic, opening)
    opening.catch(() => this.#producers.delete(topic))
    return opening
  }
}

function deliverAtMs(options: Delivery['options'], arrivalMs: number): number | null {
  const at = options?.['deliver_at']
  if (typeof at === 'number') return at
  if (typeof at === 'string') return Number.isNaN(Number(at)) ? Date.parse(at) : Number(at)
  const after = options?.['deliver_after_ms']
  return typeof after === 'number' ? arrivalMs + after : null
}
