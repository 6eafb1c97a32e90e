import {
  type BatchLimits,
  type ConnectorContext,
  type Delivery,
  notDelivered,
  type Receipt,
  type Sink,
  TrestleError,
} from 'trestle/contract'
import { KafkaClient } from './client.ts'
import { partitionOf } from './murmur2.ts'
import type { KafkaOptions } from './options.ts'
import { Producer } from './producer.ts'
import type { ProducerIdentity } from './record-batch.ts'
import { type Partition, type Topic, Topics } from './topics.ts'

/**
 * What a closed sink leaves to the next of the same connector and cluster: the numbers of its partitions and the
 * batches that were never answered. In memory only: numbers from a file may be older than the log, and the broker
 * would take new records for old ones.
 */
interface Legacy {
  clusterId: string | null
  identity: ProducerIdentity | null
  topics: Map<string, Topic>
}

/** By the connector's own folder, which no two hubs share. */
const legacies = new Map<string, Legacy>()

const noTopic = notDelivered(
  new TrestleError('E606', 'the rule names no topic and the connector has none', {
    detail: { advice: 'add `topic` to the rule or to the connector' },
  }),
)
const noPartition = (topic: Topic, wanted: unknown): Receipt =>
  notDelivered(new TrestleError('E606', `${topic.name} has no partition ${wanted} (it has ${topic.partitions.length})`))

/**
 * Kafka as a sink: sorts a batch into partitions and lets the producer write them. The partition is the one the rule
 * names, else murmur2 of the key as Java has it, else murmur2 of what keeps the order, so that the order holds
 * without a key too. Order is kept within a partition; across partitions Kafka has none.
 */
export class KafkaSink implements Sink {
  readonly ordering = 'key'
  readonly limits: BatchLimits
  readonly #options: KafkaOptions
  readonly #context: ConnectorContext
  readonly #client: KafkaClient
  #clusterId: string | null = null
  #topics: Topics | null = null
  #producer: Producer | null = null
  readonly #touched: Partition[] = []
  #delivering: Promise<unknown> | null = null

  constructor(options: KafkaOptions, context: ConnectorContext, client: KafkaClient = new KafkaClient(options)) {
    this.#options = options
    this.#context = context
    this.#client = client
    this.limits = { count: options.batch_count, bytes: options.batch_bytes, lingerMs: options.linger_ms }
  }

  async open(): Promise<void> {
    const { clusterId } = await this.#client.metadata([])
    const legacy = legacies.get(this.#context.folder)
    legacies.delete(this.#context.folder)
    const same = legacy !== undefined && legacy.clusterId === (clusterId ?? null) ? legacy : null
    this.#clusterId = clusterId ?? null
    this.#topics = new Topics(this.#options, this.#client, this.#context.now, same?.topics ?? new Map())
    this.#producer = new Producer(this.#options, this.#client, this.#topics, this.#context, same?.identity ?? null)
    await this.#producer.prepare()
    if (this.#options.topic !== undefined) await this.#topics.learn([this.#options.topic])
  }

  deliver(batch: readonly Delivery[]): Promise<readonly Receipt[]> {
    const delivering = this.#deliver(batch)
    this.#delivering = delivering
    return delivering
  }

  async #deliver(batch: readonly Delivery[]): Promise<readonly Receipt[]> {
    const topics = this.#topics
    const producer = this.#producer
    if (topics === null || producer === null) throw new TrestleError('E601', 'the sink is not open')
    const receipts = new Array<Receipt>(batch.length)
    try {
      const later = this.#sortKnown(topics, batch, receipts)
      if (later.size > 0) {
        await topics.learn([...later.keys()])
        for (const [name, places] of later) {
          for (const at of places) this.#place(topics.get(name), batch[at]!, at, receipts)
        }
      }
      await producer.send(batch, this.#touched, receipts)
      return receipts
    } finally {
      for (const partition of this.#touched) {
        partition.queue.length = 0
        partition.head = 0
        partition.tries = 0
        partition.maxRecords = Number.POSITIVE_INFINITY
      }
      this.#touched.length = 0
    }
  }

  async close(): Promise<void> {
    await this.#client.close()
    // A delivery that was given up ends now, with its connections; the next sink must find its numbers at rest.
    await Promise.allSettled([this.#delivering])
    if (this.#topics !== null && this.#producer !== null) {
      const { known } = this.#topics
      const legacy = { clusterId: this.#clusterId, identity: this.#producer.identity, topics: known }
      legacies.set(this.#context.folder, legacy)
      this.#topics = null
      this.#producer = null
    }
  }

  /** Queues what goes to topics that are known; answers the others: name to places in the batch. */
  #sortKnown(topics: Topics, batch: readonly Delivery[], receipts: Receipt[]): Map<string, number[]> {
    const later = new Map<string, number[]>()
    const nowMs = this.#context.now()
    const fallback = this.#options.topic ?? null
    let name: string | null = null
    let topic: Topic | undefined
    for (let at = 0; at < batch.length; at++) {
      const delivery = batch[at]!
      const wanted = delivery.target ?? fallback
      if (wanted === null) {
        receipts[at] = noTopic
        continue
      }
      if (wanted !== name) {
        name = wanted
        topic = topics.fresh(wanted, nowMs)
      }
      if (topic !== undefined) this.#place(topic, delivery, at, receipts)
      else {
        const places = later.get(wanted)
        if (places === undefined) later.set(wanted, [at])
        else places.push(at)
      }
    }
    return later
  }

  #place(topic: Topic, delivery: Delivery, at: number, receipts: Receipt[]): void {
    if (topic.fault !== null) {
      receipts[at] = notDelivered(topic.fault)
      return
    }
    const count = topic.partitions.length
    const wanted = delivery.options?.['partition']
    const index = wanted === undefined ? partitionOf(delivery.key ?? delivery.orderKey, count) : Number(wanted)
    const partition = topic.partitions[index]
    if (partition === undefined) {
      receipts[at] = noPartition(topic, wanted)
      return
    }
    if (partition.queue.length === 0) this.#touched.push(partition)
    partition.queue.push(at)
  }
}
