import type { PacketKind } from '../kind.ts'
import { readProperties, writeProperties } from '../properties.ts'
import type { PropertiesOf } from '../property-table.ts'
import type { PacketReader } from '../reader.ts'
import { isReasonOf } from '../reason.ts'
import { type PacketWriter, writeUint16 } from '../writer.ts'

/**
 * What PUBACK, PUBREC, PUBREL and PUBCOMP share.
 *
 *     packet identifier (2) | reason code (1)? | properties?
 *
 * 3.x: the identifier alone. 5: a length of 2 means reason 0, a length of 3 no properties.
 * *Source*: MQTT 5.0 §3.4.2 to §3.7.2.
 */
export interface Acknowledgement<T extends AcknowledgementType> {
  type: T
  packetId: number
  /** 0 in 3.x, which has no reason codes here. */
  reason: number
  properties: PropertiesOf<'puback'> | null
}

export type AcknowledgementType = 'puback' | 'pubrec' | 'pubrel' | 'pubcomp'

/** Makes the kind of one of the four; they differ in flags and in the clause about their reason codes. */
export function acknowledgementKind<T extends AcknowledgementType>(
  type: T,
  flags: number,
  flagsClause: readonly [string, string],
  reasonClause: string,
): PacketKind<Acknowledgement<T>> {
  return {
    type,
    flags,
    flagsClause,
    decode(reader) {
      const packetId = reader.packetId()
      if (reader.version !== 5 || reader.left === 0) return { type, packetId, reason: 0, properties: null }
      const reason = readReason(reader, type, reasonClause)
      const properties = reader.left === 0 ? null : readProperties(reader, type)
      return { type, packetId, reason, properties }
    },
    encode(packet, writer, version) {
      writer.uint16(packet.packetId)
      if (version === 5) writeReason(packet.reason, packet.properties, type, writer)
    },
  }
}

/**
 * The identifier of an acknowledgement that is nothing but its identifier (all of 3.x, and success in 5), or 0 when it
 * has to be decoded. For the hot path: no object is made. *Shape*: the first byte has been looked at by the caller.
 */
export function readBareAcknowledgement(buffer: Buffer, start: number, headerBytes: number, end: number): number {
  if (headerBytes !== 2 || end - start !== 4) return 0
  return (buffer[start + 2]! << 8) | buffer[start + 3]!
}

/**
 * Writes an acknowledgement of success, four bytes in every version, and gives the place after it. `firstByte` is
 * 0x40 PUBACK, 0x50 PUBREC, 0x62 PUBREL, 0x70 PUBCOMP.
 */
export function writeBareAcknowledgement(buffer: Buffer, at: number, firstByte: number, packetId: number): number {
  buffer[at] = firstByte
  buffer[at + 1] = 2
  return writeUint16(buffer, at + 2, packetId)
}

function readReason(reader: PacketReader, type: AcknowledgementType, clause: string): number {
  const reason = reader.uint8('reason code')
  if (!isReasonOf(type, reason))
    throw reader.wrong('reason code', `0x${reason.toString(16)} is not one of its own`, clause)
  return reason
}

function writeReason(
  reason: number,
  properties: PropertiesOf<'puback'> | null,
  type: AcknowledgementType,
  writer: PacketWriter,
): void {
  if (reason === 0 && properties === null) return
  writer.uint8(reason)
  if (properties !== null) writeProperties(writer, type, properties)
}
