import type { PacketKind } from '../kind.ts'
import { readProperties, writeProperties } from '../properties.ts'
import type { PropertiesOf } from '../property-table.ts'
import type { PacketReader } from '../reader.ts'

export type UnsubscribeProperties = PropertiesOf<'unsubscribe'>

/**
 * A client's wish for no more messages.
 *
 *     0xa2 | remaining length | packet identifier (2) | properties (5 only) | filter (text)+
 *
 * *Source*: MQTT 5.0 §3.10; 3.1.1 §3.10.
 */
export interface UnsubscribePacket {
  type: 'unsubscribe'
  packetId: number
  /** Never empty; each UTF-8 without U+0000, not empty. */
  filters: string[]
  properties: UnsubscribeProperties | null
}

export const unsubscribe: PacketKind<UnsubscribePacket> = {
  type: 'unsubscribe',
  flags: 2,
  flagsClause: ['MQTT-3.10.1-1', 'MQTT-3.10.1-1'],

  decode(reader) {
    const packetId = reader.packetId()
    const properties = reader.version === 5 ? readProperties(reader, 'unsubscribe') : null
    if (reader.left === 0) throw reader.wrong('payload', 'has no filter', 'MQTT-3.10.3-2')
    const filters: string[] = []
    while (reader.left > 0) filters.push(readFilter(reader))
    return { type: 'unsubscribe', packetId, filters, properties }
  },

  encode(packet, writer, version) {
    writer.uint16(packet.packetId)
    if (version === 5) writeProperties(writer, 'unsubscribe', packet.properties)
    for (const filter of packet.filters) writer.text('filter', filter)
  },
}

function readFilter(reader: PacketReader): string {
  const filter = reader.text('filter')
  if (filter === '') throw reader.wrong('filter', 'is empty', 'MQTT-4.7.3-1')
  return filter
}
