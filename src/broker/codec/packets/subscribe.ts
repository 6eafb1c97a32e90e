import type { PacketKind } from '../kind.ts'
import { readProperties, writeProperties } from '../properties.ts'
import type { PropertiesOf } from '../property-table.ts'
import type { PacketReader } from '../reader.ts'
import type { ProtocolVersion } from '../version.ts'

export type SubscribeProperties = PropertiesOf<'subscribe'>

/** One filter and what is asked for it. The last three are false, false and 0 in 3.x. */
export interface Subscription {
  /** UTF-8 without U+0000, not empty; whether it is a valid filter is the handler's to judge (0x8F). */
  filter: string
  qos: 0 | 1 | 2
  noLocal: boolean
  retainAsPublished: boolean
  /** 0 send retained messages, 1 only for a new subscription, 2 never. */
  retainHandling: 0 | 1 | 2
}

/**
 * A client's wish for messages.
 *
 *     0x82 | remaining length | packet identifier (2) | properties (5 only) | ( filter (text) | options (1) )+
 *
 *     options: 7,6 reserved | 5,4 retain handling | 3 retain as published | 2 no local | 1,0 QoS;  3.x: 7…2 reserved
 *
 * *Source*: MQTT 5.0 §3.8; 3.1.1 §3.8.
 */
export interface SubscribePacket {
  type: 'subscribe'
  packetId: number
  /** Never empty. */
  subscriptions: Subscription[]
  properties: SubscribeProperties | null
}

export const subscribe: PacketKind<SubscribePacket> = {
  type: 'subscribe',
  flags: 2,
  flagsClause: ['MQTT-3.8.1-1', 'MQTT-3.8.1-1'],

  decode(reader) {
    const packetId = reader.packetId()
    const properties = reader.version === 5 ? readProperties(reader, 'subscribe') : null
    if (reader.left === 0) throw reader.wrong('payload', 'has no filter', 'MQTT-3.8.3-2', 'MQTT-3.8.3-3')
    const subscriptions: Subscription[] = []
    while (reader.left > 0) subscriptions.push(readSubscription(reader))
    return { type: 'subscribe', packetId, subscriptions, properties }
  },

  encode(packet, writer, version) {
    writer.uint16(packet.packetId)
    if (version === 5) writeProperties(writer, 'subscribe', packet.properties)
    for (const subscription of packet.subscriptions) {
      writer.text('filter', subscription.filter)
      writer.uint8(optionsOf(subscription, version))
    }
  },
}

function readSubscription(reader: PacketReader): Subscription {
  const filter = reader.text('filter')
  if (filter === '') throw reader.wrong('filter', 'is empty', 'MQTT-4.7.3-1')
  const options = reader.uint8('subscription options')
  const qos = options & 0x03
  if (reader.version !== 5) {
    // MQTT 3.1 reserves the upper six bits and says nothing of their value.
    if (options > 2 && (reader.version !== 3 || qos === 3)) {
      throw reader.malformed('requested QoS', `is ${options}, not 0, 1 or 2`, 'MQTT-3-8.3-4')
    }
    return { filter, qos: qos as 0 | 1 | 2, noLocal: false, retainAsPublished: false, retainHandling: 0 }
  }
  if ((options & 0xc0) !== 0) throw reader.malformed('subscription options', 'have a reserved bit set', 'MQTT-3.8.3-5')
  if (qos === 3) throw reader.wrong('maximum QoS', 'is 3', '§3.8.3.1')
  const retainHandling = (options >> 4) & 0x03
  if (retainHandling === 3) throw reader.wrong('retain handling', 'is 3', '§3.8.3.1')
  const noLocal = (options & 0x04) !== 0
  if (noLocal && filter.startsWith('$share/')) {
    throw reader.wrong('no local', 'is set on a shared subscription', 'MQTT-3.8.3-4')
  }
  const retainAsPublished = (options & 0x08) !== 0
  return { filter, qos: qos as 0 | 1 | 2, noLocal, retainAsPublished, retainHandling: retainHandling as 0 | 1 | 2 }
}

function optionsOf(subscription: Subscription, version: ProtocolVersion): number {
  if (version !== 5) return subscription.qos
  const { qos, noLocal, retainAsPublished, retainHandling } = subscription
  return qos | (noLocal ? 0x04 : 0) | (retainAsPublished ? 0x08 : 0) | (retainHandling << 4)
}
