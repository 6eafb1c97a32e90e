import { TrestleError } from '../../../contract/error.ts'
import type { PacketKind } from '../kind.ts'
import { readProperties, writeProperties } from '../properties.ts'
import type { PropertiesOf } from '../property-table.ts'
import { isReasonOf } from '../reason.ts'

export type AuthProperties = PropertiesOf<'auth'>

/**
 * One step of enhanced authentication; MQTT 5 only.
 *
 *     0xf0 | remaining length | reason code (1) | properties
 *
 * A length of 0 means reason 0 and no properties. *Source*: MQTT 5.0 §3.15.
 */
export interface AuthPacket {
  type: 'auth'
  reason: number
  properties: AuthProperties | null
}

export const auth: PacketKind<AuthPacket> = {
  type: 'auth',
  flags: 0,
  flagsClause: ['MQTT-3.15.1-1', 'MQTT-2.2.2-2'],

  decode(reader) {
    if (reader.version !== 5) throw reader.malformed('packet type', '15 is reserved', '§2.1.2', '§2.2.1')
    if (reader.left === 0) return { type: 'auth', reason: 0, properties: null }
    const reason = reader.uint8('reason code')
    if (!isReasonOf('auth', reason)) {
      throw reader.wrong('reason code', `0x${reason.toString(16)} is not one of its own`, 'MQTT-3.15.2-1')
    }
    const properties = readProperties(reader, 'auth')
    if (properties?.authenticationMethod === undefined) {
      throw reader.wrong('authenticationMethod', 'is missing', '§3.15.2.2.2')
    }
    return { type: 'auth', reason, properties }
  },

  encode(packet, writer, version) {
    if (version !== 5) throw new TrestleError('E802', 'AUTH is a packet of MQTT 5 only')
    if (packet.reason === 0 && packet.properties === null) return
    writer.uint8(packet.reason)
    writeProperties(writer, 'auth', packet.properties)
  },
}
