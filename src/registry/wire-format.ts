/**
 * Confluent's wire format: what stands before an encoded payload.
 *
 *     0  magic, always 0
 *     1  schema id, 4 bytes, the highest first
 *     5  Protobuf only: the indexes of the message among its siblings, outermost first, each a zigzag varint after
 *        their count; a single 0 stands for the first message of the file
 */
export const frameBytes = 5

/** The frame of JSON Schema and Avro. */
export function frameOf(id: number): Uint8Array {
  const frame = Buffer.alloc(frameBytes)
  frame.writeUInt32BE(id, 1)
  return frame
}

/** The id a payload begins with; null when it is not framed. */
export function readFrame(bytes: Uint8Array): number | null {
  if (bytes.length < frameBytes || bytes[0] !== 0) return null
  return ((bytes[1]! << 24) | (bytes[2]! << 16) | (bytes[3]! << 8) | bytes[4]!) >>> 0
}
