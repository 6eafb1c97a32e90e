import type { PacketKind } from './kind.ts'
import { type Packet, packetNumber } from './packet.ts'
import { kinds } from './packets/kinds.ts'
import { encodePublish } from './packets/publish.ts'
import type { ProtocolVersion } from './version.ts'
import { PacketWriter } from './writer.ts'

/**
 * One packet as bytes, in a buffer of its own. What a version cannot say is left out (properties, reason codes); a
 * CONNECT is written in its own version.
 *
 * *Errors*: E803 when a field or the whole is larger than MQTT can write; E802 for what the version has no way to say
 * at all (AUTH, a CONNACK reason without a return code).
 */
export function encodePacket(packet: Packet, version: ProtocolVersion): Buffer {
  if (packet.type === 'publish') {
    const { topic, payload, qos, retain, dup, packetId, properties } = packet
    return encodePublish(topic, payload, qos, retain, dup, packetId, properties, version)
  }
  const kind = byType.get(packet.type)!
  writer.start()
  kind.encode(packet, writer, version)
  return writer.finish((packetNumber[kind.type] << 4) | (kind.flags ?? 0))
}

const writer = new PacketWriter()

const byType: ReadonlyMap<string, PacketKind<Packet>> = new Map(kinds.map((kind) => [kind.type, kind]))
