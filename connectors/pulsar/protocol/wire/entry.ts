/**
 * What stands behind the command of a SEND or MESSAGE frame: one entry of a topic.
 *
 *     +-----------------------------------+--------------------------------------------------------------+
 *     | only from the broker, if at all:  | magic    checksum   metadata size   MessageMetadata  payload |
 *     | 0x0e02 u16, size u32, BrokerEntry | 0x0e01   u32        u32             protobuf                 |
 *     +-----------------------------------+--------------------------------------------------------------+
 *
 * The checksum is CRC-32C of all that stands behind it. A batch's payload is a row of single messages, compressed as a
 * whole: see single-message.ts.
 */
import { PulsarFault } from '../fault.ts'
import { keyValueShape } from './commands.ts'
import { crc32c } from './crc32c.ts'
import { WireReader } from './reader.ts'
import { bytes, flag, int, many, nested, shape, text, type ValuesOf } from './shape.ts'

export const checksumMagic = 0x0e01
const brokerEntryMagic = 0x0e02

/** Numbers of MessageMetadata.compression. */
export const compressionTypes = { none: 0, lz4: 1, zlib: 2, zstd: 3, snappy: 4 } as const
export type Compression = keyof typeof compressionTypes

const metadataFields = {
  producerName: text(1, ''),
  sequenceId: int(2, 0),
  publishTimeMs: int(3, 0),
  properties: many(nested(4, keyValueShape)),
  replicatedFrom: text(5),
  partitionKey: text(6),
  replicateTo: many(text(7, '')),
  compression: int(8, 0),
  uncompressedBytes: int(9, 0),
  /** Absent: the payload is the message itself, not a row of single messages (a batch of one is a batch too). */
  messageCount: int(11),
  /** 0: the producer named none. */
  eventTimeMs: int(12, 0),
  encryptionAlgorithm: text(14),
  schemaVersion: bytes(16),
  keyIsBase64: flag(17, false),
  orderingKey: bytes(18),
  deliverAtMs: int(19),
  /** Present: a mark of the broker's own, not a message. */
  marker: int(20),
  highestSequenceId: int(24, 0),
  isNull: flag(25, false),
  uuid: text(26),
  chunkCount: int(27),
  totalChunkBytes: int(28),
  chunkId: int(29),
  keyIsNull: flag(30, false),
} as const

export const metadataShape = shape(metadataFields)
export type MessageMetadata = ValuesOf<typeof metadataFields>

const brokerEntryFields = { brokerTimeMs: int(1), index: int(2) } as const
const brokerEntryShape = shape(brokerEntryFields)
export type BrokerEntry = ValuesOf<typeof brokerEntryFields>

export interface Entry {
  readonly brokerEntry: BrokerEntry | null
  readonly metadata: MessageMetadata
  /** A view: compressed as the metadata says. */
  readonly payload: Buffer
}

/** Reads the entry at `at` of a frame. *Errors*: PulsarFault `protocol`; a wrong checksum is said to be one. */
export function readEntry(frame: Buffer, at: number): Entry {
  let brokerEntry: BrokerEntry | null = null
  let place = at
  if (has(frame, place, 6) && frame.readUInt16BE(place) === brokerEntryMagic) {
    const end = place + 6 + frame.readUInt32BE(place + 2)
    brokerEntry = brokerEntryShape.decode(new WireReader(frame, place + 6, Math.min(end, frame.length)), end)
    place = end
  }
  if (has(frame, place, 6) && frame.readUInt16BE(place) === checksumMagic) {
    const sum = crc32c(frame, place + 6)
    if (sum !== frame.readUInt32BE(place + 2)) throw new PulsarFault('protocol', '', 'an entry has a wrong checksum')
    place += 6
  }
  if (!has(frame, place, 4)) throw new PulsarFault('protocol', '', 'an entry is cut off')
  const payloadAt = place + 4 + frame.readUInt32BE(place)
  if (payloadAt > frame.length) throw new PulsarFault('protocol', '', 'the metadata of an entry is cut off')
  const metadata = metadataShape.decode(new WireReader(frame, place + 4, payloadAt), payloadAt)
  return { brokerEntry, metadata, payload: frame.subarray(payloadAt) }
}

const has = (frame: Buffer, at: number, count: number): boolean => at + count <= frame.length
