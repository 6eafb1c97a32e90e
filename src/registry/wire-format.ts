/**
 * Confluent's wire format: what stands before an encoded payload.
 *
 *     0  magic, always 0
 *     1  schema id, 4 bytes, the highest first
 *     5  Protobuf only: the indexes of the message among its siblings, outermost first, each a zigzag varint after
 *        their count; a single 0 stands for the first message of the file
 *
 * The header form puts the same into the record's header `__value_schema_id`, and leaves the payload bare: magic 0 with
 * the id as above, or magic 1 with the schema's GUID, 16 bytes.
 */
export const frameBytes = 5

/** The header of a Kafka record that names its value's schema. */
export const schemaHeader = '__value_schema_id'

/** The frame of JSON Schema and Avro; with `indexes`, of Protobuf. */
export function frameOf(id: number, indexes: readonly number[] | null = null): Uint8Array {
  const frame = Buffer.alloc(frameBytes)
  frame.writeUInt32BE(id, 1)
  return indexes === null ? frame : Buffer.concat([frame, indexBytes(indexes)])
}

/** The header's value by GUID; with `indexes`, of Protobuf. */
export const headerOf = (guid: string, indexes: readonly number[] | null = null): Uint8Array =>
  Buffer.concat([
    Buffer.of(1),
    Buffer.from(guid.replaceAll('-', ''), 'hex'),
    indexes === null ? new Uint8Array(0) : indexBytes(indexes),
  ])

/** A payload behind what is to stand before it. */
export const framed = (before: Uint8Array | undefined, payload: Uint8Array): Uint8Array =>
  before === undefined ? payload : Buffer.concat([before, payload])

/** The id a payload begins with; null when it is not framed. */
export function readFrame(bytes: Uint8Array): number | null {
  if (bytes.length < frameBytes || bytes[0] !== 0) return null
  return ((bytes[1]! << 24) | (bytes[2]! << 16) | (bytes[3]! << 8) | bytes[4]!) >>> 0
}

/** The GUID a header's value begins with; null when it is none. */
export function readGuid(bytes: Uint8Array): string | null {
  if (bytes.length < 17 || bytes[0] !== 1) return null
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset + 1, 16).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** Deeper than any message lies in another; more is no index but noise. */
const maxIndexes = 32
const first: readonly number[] = [0]

/** The message indexes at `offset`, and where the payload begins behind them; null when they are not well-formed. */
export function readIndexes(
  bytes: Uint8Array,
  offset: number,
): { readonly indexes: readonly number[]; readonly offset: number } | null {
  if (bytes[offset] === 0) return { indexes: first, offset: offset + 1 }
  const cursor = { bytes, offset }
  const count = readVarint(cursor)
  if (count === null || count <= 0 || count > maxIndexes) return null
  const indexes: number[] = []
  for (let at = 0; at < count; at++) {
    const index = readVarint(cursor)
    if (index === null || index < 0) return null
    indexes.push(index)
  }
  return { indexes, offset: cursor.offset }
}

/** A zigzag varint of 32 bits. */
function readVarint(cursor: { readonly bytes: Uint8Array; offset: number }): number | null {
  let value = 0
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = cursor.bytes[cursor.offset++]
    if (byte === undefined) return null
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) return (value >>> 1) ^ -(value & 1)
  }
  return null
}

function indexBytes(indexes: readonly number[]): Uint8Array {
  if (indexes.length === 1 && indexes[0] === 0) return Uint8Array.of(0)
  const bytes: number[] = []
  for (const number of [indexes.length, ...indexes]) {
    let rest = number * 2
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
    bytes.push(rest)
  }
  return Uint8Array.from(bytes)
}
