import { type PacketKind, reservedFlags } from '../kind.ts'
import { readProperties, writeProperties } from '../properties.ts'
import type { PropertiesOf } from '../property-table.ts'
import type { PacketReader } from '../reader.ts'
import { isReasonOf } from '../reason.ts'

export type SubackProperties = PropertiesOf<'suback'>

/**
 * The server's answer to SUBSCRIBE: one code per filter, in order.
 *
 *     0x90 | remaining length | packet identifier (2) | properties (5 only) | code (1)+
 *
 * *Source*: MQTT 5.0 §3.9; 3.1.1 §3.9.
 */
export interface SubackPacket {
  type: 'suback'
  packetId: number
  /** Codes of MQTT 5; in 3.x every failure travels as 0x80. */
  reasons: number[]
  properties: SubackProperties | null
}

export const suback: PacketKind<SubackPacket> = {
  type: 'suback',
  flags: 0,
  flagsClause: reservedFlags,

  decode(reader) {
    const packetId = reader.packetId()
    const properties = reader.version === 5 ? readProperties(reader, 'suback') : null
    if (reader.left === 0) throw reader.wrong('payload', 'has no code', '§3.9.3')
    const reasons: number[] = []
    while (reader.left > 0) reasons.push(readReason(reader))
    return { type: 'suback', packetId, reasons, properties }
  },

  encode(packet, writer, version) {
    writer.uint16(packet.packetId)
    if (version === 5) writeProperties(writer, 'suback', packet.properties)
    for (const reason of packet.reasons) writer.uint8(version === 5 || reason < 0x80 ? reason : 0x80)
  },
}

function readReason(reader: PacketReader): number {
  const reason = reader.uint8('reason code')
  const legal = reader.version === 5 ? isReasonOf('suback', reason) : reason <= 2 || reason === 0x80
  if (!legal) throw reader.wrong('reason code', `0x${reason.toString(16)} is not one of its own`, 'MQTT-3.9.3-2')
  return reason
}
