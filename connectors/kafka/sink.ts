import {
  type BatchLimits,
  type ConnectorContext,
  type Delivery,
  notDelivered,
  type Receipt,
  type Sink,
  TrestleError,
} from 'trestle/contract'
import { Claims } from './claims.ts'
import { KafkaClient } from './client.ts'
import { partitionOf } from './murmur2.ts'
import { type KafkaOptions, type Mode, modeOf } from './options.ts'
import type { Claim, Partition, Topic } from './partition.ts'
import { Producer } from './producer.ts'
import type { ProducerIdentity } from './record-batch.ts'
import { Topics } from './topics.ts'
import { type Transactions, transactionsOf } from './transactions.ts'

/**
 * What a closed sink leaves to the next of the same connector and cluster: the numbers of its partitions and the
 * batches that were never answered. The numbers are in memory only: from a file they may be older than the log, and
 * the broker would take new records for old ones. The batches are in the claim log too, for the next process.
 */
interface Legacy {
  clusterId: string
  mode: Mode
  identity: ProducerIdentity | null
  topics: Map<string, Topic>
  claims: Claims
}

interface Delivering {
  readonly batch: readonly Delivery[]
  readonly answer: Promise<readonly Receipt[]>
  isDone: boolean
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
  #clusterId = ''
  #topics: Topics | null = null
  #producer: Producer | null = null
  #claims: Claims
  #delivering: Delivering | null = null
  /** Answered from memory in the delivery before. */
  #recalled: string[] = []
  readonly #touched: Partition[] = []

  constructor(options: KafkaOptions, context: ConnectorContext, client: KafkaClient = new KafkaClient(options)) {
    this.#options = options
    this.#context = context
    this.#client = client
    this.#claims = new Claims(context)
    this.limits = { count: options.batch_count, bytes: options.batch_bytes, lingerMs: options.linger_ms }
  }

  /** Records that may be in Kafka twice, since the start of the process. */
  get maybeTwice(): number {
    return this.#claims.maybeTwice
  }

  async open(): Promise<void> {
    const options = this.#options
    const client = this.#client
    const mode = modeOf(options)
    this.#clusterId = (await client.metadata([])).clusterId ?? ''
    const legacy = this.#inherit(mode)
    const topics = new Topics(options, client, this.#context.now, legacy?.topics ?? new Map())
    const transactional = transactionsOf(client, options, this.#context)
    const transactions = mode === 'exactly-once' ? transactional : null
    // This fences another that has the id, and ends what it has left; only then it is certain what was committed.
    const identity = transactions === null ? (legacy?.identity ?? null) : await transactions.begin()
    if (legacy !== null) this.#claims = legacy.claims
    else if (mode !== 'at-least-once') await this.#recover(topics, transactional, transactions !== null)
    if (transactions !== null) this.#claims.committed(await transactions.committed())
    const parts = { options, client, topics, context: this.#context, claims: this.#claims, transactions, identity }
    this.#producer = new Producer(parts)
    await this.#producer.prepare()
    if (options.topic !== undefined) await topics.learn([options.topic])
    this.#topics = topics
  }

  /** What the sink before has left, when it is of the same cluster and kind. */
  #inherit(mode: Mode): Legacy | null {
    const legacy = legacies.get(this.#context.folder)
    legacies.delete(this.#context.folder)
    if (legacy === undefined) return null
    if (legacy.clusterId === this.#clusterId && legacy.mode === mode) return legacy
    legacy.claims.end()
    return null
  }

  /** What the process before has left. A transaction of it that may be open is ended first. */
  async #recover(topics: Topics, transactions: Transactions, isBegun: boolean): Promise<void> {
    await this.#claims.recover(
      this.#clusterId,
      ({ topic, topicId, partition }) => topics.adopt(topic, topicId, partition),
      async () => {
        if (!isBegun) await transactions.begin()
        return transactions.committed()
      },
    )
  }

  deliver(batch: readonly Delivery[]): Promise<readonly Receipt[]> {
    const delivering: Delivering = { batch, answer: this.#deliver(batch), isDone: false }
    this.#delivering = delivering
    const done = (): void => {
      delivering.isDone = true
    }
    delivering.answer.then(done, done)
    return delivering.answer
  }

  async #deliver(batch: readonly Delivery[]): Promise<readonly Receipt[]> {
    const topics = this.#topics
    const producer = this.#producer
    if (topics === null || producer === null) throw new TrestleError('E601', 'the sink is not open')
    const receipts = new Array<Receipt>(batch.length)
    // That there is a next delivery says that the answer to the one before was heard.
    for (const id of this.#recalled.splice(0)) this.#claims.heard(id)
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
        if (partition.claim !== null) partition.claim.waiting.length = 0
      }
      this.#touched.length = 0
    }
  }

  async close(): Promise<void> {
    const delivering = this.#delivering
    const isLeft = delivering !== null && !delivering.isDone
    await this.#client.close()
    // A delivery that was given up ends now, with its connections; the next sink must find its numbers at rest.
    const [end] = await Promise.allSettled([delivering?.answer])
    if (isLeft && end.status === 'fulfilled') {
      // Its answer comes too late to be heard: what is in Kafka will be asked for again.
      end.value?.forEach(({ outcome }, at) => {
        if (outcome === 'delivered') this.#claims.unheard(delivering.batch[at]!)
      })
    }
    if (this.#topics === null || this.#producer === null) return
    this.#claims.end()
    legacies.set(this.#context.folder, {
      clusterId: this.#clusterId,
      mode: modeOf(this.#options),
      identity: this.#producer.identity,
      topics: this.#topics.known,
      claims: this.#claims,
    })
    this.#topics = null
    this.#producer = null
  }

  /** Queues what goes to topics that are known; answers the others: name to places in the batch. */
  #sortKnown(topics: Topics, batch: readonly Delivery[], receipts: Receipt[]): Map<string, number[]> {
    const later = new Map<string, number[]>()
    const nowMs = this.#context.now()
    const fallback = this.#options.topic ?? null
    let name: string | null = null
    let topic: Topic | undefined
    const mayRecall = this.#claims.hasAny
    for (let at = 0; at < batch.length; at++) {
      const delivery = batch[at]!
      const claim = mayRecall ? this.#recall(delivery, at, receipts) : null
      if (claim === undefined) continue
      const wanted = claim === null ? (delivery.target ?? fallback) : claim.partition.topic.name
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

  /** The claim it is in; null: it was never sent. A delivery that is written already is answered here: undefined. */
  #recall(delivery: Delivery, at: number, receipts: Receipt[]): Claim | null | undefined {
    if (!this.#claims.isWritten(delivery)) return this.#claims.claimOf(delivery)
    receipts[at] = this.#claims.writtenBefore
    this.#recalled.push(delivery.id)
    return undefined
  }

  #place(topic: Topic, delivery: Delivery, at: number, receipts: Receipt[]): void {
    const claim = this.#claims.hasAny ? this.#claims.claimOf(delivery) : null
    if (topic.fault !== null) {
      receipts[at] = notDelivered(topic.fault)
      return
    }
    if (claim !== null) {
      this.#touch(claim.partition)
      claim.waiting.push(at)
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
    this.#touch(partition)
    partition.queue.push(at)
  }

  #touch(partition: Partition): void {
    const { claim, queue } = partition
    if (queue.length === 0 && (claim === null || claim.waiting.length === 0)) this.#touched.push(partition)
  }
}
