import type { Header, Message, MessageProperties } from '../contract/message.ts'
import type { JournalRecord, OwedRecord } from './port.ts'
import { owedEntryBytes, owedFlag, propertyFlag, recordFlag, recordHeaderBytes } from './record.ts'

const noHeaders: readonly Header[] = []

/**
 * A Message as it was read. A class and not a literal: V8 takes literals that outlive a few collections for long-lived
 * ones and makes them in the old generation, where each, long dead, keeps all it names until that is collected too.
 */
class ReadMessage implements Message {
  topic: string
  payload: Uint8Array
  qos: 0 | 1 | 2
  retain: boolean
  properties: MessageProperties | null = null
  client: string
  username: string | null
  source: string | null
  timeMs: number

  constructor(
    topic: string,
    payload: Uint8Array,
    qos: 0 | 1 | 2,
    retain: boolean,
    client: string,
    username: string | null,
    source: string | null,
    timeMs: number,
  ) {
    this.topic = topic
    this.payload = payload
    this.qos = qos
    this.retain = retain
    this.client = client
    this.username = username
    this.source = source
    this.timeMs = timeMs
  }
}

/**
 * Reads records of one chunk (layout in record.ts). Strings are made only when a record is asked for; payloads, header
 * values and correlation data are views into the chunk.
 */
export class RecordView {
  readonly #bytes: Buffer
  readonly #view: DataView
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  sizeAt(start: number): number {
    return this.#view.getUint32(start, true)
  }

  timeAt(start: number): number {
    return this.#view.getFloat64(start + 8, true)
  }

  owedCountAt(start: number): number {
    return this.#view.getUint32(start + 4, true)
  }

  /** Number of the sink of the owed at `index`. */
  sinkAt(start: number, index: number): number {
    return this.#view.getUint32(start + recordHeaderBytes + index * owedEntryBytes, true)
  }

  ruleAt(start: number, index: number): number {
    return this.#view.getUint32(start + recordHeaderBytes + index * owedEntryBytes + 4, true)
  }

  ordinalAt(start: number, index: number): number {
    return this.#view.getFloat64(start + recordHeaderBytes + index * owedEntryBytes + 8, true)
  }

  payloadBytesAt(start: number, index: number): number {
    return this.#view.getUint32(start + recordHeaderBytes + index * owedEntryBytes + 20, true)
  }

  /** The record at `start` with the entries of one sink. */
  record(start: number, position: number, names: readonly string[], sink: number): JournalRecord {
    const flags = this.#bytes[start + 20]!
    const count = this.owedCountAt(start)
    const payloadBytes = this.#view.getUint32(start + 16, true)
    const payloadAt = start + recordHeaderBytes + count * owedEntryBytes
    this.#at = payloadAt + payloadBytes
    const message = new ReadMessage(
      this.#text(),
      this.#bytes.subarray(payloadAt, payloadAt + payloadBytes),
      ((flags >> recordFlag.qosShift) & 3) as 0 | 1 | 2,
      (flags & recordFlag.retain) !== 0,
      this.#text(),
      (flags & recordFlag.username) !== 0 ? this.#text() : null,
      (flags & recordFlag.source) !== 0 ? this.#text() : null,
      this.timeAt(start),
    )
    if ((flags & recordFlag.properties) !== 0) message.properties = this.#properties(this.#bytes[start + 21]!)
    const awaited = (flags & recordFlag.awaited) !== 0
    // An array that grows makes room for many; nearly all records owe a sink once.
    if (count === 1 && this.sinkAt(start, 0) === sink) {
      return { position, message, owed: [this.#owed(start, 0, message, names)], awaited }
    }
    const owed: OwedRecord[] = []
    for (let index = 0; index < count; index += 1) {
      if (this.sinkAt(start, index) === sink) owed.push(this.#owed(start, index, message, names))
    }
    return { position, message, owed, awaited }
  }

  #owed(start: number, index: number, message: Message, names: readonly string[]): OwedRecord {
    const view = this.#view
    const entry = start + recordHeaderBytes + index * owedEntryBytes
    const payloadOffset = view.getUint32(entry + 16, true)
    const payloadAt = start + payloadOffset
    const flags = view.getUint32(entry + 28, true)
    this.#at = start + view.getUint32(entry + 24, true)
    return {
      sink: names[view.getUint32(entry, true)]!,
      rule: names[view.getUint32(entry + 4, true)]!,
      target: (flags & owedFlag.target) !== 0 ? this.#text() : null,
      key: (flags & owedFlag.key) !== 0 ? this.#text() : null,
      orderKey: (flags & owedFlag.orderKey) !== 0 ? this.#text() : `${message.client}/${message.topic}`,
      options: (flags & owedFlag.options) !== 0 ? JSON.parse(this.#blob().toString('utf8')) : null,
      headers: (flags & owedFlag.headers) !== 0 ? this.#headers() : noHeaders,
      payload:
        payloadOffset === 0
          ? message.payload
          : this.#bytes.subarray(payloadAt, payloadAt + view.getUint32(entry + 20, true)),
      index,
      ordinal: view.getFloat64(entry + 8, true),
    }
  }

  #properties(flags: number): MessageProperties {
    const properties: MessageProperties = {}
    if ((flags & propertyFlag.formatKnown) !== 0) {
      properties.payloadFormat = (flags & propertyFlag.formatText) !== 0 ? 1 : 0
    }
    if ((flags & propertyFlag.expiry) !== 0) properties.expirySeconds = this.#f64()
    if ((flags & propertyFlag.contentType) !== 0) properties.contentType = this.#text()
    if ((flags & propertyFlag.responseTopic) !== 0) properties.responseTopic = this.#text()
    if ((flags & propertyFlag.correlation) !== 0) properties.correlationData = this.#blob()
    if ((flags & propertyFlag.user) !== 0) {
      const user: [string, string][] = []
      for (let left = this.#u32(); left > 0; left -= 1) user.push([this.#text(), this.#text()])
      properties.user = user
    }
    return properties
  }

  #headers(): Header[] {
    const headers: Header[] = []
    for (let left = this.#u32(); left > 0; left -= 1) {
      const name = this.#text()
      const isText = this.#bytes[this.#at] === 0
      this.#at += 1
      headers.push([name, isText ? this.#text() : this.#blob()])
    }
    return headers
  }

  #u32(): number {
    const value = this.#view.getUint32(this.#at, true)
    this.#at += 4
    return value
  }

  #f64(): number {
    const value = this.#view.getFloat64(this.#at, true)
    this.#at += 8
    return value
  }

  #text(): string {
    let length = this.#view.getUint16(this.#at, true)
    this.#at += 2
    if (length === 0xffff) length = this.#u32()
    const start = this.#at
    this.#at += length
    return this.#bytes.toString('utf8', start, this.#at)
  }

  #blob(): Buffer {
    const length = this.#u32()
    const start = this.#at
    this.#at += length
    return this.#bytes.subarray(start, this.#at)
  }
}
