/**
 * The row of single messages that is the payload of a batch (before it is compressed):
 *
 *     +----------+-----------------------+------+----------+-----------------------+------+--
 *     | size u32 | SingleMessageMetadata | body | size u32 | SingleMessageMetadata | body | …
 *     +----------+-----------------------+------+----------+-----------------------+------+--
 *
 * `size` counts the metadata; the length of the body stands in it (field 3). Read by hand: this is what every message
 * of a batch costs.
 */
import { PulsarFault } from '../fault.ts'
import { WireReader } from './reader.ts'

/** A single message of a batch. `key` is as it came: base64 where `keyIsBase64`. */
export interface SingleMessage {
  readonly properties: readonly (readonly [name: string, value: string])[]
  readonly partitionKey: string | null
  readonly keyIsBase64: boolean
  readonly orderingKey: Uint8Array | null
  /** 0: the producer named none. */
  readonly eventTimeMs: number
  readonly sequenceId: number | null
  readonly compactedOut: boolean
  readonly isNull: boolean
  /** A view. */
  readonly payload: Buffer
}

/** Reads the single messages of a batch's payload. *Errors*: PulsarFault `protocol`. */
export function readSingleMessages(payload: Buffer, count: number): SingleMessage[] {
  const messages: SingleMessage[] = []
  const reader = new WireReader(payload)
  for (let index = 0; index < count; index++) messages.push(readOne(reader))
  return messages
}

function readOne(reader: WireReader): SingleMessage {
  const { buffer } = reader
  const end = reader.at + 4 > buffer.length ? -1 : reader.at + 4 + buffer.readUInt32BE(reader.at)
  if (end < 0 || end > buffer.length) throw cutOff()
  reader.at += 4
  const properties: [string, string][] = []
  let partitionKey: string | null = null
  let keyIsBase64 = false
  let orderingKey: Uint8Array | null = null
  let eventTimeMs = 0
  let sequenceId: number | null = null
  let compactedOut = false
  let isNull = false
  let size = 0
  while (reader.at < end) {
    const tag = reader.varint()
    // Field number and wire type in one: (number << 3) | type.
    if (tag === 10) properties.push(readProperty(reader))
    else if (tag === 18) partitionKey = reader.text()
    else if (tag === 24) size = reader.varint()
    else if (tag === 32) compactedOut = reader.varint() !== 0
    else if (tag === 40) eventTimeMs = reader.varint()
    else if (tag === 48) keyIsBase64 = reader.varint() !== 0
    else if (tag === 58) orderingKey = reader.bytes()
    else if (tag === 64) sequenceId = reader.varint()
    else if (tag === 72) isNull = reader.varint() !== 0
    else reader.skip(tag & 7)
  }
  if (reader.at !== end || size < 0 || end + size > buffer.length) throw cutOff()
  reader.at = end + size
  const payload = buffer.subarray(end, end + size)
  return { properties, partitionKey, keyIsBase64, orderingKey, eventTimeMs, sequenceId, compactedOut, isNull, payload }
}

function readProperty(reader: WireReader): [string, string] {
  const end = reader.limit()
  let name = ''
  let value = ''
  while (reader.at < end) {
    const tag = reader.varint()
    if (tag === 10) name = reader.text()
    else if (tag === 18) value = reader.text()
    else reader.skip(tag & 7)
  }
  return [name, value]
}

const cutOff = (): PulsarFault => new PulsarFault('protocol', '', 'a batch is cut off or damaged')
