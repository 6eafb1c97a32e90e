import { type PacketKind, reservedFlags } from '../kind.ts'
import { readProperties, writeProperties } from '../properties.ts'
import type { PropertiesOf } from '../property-table.ts'
import type { PacketReader } from '../reader.ts'
import { isReasonOf } from '../reason.ts'

export type UnsubackProperties = PropertiesOf<'unsuback'>

/**
 * The server's answer to UNSUBSCRIBE: one code per filter, in order; 3.x has no codes.
 *
 *     0xb0 | remaining length | packet identifier (2) | properties (5 only) | code (1)+ (5 only)
 *
 * *Source*: MQTT 5.0 §3.11; 3.1.1 §3.11.
 */
export interface UnsubackPacket {
  type: 'unsuback'
  packetId: number
  /** Empty in 3.x. */
  reasons: number[]
  properties: UnsubackProperties | null
}

export const unsuback: PacketKind<UnsubackPacket> = {
  type: 'unsuback',
  flags: 0,
  flagsClause: reservedFlags,

  decode(reader) {
    const packetId = reader.packetId()
    if (reader.version !== 5) return { type: 'unsuback', packetId, reasons: [], properties: null }
    const properties = readProperties(reader, 'unsuback')
    if (reader.left === 0) throw reader.wrong('payload', 'has no code', '§3.11.3')
    const reasons: number[] = []
    while (reader.left > 0) reasons.push(readReason(reader))
    return { type: 'unsuback', packetId, reasons, properties }
  },

  encode(packet, writer, version) {
    writer.uint16(packet.packetId)
    if (version !== 5) return
    writeProperties(writer, 'unsuback', packet.properties)
    for (const reason of packet.reasons) writer.uint8(reason)
  },
}

function readReason(reader: PacketReader): number {
  const reason = reader.uint8('reason code')
  if (isReasonOf('unsuback', reason)) return reason
  throw reader.wrong('reason code', `0x${reason.toString(16)} is not one of its own`, 'MQTT-3.11.3-2')
}
