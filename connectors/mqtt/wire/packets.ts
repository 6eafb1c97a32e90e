import { Property, readProperties } from './properties.ts'
import { type PacketReader, WireFault } from './reader.ts'
import type { PacketWriter } from './writer.ts'

/** 4 is MQTT 3.1.1. */
export type Version = 4 | 5

/** First bytes of the packets, with the flags the standard fixes. *Source*: MQTT 5.0 §2.1.2, §2.1.3. */
export const Kind = {
  Connect: 0x10,
  Connack: 0x20,
  Publish: 0x30,
  Puback: 0x40,
  Pubrec: 0x50,
  Pubrel: 0x62,
  Pubcomp: 0x70,
  Subscribe: 0x82,
  Suback: 0x90,
  Unsubscribe: 0xa2,
  Unsuback: 0xb0,
  Pingreq: 0xc0,
  Pingresp: 0xd0,
  Disconnect: 0xe0,
  Auth: 0xf0,
} as const

export interface Will {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly delaySeconds: number
}

export interface ConnectPacket {
  readonly version: Version
  readonly clientId: string
  readonly clean: boolean
  readonly keepaliveSeconds: number
  readonly username: string | null
  readonly password: string | null
  readonly will: Will | null
  /** The rest is of MQTT 5 alone; 0 leaves a property out. */
  readonly sessionExpirySeconds: number
  readonly receiveMaximum: number
  readonly maxPacketBytes: number
  readonly topicAliasMaximum: number
}

/**
 * CONNECT.
 *
 *     "MQTT" | version | flags | keep alive (2) | properties (5) | client id | will | user name | password
 *     flags: 7 user name | 6 password | 5 will retain | 4,3 will QoS | 2 will | 1 clean
 *
 * *Source*: MQTT 5.0 §3.1; 3.1.1 §3.1.
 */
export function writeConnect(writer: PacketWriter, packet: ConnectPacket): void {
  const { version, will, username, password } = packet
  writer.begin(Kind.Connect, 200)
  writer.text('MQTT')
  writer.uint8(version)
  const willFlags = will === null ? 0 : 0x04 | (will.qos << 3) | (will.retain ? 0x20 : 0)
  writer.uint8((username === null ? 0 : 0x80) | (password === null ? 0 : 0x40) | willFlags | (packet.clean ? 0x02 : 0))
  writer.uint16(packet.keepaliveSeconds)
  if (version === 5) writeConnectProperties(writer, packet)
  writer.text(packet.clientId)
  if (will !== null) {
    if (version === 5) {
      const block = writer.openBlock(5)
      if (will.delaySeconds > 0) number(writer, Property.WillDelay, will.delaySeconds, 4)
      writer.closeBlock(block, 5)
    }
    writer.text(will.topic)
    writer.binary(will.payload)
  }
  if (username !== null) writer.text(username)
  if (password !== null) writer.text(password)
  writer.end()
}

function writeConnectProperties(writer: PacketWriter, packet: ConnectPacket): void {
  const block = writer.openBlock(20)
  if (packet.sessionExpirySeconds > 0) number(writer, Property.SessionExpiry, packet.sessionExpirySeconds, 4)
  if (packet.receiveMaximum > 0) number(writer, Property.ReceiveMaximum, packet.receiveMaximum, 2)
  if (packet.maxPacketBytes > 0) number(writer, Property.MaximumPacketSize, packet.maxPacketBytes, 4)
  if (packet.topicAliasMaximum > 0) number(writer, Property.TopicAliasMaximum, packet.topicAliasMaximum, 2)
  writer.closeBlock(block, 20)
}

function number(writer: PacketWriter, id: number, value: number, bytes: 2 | 4): void {
  writer.uint8(id)
  if (bytes === 2) writer.uint16(value)
  else writer.uint32(value)
}

/** What the server says of itself; where it says nothing, what the standard has then. */
export interface Connack {
  readonly sessionPresent: boolean
  /** MQTT 5: reason code; 3.1.1: return code. 0 is yes. */
  readonly code: number
  readonly reason: string | null
  readonly assignedClientId: string | null
  readonly keepaliveSeconds: number | null
  readonly receiveMaximum: number
  readonly maxQos: 0 | 1 | 2
  readonly retainAvailable: boolean
  readonly maxPacketBytes: number
  readonly topicAliasMaximum: number
  readonly serverReference: string | null
}

/** *Shape*: `flags (session present) | code | properties (5)`. *Source*: MQTT 5.0 §3.2; 3.1.1 §3.2. */
export function readConnack(reader: PacketReader, version: Version): Connack {
  const flags = reader.uint8()
  const code = reader.uint8()
  const found = version === 5 && reader.left > 0 ? readProperties(reader) : new Map<number, number | string>()
  const text = (id: number): string | null => (found.get(id) as string | undefined) ?? null
  const value = (id: number, otherwise: number): number => (found.get(id) as number | undefined) ?? otherwise
  return {
    sessionPresent: (flags & 1) === 1,
    code,
    reason: text(Property.ReasonString),
    assignedClientId: text(Property.AssignedClientId),
    keepaliveSeconds: (found.get(Property.ServerKeepAlive) as number | undefined) ?? null,
    receiveMaximum: value(Property.ReceiveMaximum, 65_535),
    maxQos: Math.min(2, value(Property.MaximumQos, 2)) as 0 | 1 | 2,
    retainAvailable: value(Property.RetainAvailable, 1) === 1,
    maxPacketBytes: value(Property.MaximumPacketSize, Number.POSITIVE_INFINITY),
    topicAliasMaximum: value(Property.TopicAliasMaximum, 0),
    serverReference: text(Property.ServerReference),
  }
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP, and DISCONNECT without its packet identifier (0 then). */
export interface Answer {
  packetId: number
  code: number
  reason: string | null
}

/** *Shape*: `packet identifier (2) | reason code | properties`; the last two may be missing. *Source*: MQTT 5.0 §3.4. */
export function readAnswer(reader: PacketReader, version: Version, into: Answer): void {
  into.packetId = reader.uint16()
  if (into.packetId === 0) throw new WireFault('a packet identifier is 0', 0x82)
  readReason(reader, version, into)
}

/** *Source*: MQTT 5.0 §3.14. */
export function readDisconnect(reader: PacketReader, version: Version, into: Answer): void {
  into.packetId = 0
  readReason(reader, version, into)
}

function readReason(reader: PacketReader, version: Version, into: Answer): void {
  into.code = 0
  into.reason = null
  if (version !== 5 || reader.left === 0) return
  into.code = reader.uint8()
  if (reader.left > 0) into.reason = (readProperties(reader).get(Property.ReasonString) as string) ?? null
}

export interface Subscription {
  readonly filter: string
  readonly qos: 0 | 1 | 2
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  /** 0 always, 1 when the subscription is new, 2 never. */
  readonly retainHandling: 0 | 1 | 2
}

/**
 * SUBSCRIBE: `packet identifier (2) | properties (5) | ( filter | options )*`
 *
 *     options: 5,4 retain handling | 3 retain as published | 2 no local | 1,0 QoS      (3.1.1: QoS only)
 *
 * *Source*: MQTT 5.0 §3.8.
 */
export function writeSubscribe(
  writer: PacketWriter,
  version: Version,
  packetId: number,
  subscriptions: readonly Subscription[],
): void {
  writer.begin(Kind.Subscribe, 64)
  writer.uint16(packetId)
  if (version === 5) writer.uint8(0)
  for (const { filter, qos, noLocal, retainAsPublished, retainHandling } of subscriptions) {
    writer.text(filter)
    const of5 = (retainHandling << 4) | (retainAsPublished ? 0x08 : 0) | (noLocal ? 0x04 : 0)
    writer.uint8(version === 5 ? of5 | qos : qos)
  }
  writer.end()
}

/** *Source*: MQTT 5.0 §3.10. */
export function writeUnsubscribe(
  writer: PacketWriter,
  version: Version,
  packetId: number,
  filters: readonly string[],
): void {
  writer.begin(Kind.Unsubscribe, 64)
  writer.uint16(packetId)
  if (version === 5) writer.uint8(0)
  for (const filter of filters) writer.text(filter)
  writer.end()
}

/** SUBACK or UNSUBACK: a code for each filter (none in an UNSUBACK of 3.1.1). *Source*: MQTT 5.0 §3.9, §3.11. */
export function readCodes(
  reader: PacketReader,
  version: Version,
): { packetId: number; codes: number[]; reason: string | null } {
  const packetId = reader.uint16()
  const found = version === 5 ? readProperties(reader) : null
  const codes: number[] = []
  while (reader.left > 0) codes.push(reader.uint8())
  return { packetId, codes, reason: (found?.get(Property.ReasonString) as string | undefined) ?? null }
}

/** *Source*: MQTT 5.0 §3.14; 3.1.1 has no reason. */
export function writeDisconnect(writer: PacketWriter, version: Version, reason: number): void {
  writer.begin(Kind.Disconnect, 1)
  if (version === 5 && reason !== 0) writer.uint8(reason)
  writer.end()
}

export function writePing(writer: PacketWriter): void {
  writer.begin(Kind.Pingreq, 0)
  writer.end()
}
