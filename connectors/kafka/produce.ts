import { createAPI, type Reader, Writer } from '@platformatic/kafka'

/** Finished record batches of one leader, at most one per partition. */
export interface ProduceRequest {
  readonly timeoutMs: number
  /** null: not in a transaction. */
  readonly transactionalId: string | null
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly { readonly index: number; readonly batch: Buffer }[]
  }[]
}

/** What the leader says of one partition's batch. */
export interface ProduceAnswer {
  topic: string
  partition: number
  /** 0: written. */
  errorCode: number
  errorMessage: string | null
  /** Offset of the batch's first record; -1 when unknown. */
  baseOffset: number
  /** Records that made the batch invalid, by their place in it. */
  faulty: readonly { index: number; message: string | null }[]
}

/*
 * Produce request 9 to 11 => transactional_id acks timeout_ms [topic] tags
 *   transactional_id COMPACT_NULLABLE_STRING   null: none
 *   acks             INT16                     -1: all in-sync replicas
 *   timeout_ms       INT32
 *   topic => name COMPACT_STRING [partition] tags
 *     partition => index INT32, records COMPACT_RECORDS (length + 1 as unsigned varint, one record batch), tags
 */
function writeRequest({ timeoutMs, transactionalId, topics }: ProduceRequest): Writer {
  const writer = Writer.create().appendString(transactionalId).appendInt16(-1).appendInt32(timeoutMs)
  return writer
    .appendArray([...topics], (out, topic) => {
      out.appendString(topic.name).appendArray([...topic.partitions], (entry, { index, batch }) => {
        entry
          .appendInt32(index)
          .appendUnsignedVarInt(batch.length + 1)
          .append(batch)
      })
    })
    .appendTaggedFields()
}

/*
 * Produce response 9 to 11 => [topic] throttle_time_ms tags
 *   topic => name COMPACT_STRING [partition] tags
 *     partition => index INT32, error_code INT16, base_offset INT64, log_append_time_ms INT64, log_start_offset INT64,
 *       [record_error] error_message COMPACT_NULLABLE_STRING tags
 *       record_error => batch_index INT32, message COMPACT_NULLABLE_STRING, tags
 *
 * Unlike the library's reader it does not throw when one partition of many was refused.
 */
function readAnswer(_correlation: number, _key: number, _version: number, reader: Reader): ProduceAnswer[] {
  const answers: ProduceAnswer[] = []
  reader.readArray((topicReader) => {
    const topic = topicReader.readString()
    topicReader.readArray((partitionReader) => {
      answers.push(readPartition(topic, partitionReader))
    })
  })
  return answers
}

function readPartition(topic: string, reader: Reader): ProduceAnswer {
  const partition = reader.readInt32()
  const errorCode = reader.readInt16()
  const baseOffset = Number(reader.readInt64())
  reader.readInt64()
  reader.readInt64()
  const faulty = reader.readArray((entry) => ({ index: entry.readInt32(), message: entry.readNullableString() }))
  return { topic, partition, errorCode, baseOffset, faulty, errorMessage: reader.readNullableString() }
}

/** Newest first. *Source*: Kafka protocol, Produce (key 0). */
export const produceApis = [11, 10, 9].map((version) =>
  createAPI<[request: ProduceRequest], ProduceAnswer[]>(0, version, writeRequest, readAnswer),
)
