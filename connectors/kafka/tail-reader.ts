import { type Connection, fetchV12, listOffsetsV6, type RecordsBatch } from '@platformatic/kafka'
import { TrestleError } from 'trestle/contract'
import { type KafkaClient, printBroker } from './client.ts'
import { fromThrown } from './errors.ts'
import type { Member } from './partition.ts'
import { membersIn } from './recall.ts'

/** A partition and where to begin: at an offset, or at the first record of a moment or later. */
export interface Tail {
  readonly topic: string
  readonly partition: number
  readonly leader: number
  /** -1: by the moment. */
  readonly fromOffset: number
  readonly sinceMs: number
}

const chunkBytes = 1 << 20
const maxReadBytes = 256 * 1024 * 1024
const abortMarker = 0
/** *Source*: Kafka protocol, ListOffsets: the end of what readers see. */
const latest = -1

/** Reads back what a partition has: the answer where sequence numbers no longer give one. */
export class TailReader {
  readonly #client: KafkaClient
  readonly #isolation: Isolation

  /** `isTransactional`: the records looked for are written in transactions; else only others are looked at. */
  constructor(client: KafkaClient, isTransactional: boolean) {
    this.#client = client
    this.#isolation = isTransactional ? 1 : 0
  }

  /**
   * Who is in the partition from there to its end; records of aborted transactions are not.
   * *Errors*: E603 without READ on the topic, E606 when too much lies between, and those of the connection.
   */
  async read(tail: Tail): Promise<Member[]> {
    const broker = this.#client.nodes.get(tail.leader)
    if (broker === undefined) throw new TrestleError('E607', `broker ${tail.leader} is not in the cluster now`)
    const place = `${tail.topic}-${tail.partition} on ${printBroker(broker)}`
    try {
      const connection = await this.#client.connectionTo(broker)
      if (tail.fromOffset >= 0) {
        const found = await this.#readOn(connection, tail, BigInt(tail.fromOffset)).catch((thrown: unknown) => {
          const error = fromThrown(thrown, place)
          if (error.detail['kafka'] !== 'OFFSET_OUT_OF_RANGE') throw error
        })
        if (found !== undefined) return found
      }
      const from = await offsetAt(connection, tail, tail.sinceMs, this.#isolation)
      return from < 0n ? [] : await this.#readOn(connection, tail, from)
    } catch (thrown) {
      throw fromThrown(thrown, place)
    }
  }

  async #readOn(connection: Connection, tail: Tail, from: bigint): Promise<Member[]> {
    const members: Member[] = []
    const unwanted = new Unwanted(this.#isolation)
    // A leader that was just elected shows less than it has; asked for the end, it says that it does not know it yet.
    const end = await offsetAt(connection, tail, latest, this.#isolation)
    let leftBytes = maxReadBytes
    for (let next = from; next < end; ) {
      const { records, aborted } = await fetchFrom(connection, tail, next, this.#isolation)
      if (records.length === 0)
        throw new TrestleError('E607', `${tail.topic}-${tail.partition} shows nothing from ${next}, and ends at ${end}`)
      unwanted.add(aborted)
      for (const batch of records) {
        next = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n
        leftBytes -= batch.length
        if (!unwanted.has(batch)) members.push(...membersIn(batch))
      }
      if (leftBytes < 0) throw new TrestleError('E606', `more than ${maxReadBytes} bytes lie behind offset ${from}`)
    }
    return members
  }
}

/** *Source*: Kafka protocol, Fetch, isolation_level: 0 reads to the high-water mark, 1 committed transactions only. */
type Isolation = 0 | 1

/** Where the first record of a moment or later is; -1: no record is so late. *Errors*: E607 while the leader is too new. */
async function offsetAt(
  connection: Connection,
  { topic, partition }: Tail,
  timestampMs: number,
  isolation: Isolation,
): Promise<bigint> {
  const partitions = [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp: BigInt(timestampMs) }]
  const { topics } = await listOffsetsV6.api.async(connection, -1, isolation, [{ name: topic, partitions }])
  return topics[0]?.partitions[0]?.offset ?? -1n
}

interface Fetched {
  records: RecordsBatch[]
  aborted: readonly { producerId: bigint; firstOffset: bigint }[]
}

async function fetchFrom(
  connection: Connection,
  { topic, partition }: Tail,
  offset: bigint,
  isolation: Isolation,
): Promise<Fetched> {
  const one = {
    partition,
    currentLeaderEpoch: -1,
    fetchOffset: offset,
    lastFetchedEpoch: -1,
    partitionMaxBytes: chunkBytes,
  }
  const topics = [{ topicId: topic, partitions: [one] }]
  const answer = await fetchV12.api.async(connection, 0, 0, chunkBytes, isolation, 0, -1, topics, [], '')
  const found = answer.responses[0]?.partitions[0]
  return {
    records: found?.records ?? [],
    aborted: found?.abortedTransactions ?? [],
  }
}

/** Batches that do not count. *Source*: Kafka protocol, Fetch, aborted_transactions. */
class Unwanted {
  readonly #isolation: Isolation
  readonly #running = new Set<bigint>()
  #ahead: { producerId: bigint; firstOffset: bigint }[] = []

  constructor(isolation: Isolation) {
    this.#isolation = isolation
  }

  add(aborted: Fetched['aborted']): void {
    this.#ahead = [...aborted]
  }

  has({ attributes, firstOffset, lastOffsetDelta, producerId, records }: RecordsBatch): boolean {
    const isTransactional = (attributes & 16) !== 0
    // Without transactions of our own, nobody has said of these whether they count.
    if (this.#isolation === 0) return isTransactional
    const last = firstOffset + BigInt(lastOffsetDelta)
    for (const one of this.#ahead) if (one.firstOffset <= last) this.#running.add(one.producerId)
    this.#ahead = this.#ahead.filter((one) => one.firstOffset > last)
    const isControl = (attributes & 32) !== 0
    if (isControl && records[0]?.key?.readInt16BE(2) === abortMarker) this.#running.delete(producerId)
    return isControl || (isTransactional && this.#running.has(producerId))
  }
}
