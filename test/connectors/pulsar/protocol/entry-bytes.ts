import { crc32c } from '../../../../connectors/pulsar/protocol/wire/crc32c.ts'
import { type MessageMetadata, metadataShape } from '../../../../connectors/pulsar/protocol/wire/entry.ts'
import { WireWriter } from '../../../../connectors/pulsar/protocol/wire/writer.ts'

/** The bytes of an entry as a broker sends it. */
export function entryOf(metadata: Partial<MessageMetadata>, payload: Uint8Array): Buffer {
  const writer = new WireWriter()
  writer.uint16(0x0e01)
  writer.uint32(0)
  writer.uint32(0)
  metadataShape.encode(writer, { producerName: 'p', sequenceId: 1, publishTimeMs: 1_790_000_000_000, ...metadata })
  writer.putUint32(6, writer.at - 10)
  writer.bytes(payload)
  writer.putUint32(2, crc32c(writer.buffer, 6, writer.at))
  return writer.copy()
}
