import type { PacketKind } from '../kind.ts'
import { readProperties, writeProperties } from '../properties.ts'
import type { PropertiesOf } from '../property-table.ts'
import { isReasonOf } from '../reason.ts'

export type DisconnectProperties = PropertiesOf<'disconnect'>

/**
 * The last packet of a connection; in 3.x only a client sends it.
 *
 *     0xe0 | remaining length | reason code (1)? | properties?      (5 only; 3.x: 0xe0 | 0)
 *
 * A length of 0 means reason 0, a length of 1 no properties. *Source*: MQTT 5.0 §3.14; 3.1.1 §3.14.
 */
export interface DisconnectPacket {
  type: 'disconnect'
  /** 0 in 3.x. */
  reason: number
  properties: DisconnectProperties | null
}

export const disconnect: PacketKind<DisconnectPacket> = {
  type: 'disconnect',
  flags: 0,
  flagsClause: ['MQTT-3.14.1-1', 'MQTT-3.14.1-1'],

  decode(reader) {
    if (reader.version !== 5 || reader.left === 0) return { type: 'disconnect', reason: 0, properties: null }
    const reason = reader.uint8('reason code')
    if (!isReasonOf('disconnect', reason)) {
      throw reader.wrong('reason code', `0x${reason.toString(16)} is not one of its own`, 'MQTT-3.14.2-1')
    }
    const properties = reader.left === 0 ? null : readProperties(reader, 'disconnect')
    return { type: 'disconnect', reason, properties }
  },

  encode(packet, writer, version) {
    if (version !== 5 || (packet.reason === 0 && packet.properties === null)) return
    writer.uint8(packet.reason)
    if (packet.properties !== null) writeProperties(writer, 'disconnect', packet.properties)
  },
}
