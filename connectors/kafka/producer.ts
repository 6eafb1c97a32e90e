import { type ConnectorContext, type Delivery, notDelivered, type Receipt, TrestleError } from 'trestle/contract'
import type { KafkaClient } from './client.ts'
import { type Codec, codecs } from './codecs.ts'
import { fromKafkaCode, fromThrown, meaningOf } from './errors.ts'
import type { KafkaOptions } from './options.ts'
import type { ProduceAnswer } from './produce.ts'
import { noIdentity, type ProducerIdentity, RecordBatchWriter, sequenceAfter } from './record-batch.ts'
import type { Partition, Topics } from './topics.ts'

/** A record batch on its way: the next `count` of its partition's queue. */
interface Lot {
  readonly partition: Partition
  readonly count: number
  readonly batch: Buffer
  answer: ProduceAnswer | null
  error: TrestleError | null
}

const tooLarge = new Set([10, 18])
const invalidRecord = 87
const alreadyWritten = 46
/** The leader is another by now, or the topic was created anew: look and try again. */
const elsewhere = new Set([3, 5, 6, 72, 74, 75, 100, 103])
/** The broker does not know our numbers: go on under a new identity. */
const renumber = new Set([45, 47, 49, 59, 90])
const maxTries = 2

/**
 * Writes what the partitions have in their queues, with a Receipt for each.
 *
 * It promises: records of a partition keep their order; one batch of a partition is in flight at a time, numbered, so
 * that the broker drops a repeat; a batch whose answer was lost goes again exactly so. Only where that is impossible
 * (its deliveries do not come back together, the broker lost its numbers) may a record be in the log twice, under the
 * same `trestle-id`. What fails fails all that stands behind it in its partition, and nothing else.
 *
 * It does not wait and try for long: the hub does that, with its back-off. Wire: produce.ts, record-batch.ts.
 */
export class Producer {
  readonly #options: KafkaOptions
  readonly #client: KafkaClient
  readonly #topics: Topics
  readonly #context: ConnectorContext
  readonly #codec: Codec
  readonly #writer: RecordBatchWriter
  /** Who numbers partitions that have no identity of their own yet. */
  #identity: ProducerIdentity | null

  constructor(
    options: KafkaOptions,
    client: KafkaClient,
    topics: Topics,
    context: ConnectorContext,
    identity: ProducerIdentity | null,
  ) {
    this.#options = options
    this.#client = client
    this.#topics = topics
    this.#context = context
    this.#codec = codecs[options.compression]
    this.#writer = new RecordBatchWriter(context.hub, options.mqtt_headers)
    this.#identity = options.idempotent ? identity : noIdentity
  }

  get identity(): ProducerIdentity | null {
    return this.#identity
  }

  /** Takes an identity when there is none. *Errors*: of the connection, or a refusal of idempotent writing. */
  async prepare(): Promise<ProducerIdentity> {
    this.#identity ??= await this.#client.newIdentity()
    return this.#identity
  }

  /** Writes the queues of `partitions`, which hold places in `batch`, and fills in `receipts` at these places. */
  async send(batch: readonly Delivery[], partitions: readonly Partition[], receipts: Receipt[]): Promise<void> {
    let open = partitions
    while (open.length > 0) {
      this.#writer.reset()
      const lots: Lot[] = []
      for (const partition of open) {
        const lot = await this.#nextLot(partition, batch, receipts)
        if (lot !== null) lots.push(lot)
      }
      await this.#exchange(lots)
      const moved = new Set<string>()
      for (const lot of lots) await this.#settle(lot, batch, receipts, moved)
      if (moved.size > 0) await this.#look([...moved])
      open = open.filter(({ head, queue }) => head < queue.length)
    }
  }

  /** The next record batch of a partition; null when nothing of its queue can be sent. */
  async #nextLot(partition: Partition, batch: readonly Delivery[], receipts: Receipt[]): Promise<Lot | null> {
    const { topic, queue } = partition
    if (topic.fault !== null) return fail(partition, receipts, topic.fault)
    if (partition.leader < 0) return fail(partition, receipts, fromKafkaCode(5, null, placeOf(partition)))
    await this.#takeNumbers(partition, batch)
    while (partition.head < queue.length) {
      const { claim } = partition
      const maxCount = claim?.length ?? Math.min(partition.maxRecords, queue.length - partition.head)
      const maxBytes = claim === null ? this.#options.max_message_bytes : Number.POSITIVE_INFINITY
      this.#writer.begin()
      let count = 0
      while (count < maxCount && this.#writer.add(batch[queue[partition.head + count]!]!, maxBytes)) count++
      const sequence = this.#options.idempotent ? partition.sequence : -1
      const bytes = await this.#writer.finish(this.#codec, partition.identity!, sequence)
      if (bytes.length <= maxBytes) return { partition, count, batch: bytes, answer: null, error: null }
      const advice = 'raise max_message_bytes here and message.max.bytes of the brokers, or send less at once'
      const words = `a record of ${bytes.length} bytes is above max_message_bytes (${maxBytes})`
      this.#halve(partition, count, receipts, new TrestleError('E605', words, { detail: { advice } }))
    }
    return null
  }

  /** Sees that the partition has an identity, and that a claim of it comes back as it was. */
  async #takeNumbers(partition: Partition, batch: readonly Delivery[]): Promise<void> {
    partition.identity ??= await this.prepare()
    const { claim, queue, head } = partition
    if (claim === null || claim.every((id, at) => batch[queue[head + at] ?? -1]?.id === id)) return
    await this.#renumber(partition, 'an unanswered batch does not come again as it was')
  }

  async #renumber(partition: Partition, why: string): Promise<void> {
    const maybeTwice = partition.claim?.length ?? 0
    const facts = { partition: placeOf(partition), why, maybeTwice }
    this.#context.log(maybeTwice > 0 ? 'warn' : 'info', 'kafka.new-identity', facts)
    partition.identity = await this.#client.newIdentity()
    partition.sequence = 0
    partition.claim = null
  }

  /** One request to each leader, all at once; every lot has its answer or error afterwards. */
  async #exchange(lots: readonly Lot[]): Promise<void> {
    const byLeader = Map.groupBy(lots, ({ partition }) => partition.leader)
    await Promise.all([...byLeader].map(([leader, ofLeader]) => this.#exchangeWith(leader, ofLeader)))
  }

  async #exchangeWith(leader: number, lots: readonly Lot[]): Promise<void> {
    const byTopic = Map.groupBy(lots, ({ partition }) => partition.topic.name)
    const topics = [...byTopic].map(([name, ofTopic]) => ({
      name,
      partitions: ofTopic.map(({ partition, batch }) => ({ index: partition.index, batch })),
    }))
    try {
      const answers = await this.#client.produce(leader, { timeoutMs: this.#options.request_timeout_ms, topics })
      for (const answer of answers) {
        const lot = byTopic.get(answer.topic)?.find(({ partition }) => partition.index === answer.partition)
        if (lot !== undefined) lot.answer = answer
      }
    } catch (thrown) {
      const error = fromThrown(thrown, `broker ${leader}`)
      for (const lot of lots) lot.error = error
    }
  }

  /** Turns a lot's answer into Receipts or into another try; topics to look up again go into `moved`. */
  async #settle(lot: Lot, batch: readonly Delivery[], receipts: Receipt[], moved: Set<string>): Promise<void> {
    const { partition, count, answer } = lot
    const code = answer?.errorCode ?? -1
    if (answer !== null && (code === 0 || code === alreadyWritten)) {
      return confirm(partition, count, code === 0 ? answer.baseOffset : -1, receipts)
    }
    const place = placeOf(partition)
    const meaning = meaningOf(code)
    if (answer === null || !meaning.notWritten) this.#claim(partition, count, batch)
    if (answer === null) {
      const silent = (): TrestleError => new TrestleError('E601', `${place}: the broker did not answer for it`)
      fail(partition, receipts, lot.error ?? silent())
      return
    }
    const error = fromKafkaCode(code, answer.errorMessage, place)
    if (tooLarge.has(code)) return this.#halve(partition, count, receipts, error)
    if (code === invalidRecord && answer.faulty.length > 0) return this.#refuseFaulty(partition, answer, receipts)
    if (code === invalidRecord) return this.#halve(partition, count, receipts, error)
    if (partition.tries++ < maxTries) {
      if (elsewhere.has(code)) return void moved.add(partition.topic.name)
      if (renumber.has(code) && this.#options.idempotent) return this.#renumber(partition, error.message)
    }
    // Unknown whether it is in the log: only a fresh start brings all of it back at once, to be sent as it was.
    const { message, detail } = error
    fail(
      partition,
      receipts,
      meaning.notWritten ? error : new TrestleError(error.code, message, { retry: 'reconnect', detail }),
    )
  }

  #claim(partition: Partition, count: number, batch: readonly Delivery[]): void {
    if (!this.#options.idempotent) return
    const { queue, head } = partition
    partition.claim ??= queue.slice(head, head + count).map((at) => batch[at]!.id)
  }

  /** A batch that was refused whole: by halves until the culprit stands alone; it is refused and the rest goes on. */
  #halve(partition: Partition, count: number, receipts: Receipt[], error: TrestleError): void {
    partition.claim = null
    if (count > 1) partition.maxRecords = count >> 1
    else receipts[partition.queue[partition.head++]!] = notDelivered(error)
  }

  /** The records the broker names are refused, the others of the batch go again. */
  #refuseFaulty(partition: Partition, { faulty }: ProduceAnswer, receipts: Receipt[]): void {
    partition.claim = null
    const { queue, head } = partition
    const out = new Set<number>()
    for (const { index, message } of faulty) {
      const at = queue[head + index]
      if (at === undefined) continue
      out.add(at)
      receipts[at] = notDelivered(fromKafkaCode(invalidRecord, message, placeOf(partition)))
    }
    const rest = queue.slice(head).filter((at) => !out.has(at))
    queue.splice(head, queue.length - head, ...rest)
  }

  /** Learns where topics are now; a little later, because an election takes a moment. */
  async #look(names: readonly string[]): Promise<void> {
    await new Promise((done) => setTimeout(done, 50))
    await this.#topics.learn(names)
  }
}

const placeOf = ({ topic, index }: Partition): string => `${topic.name}-${index}`

/** All that is left of the queue fails with the same error. */
function fail(partition: Partition, receipts: Receipt[], error: TrestleError): null {
  const receipt = notDelivered(error)
  const { queue } = partition
  for (; partition.head < queue.length; partition.head++) receipts[queue[partition.head]!] = receipt
  return null
}

function confirm(partition: Partition, count: number, baseOffset: number, receipts: Receipt[]): void {
  const { queue } = partition
  const written = partition.head + count
  for (let offset = baseOffset; partition.head < written; partition.head++, offset++) {
    receipts[queue[partition.head]!] = new Written(partition, baseOffset < 0 ? -1 : offset)
  }
  partition.sequence = sequenceAfter(partition.sequence, count)
  partition.claim = null
  partition.tries = 0
  partition.maxRecords *= 2
}

/** A Receipt that says where the record is, in words only when someone asks. */
class Written implements Receipt {
  readonly outcome = 'delivered'
  readonly error = null
  readonly #partition: Partition
  readonly #offset: number

  constructor(partition: Partition, offset: number) {
    this.#partition = partition
    this.#offset = offset
  }

  get place(): string | null {
    return this.#offset < 0 ? null : `${placeOf(this.#partition)}@${this.#offset}`
  }
}
