import { createAPI, type Reader, Writer } from '@platformatic/kafka'

/** What is asked of the leader of some partitions. */
export interface FetchRequest {
  /** How long the broker may wait until `minBytes` are there. */
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes: number
  /** Only records of transactions that are committed. */
  readonly committedOnly: boolean
  readonly topics: readonly { readonly name: string; readonly partitions: readonly FetchFrom[] }[]
}

export interface FetchFrom {
  readonly index: number
  readonly offset: number
  readonly maxBytes: number
}

export interface Fetched {
  /** Not 0: the whole request was refused. */
  errorCode: number
  partitions: FetchedPartition[]
}

export interface FetchedPartition {
  topic: string
  index: number
  errorCode: number
  highWatermark: number
  /** The offset up to which all transactions have ended. */
  lastStableOffset: number
  aborted: readonly AbortedTransaction[]
  /** Record batches one after the other; the last may be cut off. */
  records: Buffer
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

const nothing = Buffer.alloc(0)

/*
 * Fetch request 12 => replica_id max_wait_ms min_bytes max_bytes isolation session_id session_epoch [topic]
 *                     [forgotten] rack_id tags
 *   replica_id INT32 -1, session_id INT32 0, session_epoch INT32 -1 (no session), forgotten empty, rack_id empty
 *   isolation INT8 0 all, 1 committed
 *   topic => name COMPACT_STRING [partition] tags
 *     partition => index INT32, current_leader_epoch INT32 -1, fetch_offset INT64, last_fetched_epoch INT32 -1,
 *       log_start_offset INT64 -1, max_bytes INT32, tags
 */
function writeRequest({ maxWaitMs, minBytes, maxBytes, committedOnly, topics }: FetchRequest): Writer {
  return Writer.create()
    .appendInt32(-1)
    .appendInt32(maxWaitMs)
    .appendInt32(minBytes)
    .appendInt32(maxBytes)
    .appendInt8(committedOnly ? 1 : 0)
    .appendInt32(0)
    .appendInt32(-1)
    .appendArray([...topics], (out, { name, partitions }) => {
      out.appendString(name).appendArray([...partitions], (entry, { index, offset, maxBytes }) => {
        entry
          .appendInt32(index)
          .appendInt32(-1)
          .appendInt64(BigInt(offset))
          .appendInt32(-1)
          .appendInt64(-1n)
          .appendInt32(maxBytes)
      })
    })
    .appendArray([], () => {})
    .appendString('')
    .appendTaggedFields()
}

/*
 * Fetch response 12 => throttle_time_ms INT32, error_code INT16, session_id INT32, [topic] tags
 *   topic => name COMPACT_STRING [partition] tags
 *     partition => index INT32, error_code INT16, high_watermark INT64, last_stable_offset INT64, log_start_offset
 *       INT64, [aborted] preferred_read_replica INT32, records COMPACT_RECORDS, tags
 *       aborted => producer_id INT64, first_offset INT64, tags
 *
 * Unlike the library's reader it leaves the records as they are, and does not throw when one partition of many was refused.
 */
function readAnswer(_correlation: number, _key: number, _version: number, reader: Reader): Fetched {
  reader.readInt32()
  const fetched: Fetched = { errorCode: reader.readInt16(), partitions: [] }
  reader.readInt32()
  reader.readArray((topicReader) => {
    const topic = topicReader.readString()
    topicReader.readArray((partitionReader) => {
      fetched.partitions.push(readPartition(topic, partitionReader))
    })
  })
  return fetched
}

function readPartition(topic: string, reader: Reader): FetchedPartition {
  const index = reader.readInt32()
  const errorCode = reader.readInt16()
  const highWatermark = Number(reader.readInt64())
  const lastStableOffset = Number(reader.readInt64())
  reader.readInt64()
  const aborted = reader.readArray((entry) => ({
    producerId: Number(entry.readInt64()),
    firstOffset: Number(entry.readInt64()),
  }))
  reader.readInt32()
  const records = reader.readNullableBytes() ?? nothing
  return { topic, index, errorCode, highWatermark, lastStableOffset, aborted, records }
}

/** *Source*: Kafka protocol, Fetch (key 1). The newest version that still names topics, understood from 2.7 to 4.x. */
export const fetchApi = createAPI<[request: FetchRequest], Fetched>(1, 12, writeRequest, readAnswer)
