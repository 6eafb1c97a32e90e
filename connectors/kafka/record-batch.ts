import { crc32c } from '@platformatic/kafka'
import type { Delivery } from 'trestle/contract'
import { BatchBytes } from './batch-bytes.ts'
import type { Codec } from './codecs.ts'
import { RecordHeaders } from './record-headers.ts'

/*
 * Record batch, magic 2, as this file writes it. All integers are big-endian; varints are zigzag.
 *
 *   0  base offset            int64   0, the broker sets it
 *   8  length of what follows int32
 *  12  leader epoch           int32   -1
 *  16  magic                  int8    2
 *  17  CRC-32C from 21 on     uint32
 *  21  attributes             int16   bits 0–2: codec, bit 4: transactional
 *  23  last offset delta      int32   records - 1
 *  27  first timestamp        int64   ms since the epoch
 *  35  largest timestamp      int64
 *  43  producer id            int64   -1: not idempotent
 *  51  producer epoch         int16
 *  53  first sequence         int32
 *  57  records                int32
 *  61  record…                compressed as one by the codec
 *
 * Record: length varint, attributes int8, timestamp delta varlong, offset delta varint, key (length varint, bytes;
 * -1: none), value (the same), number of headers varint, headers (name, value: length varint, bytes).
 */
const headerBytes = 61
const maxInt32 = 0x7fffffff

/** Who produces: the brokers drop a sequence number of the same producer that they have already. */
export interface ProducerIdentity {
  readonly id: bigint
  readonly epoch: number
}

export const noIdentity: ProducerIdentity = { id: -1n, epoch: -1 }
/** Numbers were given under the old identity of which nobody knows whether the broker has counted them: take another. */
export const spentIdentity: ProducerIdentity = { id: -2n, epoch: -1 }

/**
 * Writes record batches one after the other into one buffer that is used again and again: `begin`, `add` for each
 * record, `finish`. What `finish` gave is valid until `reset`.
 */
export class RecordBatchWriter {
  readonly #out = new BatchBytes()
  readonly #headers: RecordHeaders
  readonly #isTransactional: boolean
  #start = 0
  #count = 0
  #firstMs = 0
  #lastMs = 0

  /** `hub`: id of this hub, for the hop list. `mqttHeaders: false` writes identity and hops alone. */
  constructor(hub: string, mqttHeaders: boolean, isTransactional = false) {
    this.#headers = new RecordHeaders(hub, mqttHeaders)
    this.#isTransactional = isTransactional
  }

  /** Forgets what was written. */
  reset(): void {
    this.#out.end = 0
  }

  begin(): void {
    this.#start = this.#out.end
    this.#count = 0
    this.#start = this.#out.reserve(this.#start, headerBytes)
    this.#out.end += headerBytes
  }

  /** Bytes of the batch so far, uncompressed. */
  get sizeBytes(): number {
    return this.#out.end - this.#start
  }

  /** Adds a record unless the batch would exceed `maxBytes`; the first always goes in. Answers whether it is in. */
  add(delivery: Delivery, maxBytes: number): boolean {
    const { message, key, payload } = delivery
    const out = this.#out
    this.#start = out.reserve(this.#start, roomFor(delivery) + this.#headers.room)
    const before = out.end
    const timeMs = message.timeMs
    if (this.#count === 0) this.#firstMs = this.#lastMs = timeMs
    // The length of a record stands before it: guess how many bytes it takes, and move the record if it was wrong.
    const guess = payload.length < 7000 ? 2 : payload.length < 1_000_000 ? 3 : 4
    const body = before + guess
    out.end = body
    out.byte(0)
    out.varint(timeMs - this.#firstMs)
    out.varint(this.#count)
    if (key === null) out.varint(-1)
    else out.text(key)
    out.blob(payload)
    this.#headers.write(out, delivery)
    const length = out.end - body
    const width = widthOf(length)
    if (width !== guess) out.bytes.copyWithin(before + width, body, out.end)
    out.end = before
    out.varint(length)
    out.end += length
    if (this.#count > 0 && out.end - this.#start > maxBytes) {
      out.end = before
      return false
    }
    if (timeMs > this.#lastMs) this.#lastMs = timeMs
    this.#count++
    return true
  }

  /** The finished batch. *Shape*: see the top of this file. */
  async finish(codec: Codec, producer: ProducerIdentity, firstSequence: number): Promise<Buffer> {
    const start = this.#start
    const count = this.#count
    const plain = this.#out.bytes.subarray(start, this.#out.end)
    if (codec.compress === null) {
      this.#header(plain, 0, count, producer, firstSequence)
      return plain
    }
    const records = await codec.compress(plain.subarray(headerBytes))
    const batch = Buffer.allocUnsafe(headerBytes + records.length)
    batch.set(records, headerBytes)
    this.#header(batch, codec.bits, count, producer, firstSequence)
    return batch
  }

  #header(batch: Buffer, attributes: number, count: number, producer: ProducerIdentity, firstSequence: number): void {
    batch.writeBigInt64BE(0n, 0)
    batch.writeInt32BE(batch.length - 12, 8)
    batch.writeInt32BE(-1, 12)
    batch[16] = 2
    batch.writeInt16BE(this.#isTransactional ? attributes | 16 : attributes, 21)
    batch.writeInt32BE(count - 1, 23)
    batch.writeBigInt64BE(BigInt(this.#firstMs), 27)
    batch.writeBigInt64BE(BigInt(this.#lastMs), 35)
    batch.writeBigInt64BE(producer.id, 43)
    batch.writeInt16BE(producer.epoch, 51)
    batch.writeInt32BE(firstSequence, 53)
    batch.writeInt32BE(count, 57)
    batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
  }
}

/** An upper bound of a record's bytes, the constant headers aside. */
function roomFor({ id, key, payload, headers, message }: Delivery): number {
  let units = id.length + (key === null ? 0 : key.length) + message.topic.length + message.client.length
  let room = payload.length + 400
  for (const [name, value] of headers) units += name.length + value.length + 10
  const properties = message.properties
  if (properties !== null) {
    units += (properties.contentType?.length ?? 0) + (properties.responseTopic?.length ?? 0)
    room += properties.correlationData?.length ?? 0
    for (const [name, value] of properties.user ?? []) units += name.length + value.length + 20
  }
  // A UTF-16 unit is at most three bytes of UTF-8.
  return room + units * 3
}

function widthOf(length: number): number {
  return length < 1 << 6 ? 1 : length < 1 << 13 ? 2 : length < 1 << 20 ? 3 : length < 1 << 27 ? 4 : 5
}

/** The sequence number after `count` records; they count in 31 bits and begin again at 0. */
export function sequenceAfter(sequence: number, count: number): number {
  return sequence > maxInt32 - count ? count - (maxInt32 - sequence) - 1 : sequence + count
}
