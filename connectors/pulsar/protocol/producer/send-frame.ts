import { crc32c } from '../wire/crc32c.ts'
import { checksumMagic, type MessageMetadata, metadataShape } from '../wire/entry.ts'
import { writeCommand } from '../wire/frame.ts'
import type { WireWriter } from '../wire/writer.ts'

/** One entry on its way: a batch, or a message alone. */
export interface OutgoingEntry {
  /** The numbers of its first and last message; the broker drops an entry whose first it has. */
  readonly firstSequenceId: number
  readonly lastSequenceId: number
  readonly count: number
  /** Compressed as `metadata.compression` says. */
  readonly payload: Uint8Array
  /** All but what is written here: producer, sequence ids. */
  readonly metadata: Partial<MessageMetadata>
}

/**
 * Writes a SEND frame up to its payload, which the caller sends right behind it; answers where the head begins.
 *
 *     total u32 | command u32 | SEND | 0x0e01 u16 | CRC-32C u32 | metadata u32 | MessageMetadata | payload …
 *                                                               '-------- the checksum counts -------------'
 */
export function writeSendHead(writer: WireWriter, producerId: number, name: string, entry: OutgoingEntry): number {
  const { firstSequenceId, lastSequenceId, count, payload, metadata } = entry
  const start = writer.at
  writeCommand(writer, 'send', {
    producerId,
    sequenceId: firstSequenceId,
    messageCount: count,
    highestSequenceId: lastSequenceId,
  })
  writer.uint16(checksumMagic)
  const sumAt = writer.at
  writer.uint32(0)
  writer.uint32(0)
  const metadataAt = writer.at
  metadataShape.encode(writer, {
    ...metadata,
    producerName: name,
    sequenceId: firstSequenceId,
    highestSequenceId: lastSequenceId,
  })
  writer.putUint32(sumAt + 4, writer.at - metadataAt)
  const ofHead = crc32c(writer.buffer, sumAt + 4, writer.at)
  writer.putUint32(sumAt, crc32c(payload, 0, payload.length, ofHead))
  writer.putUint32(start, writer.at - start - 4 + payload.length)
  return start
}
