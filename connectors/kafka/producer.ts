import { type ConnectorContext, type Delivery, notDelivered, type Receipt, TrestleError } from 'trestle/contract'
import type { Claims } from './claims.ts'
import type { KafkaClient } from './client.ts'
import { type Codec, codecs } from './codecs.ts'
import { fromKafkaCode, fromThrown, meaningOf } from './errors.ts'
import { confirm, confirmClaim, fail, isUnfinished, type Lot, newLot, requeue } from './lot.ts'
import { type KafkaOptions, type Mode, modeOf } from './options.ts'
import { type Claim, type Partition, placeOf } from './partition.ts'
import type { ProduceAnswer } from './produce.ts'
import { noIdentity, type ProducerIdentity, RecordBatchWriter, spentIdentity } from './record-batch.ts'
import { Rounds } from './rounds.ts'
import { TailReader } from './tail-reader.ts'
import type { Topics } from './topics.ts'
import type { Transactions } from './transactions.ts'

const tooLarge = new Set([10, 18])
const invalidRecord = 87
const alreadyWritten = 46
/** The leader is another by now, or the topic was created anew: look and try again. */
const elsewhere = new Set([3, 5, 6, 72, 74, 75, 100, 103])
/** The broker does not know our numbers: go on under a new identity. */
const renumber = new Set([45, 47, 49, 59, 90])
/** The broker has looked at the batch and does not take it: of a repeat that says not whether the first is there. */
const judged = new Set([...renumber, ...tooLarge, invalidRecord, 2, 32, 43, 76])
const maxTries = 2

export interface ProducerParts {
  readonly options: KafkaOptions
  readonly client: KafkaClient
  readonly topics: Topics
  readonly context: ConnectorContext
  readonly claims: Claims
  /** null unless each round is a transaction. */
  readonly transactions: Transactions | null
  /** Who numbers partitions that have no identity of their own yet; null: to be asked for. */
  readonly identity: ProducerIdentity | null
}

/**
 * Writes what the partitions have in their queues, with a Receipt for each.
 *
 * It promises: records of a partition keep their order; one batch of a partition is in flight at a time, numbered and
 * kept on disk before, so that the broker drops a repeat; a batch whose answer was lost goes again exactly so, before all
 * else of its partition. What fails fails all that stands behind it in its partition, and nothing else.
 *
 * It does not wait and try for long: the hub does that, with its back-off. Wire: produce.ts, record-batch.ts.
 */
export class Producer {
  readonly #parts: ProducerParts
  readonly #mode: Mode
  readonly #codec: Codec
  readonly #writer: RecordBatchWriter
  readonly #rounds: Rounds
  readonly #reader: TailReader
  #identity: ProducerIdentity | null

  constructor(parts: ProducerParts) {
    const { options, context, client, transactions, identity, claims } = parts
    this.#parts = parts
    this.#mode = modeOf(options)
    this.#codec = codecs[options.compression]
    this.#writer = new RecordBatchWriter(context.hub, options.mqtt_headers, transactions !== null)
    this.#rounds = new Rounds(client, options.request_timeout_ms, claims, transactions)
    this.#reader = new TailReader(client, transactions !== null)
    this.#identity = this.#mode === 'at-least-once' ? noIdentity : identity
  }

  get identity(): ProducerIdentity | null {
    return this.#identity
  }

  /** Takes an identity when there is none. *Errors*: of the connection, or a refusal of idempotent writing. */
  async prepare(): Promise<ProducerIdentity> {
    const { client, transactions } = this.#parts
    if (this.#rounds.isSpent) this.#identity = null
    this.#identity ??= transactions === null ? await client.newIdentity() : await transactions.begin()
    this.#rounds.isSpent = false
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
      if (lots.length > 0) await this.#rounds.send(lots, this.#identity ?? noIdentity, batch)
      const moved = new Set<string>()
      for (const lot of lots) {
        if (lot.isAborted) continue
        if (lot.claim === null) await this.#settle(lot, batch, receipts, moved)
        else this.#settleClaim(lot, lot.claim, batch, receipts, moved)
      }
      if (moved.size > 0) await this.#look([...moved])
      open = open.filter(isUnfinished)
    }
  }

  /** The next record batch of a partition; null when nothing of its queue can be sent. */
  async #nextLot(partition: Partition, batch: readonly Delivery[], receipts: Receipt[]): Promise<Lot | null> {
    const { topic, claim } = partition
    const { claims } = this.#parts
    if (topic.fault !== null) return fail(partition, receipts, topic.fault)
    if (partition.leader < 0) return fail(partition, receipts, fromKafkaCode(5, null, placeOf(partition)))
    try {
      if (claim !== null) {
        const isNumbered = this.#mode === 'idempotent'
        const mustLook = claims.mustLook(claim) || !isNumbered
        if (mustLook && (await claims.look(claim, this.#reader)))
          confirmClaim(claim, -1, (at) => batch[at]!.id, receipts)
        // Under its own numbers even so: it may have come to the leader and not yet to its readers.
        else if (isNumbered) return newLot(partition, 0, claim.batch, claim)
        else this.#drop(claim)
      }
      if (claims.isUnsure && !claims.looked.has(partition)) await this.#lookSince(partition, batch, receipts)
      return await this.#fill(partition, batch, receipts)
    } catch (thrown) {
      return fail(partition, receipts, fromThrown(thrown, placeOf(partition)))
    }
  }

  /** After a loss of power: answers what is in the partition already. */
  async #lookSince(partition: Partition, batch: readonly Delivery[], receipts: Receipt[]): Promise<void> {
    const { claims } = this.#parts
    const waiting = partition.queue.slice(partition.head)
    const sinceMs = waiting.reduce((oldest, at) => Math.min(oldest, batch[at]!.message.timeMs), Number.MAX_SAFE_INTEGER)
    await claims.lookSince(partition, sinceMs, this.#reader)
    const rest = waiting.filter((at) => !claims.isWritten(batch[at]!))
    for (const at of waiting) if (claims.isWritten(batch[at]!)) receipts[at] = claims.writtenBefore
    partition.queue.splice(partition.head, waiting.length, ...rest)
  }

  async #fill(partition: Partition, batch: readonly Delivery[], receipts: Receipt[]): Promise<Lot | null> {
    const { options, claims } = this.#parts
    const { queue } = partition
    const maxBytes = options.max_message_bytes
    while (partition.head < queue.length) {
      await this.#takeNumbers(partition)
      const maxCount = Math.min(partition.maxRecords, queue.length - partition.head)
      this.#writer.begin()
      let count = 0
      while (count < maxCount && this.#writer.add(batch[queue[partition.head + count]!]!, maxBytes)) count++
      const sequence = this.#mode === 'at-least-once' ? -1 : partition.sequence
      const bytes = await this.#writer.finish(this.#codec, partition.identity!, sequence)
      if (bytes.length <= maxBytes) {
        if (this.#mode !== 'at-least-once') claims.note(partition, bytes)
        return newLot(partition, count, bytes)
      }
      const advice = 'raise max_message_bytes here and message.max.bytes of the brokers, or send less at once'
      const words = `a record of ${bytes.length} bytes is above max_message_bytes (${maxBytes})`
      this.#halve(partition, count, receipts, new TrestleError('E605', words, { detail: { advice } }))
    }
    return null
  }

  /** Sees that the partition has an identity that its numbers belong to. */
  async #takeNumbers(partition: Partition): Promise<void> {
    if (this.#mode === 'exactly-once') {
      const identity = await this.prepare()
      if (partition.identity !== identity) partition.sequence = 0
      partition.identity = identity
    } else if (partition.identity === spentIdentity) {
      partition.identity = await this.#parts.client.newIdentity()
      partition.sequence = 0
    } else partition.identity ??= await this.prepare()
  }

  /** Turns a lot's answer into Receipts or into another try; topics to look up again go into `moved`. */
  async #settle(lot: Lot, batch: readonly Delivery[], receipts: Receipt[], moved: Set<string>): Promise<void> {
    const { partition, count, answer } = lot
    const { claims } = this.#parts
    const isNumbered = this.#mode === 'idempotent'
    const code = answer?.errorCode ?? -1
    if (answer !== null && (code === 0 || code === alreadyWritten)) {
      if (isNumbered) claims.noteEnd(partition, 'written')
      return confirm(partition, count, code === 0 ? answer.baseOffset : -1, receipts)
    }
    const place = placeOf(partition)
    const meaning = meaningOf(code)
    if (isNumbered) {
      if (answer === null || !meaning.notWritten) this.#open(lot, batch)
      else claims.noteEnd(partition, 'not-written')
    }
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
      if (renumber.has(code) && this.#mode !== 'at-least-once') return this.#renumber(partition, error.message)
    }
    fail(partition, receipts, error)
  }

  /** What became of a batch that was sent again. */
  #settleClaim(
    { partition, answer, error: lost }: Lot,
    claim: Claim,
    batch: readonly Delivery[],
    receipts: Receipt[],
    moved: Set<string>,
  ): void {
    const code = answer?.errorCode ?? -1
    if (answer !== null && (code === 0 || code === alreadyWritten)) {
      this.#parts.claims.close(claim, true)
      confirmClaim(claim, code === 0 ? answer.baseOffset : -1, (at) => batch[at]!.id, receipts)
      return
    }
    const silent = (): TrestleError => new TrestleError('E601', `${placeOf(partition)}: the broker did not answer`)
    if (answer === null) return void fail(partition, receipts, lost ?? silent())
    if (judged.has(code) && claim.isLooked) this.#drop(claim)
    else if (judged.has(code)) claim.mustLook = true
    else if (elsewhere.has(code) && partition.tries++ < maxTries) moved.add(partition.topic.name)
    else fail(partition, receipts, fromKafkaCode(code, answer.errorMessage, placeOf(partition)))
  }

  /** Nobody knows whether the lot is written: from now on it goes first, and only just so. */
  #open({ partition, batch: bytes, count }: Lot, batch: readonly Delivery[]): void {
    const { queue, head } = partition
    const waiting = queue.slice(head, head + count)
    const members = waiting.map((at) => ({ id: batch[at]!.id, timeMs: batch[at]!.message.timeMs }))
    partition.head += count
    this.#parts.claims.open(partition, bytes, members, waiting)
  }

  /** It is not there: those that waited for it are sent as if for the first time. */
  #drop(claim: Claim): void {
    this.#parts.claims.close(claim, false)
    requeue(claim)
  }

  #renumber(partition: Partition, why: string): void {
    this.#parts.context.log('info', 'kafka.new-identity', { partition: placeOf(partition), why })
    if (this.#mode === 'idempotent') partition.identity = spentIdentity
    else this.#rounds.isSpent = true
  }

  /** A batch that was refused whole: by halves until the culprit stands alone; it is refused and the rest goes on. */
  #halve(partition: Partition, count: number, receipts: Receipt[], error: TrestleError): void {
    if (count > 1) partition.maxRecords = count >> 1
    else receipts[partition.queue[partition.head++]!] = notDelivered(error)
  }

  /** The records the broker names are refused, the others of the batch go again. */
  #refuseFaulty(partition: Partition, { faulty }: ProduceAnswer, receipts: Receipt[]): void {
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
    await this.#parts.topics.learn(names)
  }
}
