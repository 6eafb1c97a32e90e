import { crc32c } from '@platformatic/kafka'
import type { Delivery } from 'trestle/contract'
import type { Codec } from './codecs.ts'

/*
 * Record batch, magic 2, as this file writes it. All integers are big-endian; varints are zigzag.
 *
 *   0  base offset            int64   0, the broker sets it
 *   8  length of what follows int32
 *  12  leader epoch           int32   -1
 *  16  magic                  int8    2
 *  17  CRC-32C from 21 on     uint32
 *  21  attributes             int16   bits 0–2: codec
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

/**
 * Writes record batches one after the other into one buffer that is used again and again: `begin`, `add` for each
 * record, `finish`. What `finish` gave is valid until `reset`.
 */
export class RecordBatchWriter {
  readonly #mqttHeaders: boolean
  #bytes = Buffer.allocUnsafe(1 << 18)
  #start = 0
  #end = 0
  #count = 0
  #firstMs = 0
  #lastMs = 0

  constructor(mqttHeaders: boolean) {
    this.#mqttHeaders = mqttHeaders
  }

  /** Forgets what was written. */
  reset(): void {
    this.#end = 0
  }

  begin(): void {
    this.#start = this.#end
    this.#count = 0
    this.#reserve(headerBytes)
    this.#end += headerBytes
  }

  /** Bytes of the batch so far, uncompressed. */
  get sizeBytes(): number {
    return this.#end - this.#start
  }

  /** Adds a record unless the batch would exceed `maxBytes`; the first always goes in. Answers whether it is in. */
  add(delivery: Delivery, maxBytes: number): boolean {
    const { message, key, payload } = delivery
    this.#reserve(this.#roomFor(delivery))
    const before = this.#end
    const timeMs = message.timeMs
    if (this.#count === 0) this.#firstMs = this.#lastMs = timeMs
    // The length of a record stands before it: guess how many bytes it takes, and move the record if it was wrong.
    const guess = payload.length < 7000 ? 2 : payload.length < 1_000_000 ? 3 : 4
    const body = before + guess
    this.#end = body
    this.#bytes[this.#end++] = 0
    this.#varint(timeMs - this.#firstMs)
    this.#varint(this.#count)
    if (key === null) this.#varint(-1)
    else this.#text(key)
    this.#blob(payload)
    this.#headers(delivery)
    const length = this.#end - body
    const width = widthOf(length)
    if (width !== guess) {
      this.#bytes.copyWithin(before + width, body, this.#end)
    }
    this.#end = before
    this.#varint(length)
    this.#end += length
    if (this.#count > 0 && this.#end - this.#start > maxBytes) {
      this.#end = before
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
    const plain = this.#bytes.subarray(start, this.#end)
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
    batch.writeInt16BE(attributes, 21)
    batch.writeInt32BE(count - 1, 23)
    batch.writeBigInt64BE(BigInt(this.#firstMs), 27)
    batch.writeBigInt64BE(BigInt(this.#lastMs), 35)
    batch.writeBigInt64BE(producer.id, 43)
    batch.writeInt16BE(producer.epoch, 51)
    batch.writeInt32BE(firstSequence, 53)
    batch.writeInt32BE(count, 57)
    batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
  }

  /** Headers: the identity first, what MQTT said about the message, then what the rule names. */
  #headers({ id, message, headers }: Delivery): void {
    const properties = this.#mqttHeaders ? message.properties : null
    const user = properties?.user ?? []
    let count = 1 + headers.length + (this.#mqttHeaders ? 2 : 0)
    if (properties !== null) {
      if (properties.contentType !== undefined) count++
      if (properties.responseTopic !== undefined) count++
      if (properties.correlationData !== undefined) count++
      for (const [name] of user) if (!isOurs(name)) count++
    }
    this.#varint(count)
    this.#pair('trestle-id', id)
    if (this.#mqttHeaders) {
      this.#pair('mqtt-topic', message.topic)
      this.#pair('mqtt-client', message.client)
    }
    if (properties !== null) {
      if (properties.contentType !== undefined) this.#pair('content-type', properties.contentType)
      if (properties.responseTopic !== undefined) this.#pair('mqtt-response-topic', properties.responseTopic)
      if (properties.correlationData !== undefined) {
        this.#pair('mqtt-correlation-data', properties.correlationData)
      }
      for (const [name, value] of user) if (!isOurs(name)) this.#pair(name, value)
    }
    for (let at = 0; at < headers.length; at++) {
      const header = headers[at]!
      this.#pair(header[0], header[1])
    }
  }

  #pair(name: string, value: string | Uint8Array): void {
    this.#text(name)
    if (typeof value === 'string') this.#text(value)
    else this.#blob(value)
  }

  #text(text: string): void {
    const length = text.length
    if (length < 64) {
      // Short ASCII, as nearly all names are: one byte of length, one per character, without leaving JavaScript.
      const bytes = this.#bytes
      const at = this.#end + 1
      let index = 0
      for (; index < length; index++) {
        const unit = text.charCodeAt(index)
        if (unit > 0x7f) break
        bytes[at + index] = unit
      }
      if (index === length) {
        bytes[this.#end] = length << 1
        this.#end = at + length
        return
      }
    }
    this.#varint(Buffer.byteLength(text))
    this.#end += this.#bytes.write(text, this.#end)
  }

  #blob(bytes: Uint8Array): void {
    this.#varint(bytes.length)
    this.#bytes.set(bytes, this.#end)
    this.#end += bytes.length
  }

  #varint(value: number): void {
    const bytes = this.#bytes
    // Timestamps of a long backlog may lie further apart than 2^30 ms: no bit operations beyond that.
    let rest = value >= 0 ? value * 2 : value * -2 - 1
    while (rest > 0x7f) {
      bytes[this.#end++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    bytes[this.#end++] = rest
  }

  /** An upper bound of a record's bytes. */
  #roomFor({ id, key, payload, headers, message }: Delivery): number {
    let units = id.length + (key === null ? 0 : key.length) + message.topic.length + message.client.length
    let room = payload.length + 200
    for (const [name, value] of headers) units += name.length + value.length + 10
    const properties = message.properties
    if (properties !== null) {
      units += (properties.contentType?.length ?? 0) + (properties.responseTopic?.length ?? 0)
      room += properties.correlationData?.length ?? 0
      for (const [name, value] of properties.user ?? []) units += name.length + value.length + 10
    }
    // A UTF-16 unit is at most three bytes of UTF-8.
    room += units * 3
    return room
  }

  #reserve(room: number): void {
    if (this.#end + room <= this.#bytes.length) return
    // Finished batches keep the old buffer; the one being written moves to the new.
    const size = this.#end - this.#start
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length, (size + room) * 2))
    this.#bytes.copy(grown, 0, this.#start, this.#end)
    this.#bytes = grown
    this.#start = 0
    this.#end = size
  }
}

/** A device must not forge what only the hub says. */
const isOurs = (name: string): boolean => name.startsWith('trestle-')

function widthOf(length: number): number {
  return length < 1 << 6 ? 1 : length < 1 << 13 ? 2 : length < 1 << 20 ? 3 : length < 1 << 27 ? 4 : 5
}

/** The sequence number after `count` records; they count in 31 bits and begin again at 0. */
export function sequenceAfter(sequence: number, count: number): number {
  return sequence > maxInt32 - count ? count - (maxInt32 - sequence) - 1 : sequence + count
}
