import { decompress } from '../compression/compression.ts'
import { PulsarFault } from '../fault.ts'
import type { Entry, MessageMetadata } from '../wire/entry.ts'
import { readSingleMessages, type SingleMessage } from '../wire/single-message.ts'
import type { PulsarMessage, ReceivedEntry } from './message.ts'

/** Whether the payload of an entry is a row of single messages: a batch of one is a batch too. */
export const messageCountOf = ({ messageCount }: MessageMetadata): number => messageCount ?? 1

/** The bits an acknowledgement of a part of the batch left: of the messages that are still to come. */
type AckSet = readonly bigint[]

/**
 * The messages of an entry, in their order, without those that were acknowledged before or compacted away. What cannot
 * be unpacked is one message with a fault and the bytes as they came. Counts them into `received.pending`.
 */
export function unpack(entry: Entry, received: ReceivedEntry, ackSet: AckSet): PulsarMessage[] {
  const { metadata, payload } = entry
  try {
    if (metadata.encryptionAlgorithm !== undefined) {
      throw new PulsarFault('protocol', '', 'the message is encrypted, which this client does not read')
    }
    const plain = decompress(metadata.compression, payload, metadata.uncompressedBytes)
    const messages =
      metadata.messageCount === undefined
        ? [whole(metadata, plain, received)]
        : fromBatch(metadata, plain, received, ackSet)
    received.pending = messages.length
    return messages
  } catch (error) {
    return [damaged(error, received, payload, metadata)]
  }
}

/** What stands for an entry that cannot be read: its bytes and why. */
export function damaged(
  error: unknown,
  entry: ReceivedEntry,
  payload: Uint8Array,
  metadata: MessageMetadata | null,
): PulsarMessage {
  const words = error instanceof Error ? error.message : String(error)
  entry.pending = 1
  const fault = error instanceof PulsarFault ? error : new PulsarFault('protocol', '', words, { cause: error })
  return {
    entry,
    index: 0,
    key: metadata?.partitionKey ?? null,
    properties: metadata === null ? [] : pairsOf(metadata.properties),
    payload,
    eventTimeMs: null,
    publishTimeMs: metadata?.publishTimeMs ?? 0,
    fault,
  }
}

function whole(metadata: MessageMetadata, payload: Uint8Array, entry: ReceivedEntry): PulsarMessage {
  return {
    entry,
    index: 0,
    key: keyOf(metadata.keyIsNull ? undefined : metadata.partitionKey, metadata.keyIsBase64),
    properties: pairsOf(metadata.properties),
    payload,
    eventTimeMs: metadata.eventTimeMs === 0 ? null : metadata.eventTimeMs,
    publishTimeMs: metadata.publishTimeMs,
    fault: null,
  }
}

function fromBatch(
  { messageCount = 1, publishTimeMs }: MessageMetadata,
  payload: Uint8Array,
  entry: ReceivedEntry,
  ackSet: AckSet,
): PulsarMessage[] {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  const messages: PulsarMessage[] = []
  const singles = readSingleMessages(bytes, messageCount)
  for (let index = 0; index < singles.length; index++) {
    const single = singles[index]!
    if (single.compactedOut || isAcknowledged(ackSet, index)) entry.pass(index)
    else messages.push(one(single, index, publishTimeMs, entry))
  }
  return messages
}

const one = (single: SingleMessage, index: number, publishTimeMs: number, entry: ReceivedEntry): PulsarMessage => ({
  entry,
  index,
  key: keyOf(single.partitionKey, single.keyIsBase64),
  properties: single.properties,
  payload: single.payload,
  eventTimeMs: single.eventTimeMs === 0 ? null : single.eventTimeMs,
  publishTimeMs,
  fault: null,
})

const isAcknowledged = (ackSet: AckSet, index: number): boolean =>
  ackSet.length > 0 && (((ackSet[index >>> 6] ?? 0n) >> BigInt(index & 63)) & 1n) === 0n

const strict = new TextDecoder('utf-8', { fatal: true })

/** A key of bytes travels as base64; it is text again where the bytes are UTF-8. */
function keyOf(key: string | null | undefined, isBase64: boolean): string | null {
  if (key === null || key === undefined || !isBase64) return key ?? null
  try {
    return strict.decode(Buffer.from(key, 'base64'))
  } catch {
    // Bytes that are no text keep the form in which they came.
    return key
  }
}

const pairsOf = (properties: MessageMetadata['properties']): [string, string][] =>
  properties.map(({ key, value }) => [key, value])
