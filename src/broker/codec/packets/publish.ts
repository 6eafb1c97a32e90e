import { TrestleError } from '../../../contract/error.ts'
import type { MessageProperties } from '../../../contract/message.ts'
import { topicNameFault } from '../../../topic/name.ts'
import { isShortestHeader } from '../frame.ts'
import { checkProperties, readProperties, writeProperties } from '../properties.ts'
import type { PropertiesOf } from '../property-table.ts'
import { PacketReader } from '../reader.ts'
import { Reason } from '../reason.ts'
import type { ProtocolVersion } from '../version.ts'
import { checkSize, maxVarint, PacketWriter, varintBytes, writeUint16, writeVarint } from '../writer.ts'

export type PublishProperties = PropertiesOf<'publish'>

/**
 * A message on its way, in either direction, decoded whole. The broker's hot path does without: see `scanPublish`.
 *
 *     0x30 + flags | remaining length | topic (text) | packet identifier (2; QoS 1, 2) | properties (5 only) | payload
 *
 *     flags: 3 DUP | 2,1 QoS | 0 RETAIN
 *
 * *Source*: MQTT 5.0 §3.3; 3.1.1 §3.3.
 */
export interface PublishPacket {
  type: 'publish'
  /** Empty only in MQTT 5 and with a topic alias. */
  topic: string
  payload: Uint8Array
  qos: 0 | 1 | 2
  retain: boolean
  dup: boolean
  /** 0 for QoS 0. */
  packetId: number
  properties: PublishProperties | null
}

/** Where the parts of a PUBLISH lie in the read buffer: one view is filled again and again. */
export class PublishView {
  /** The low four bits of the first byte. */
  flags = 0
  qos: 0 | 1 | 2 = 0
  retain = false
  dup = false
  /** The topic's bytes; not judged beyond their length. Empty only in MQTT 5 and with a topic alias. */
  topicStart = 0
  topicEnd = 0
  /** 0 for QoS 0. */
  packetId = 0
  /** Where the property length stands; `propertiesEnd` is where the payload begins. Equal in 3.x. */
  propertiesStart = 0
  propertiesEnd = 0
  payloadStart = 0
  end = 0
  /** False too when the property length is 0. */
  hasProperties = false
  /** 0 when there is none. */
  topicAlias = 0
}

/**
 * Finds and checks the parts of a PUBLISH without making an object. Properties are checked whole; the topic only for
 * its length, because the broker judges each topic once (`decodeUtf8`, `topicNameFault`). What a client sends may not
 * have a subscription identifier; what a server sends (`fromServer`) may.
 *
 * *Shape*: one whole packet from `start` to `end`, as `scanFrame` found it. *Errors*: ProtocolFault.
 */
export function scanPublish(
  buffer: Buffer,
  start: number,
  headerBytes: number,
  end: number,
  version: ProtocolVersion,
  view: PublishView,
  fromServer = false,
): void {
  const flags = buffer[start]! & 0x0f
  const qos = (flags >> 1) & 0x03
  let at = start + headerBytes
  if (qos === 3 || (flags & (DUP | QOS)) === DUP || (headerBytes > 2 && version === 5)) {
    checkHeader(buffer, start, headerBytes, end, version)
  }
  const topicStart = at + 2
  if (topicStart > end) throw open(buffer, start, headerBytes, end, version).tooShort('topic')
  at = topicStart + ((buffer[topicStart - 2]! << 8) | buffer[topicStart - 1]!)
  if (at > end) throw open(buffer, start, headerBytes, end, version).tooShort('topic')
  view.flags = flags
  view.qos = qos as 0 | 1 | 2
  view.retain = (flags & RETAIN) !== 0
  view.dup = (flags & DUP) !== 0
  view.topicStart = topicStart
  view.topicEnd = at
  view.packetId = 0
  if (qos !== 0) {
    const reader =
      at + 2 > end || (buffer[at] === 0 && buffer[at + 1] === 0) ? open(buffer, start, at - start, end, version) : null
    if (reader !== null) reader.packetId()
    view.packetId = (buffer[at]! << 8) | buffer[at + 1]!
    at += 2
  }
  view.propertiesStart = at
  view.hasProperties = false
  view.topicAlias = 0
  if (version === 5) {
    if (at < end && buffer[at] === 0) at++
    else at = scanProperties(buffer, start, at, end, view, fromServer)
  }
  if (topicStart === view.topicEnd && view.topicAlias === 0) {
    const clause = version === 5 ? '§3.3.2.1' : 'MQTT-4.7.3-1'
    throw open(buffer, start, headerBytes, end, version).wrong('topic', 'is empty', clause)
  }
  view.propertiesEnd = at
  view.payloadStart = at
  view.end = end
}

/** The properties of the last scanned PUBLISH that belong to its message; its own copy of everything. */
export function readPublishProperties(buffer: Buffer, view: PublishView): MessageProperties {
  reader.open(buffer, view.propertiesStart, 0, view.propertiesEnd, 5, 'publish')
  const { topicAlias: _alias, subscriptionIds: _ids, ...properties } = readProperties(reader, 'publish') ?? {}
  reader.finish()
  return properties
}

/** Decodes a PUBLISH whole, from a client or a server; nothing points into `buffer`. *Errors*: ProtocolFault. */
export function decodePublish(
  buffer: Buffer,
  start: number,
  headerBytes: number,
  end: number,
  version: ProtocolVersion,
): PublishPacket {
  const view = new PublishView()
  scanPublish(buffer, start, headerBytes, end, version, view, true)
  open(buffer, start, headerBytes, end, version)
  const topic = reader.text('topic')
  const fault = topic === '' ? null : topicNameFault(topic)
  if (fault !== null) throw reader.fault(Reason.TopicNameInvalid, 'topic', fault, 'MQTT-3.3.2-2')
  reader.at = view.propertiesStart
  const properties = version === 5 ? readProperties(reader, 'publish') : null
  const payload = Buffer.from(buffer.subarray(view.payloadStart, end))
  const { qos, retain, dup, packetId } = view
  return { type: 'publish', topic, payload, qos, retain, dup, packetId, properties }
}

/**
 * A PUBLISH as bytes, in a buffer of its own. `properties` are left out in 3.x.
 *
 * *Errors*: E803 when the topic, a property or the whole is larger than MQTT can write.
 */
export function encodePublish(
  topic: string | Uint8Array,
  payload: Uint8Array,
  qos: 0 | 1 | 2,
  retain: boolean,
  dup: boolean,
  packetId: number,
  properties: PublishProperties | null,
  version: ProtocolVersion,
): Buffer {
  const topicBytes = typeof topic === 'string' ? Buffer.byteLength(topic) : topic.length
  checkSize('topic', topicBytes)
  const block = version === 5 ? propertyBlock(properties) : null
  const bodyBytes = 2 + topicBytes + (qos === 0 ? 0 : 2) + (block?.length ?? 0) + payload.length
  if (bodyBytes > maxVarint) throw new TrestleError('E803', `a packet may have at most ${maxVarint} bytes`)
  const packet = Buffer.allocUnsafe(1 + varintBytes(bodyBytes) + bodyBytes)
  packet[0] = 0x30 | (dup ? DUP : 0) | (qos << 1) | (retain ? RETAIN : 0)
  let at = writeUint16(packet, writeVarint(packet, 1, bodyBytes), topicBytes)
  if (typeof topic === 'string') packet.write(topic, at)
  else packet.set(topic, at)
  at += topicBytes
  if (qos !== 0) at = writeUint16(packet, at, packetId)
  if (block !== null) {
    packet.set(block, at)
    at += block.length
  }
  packet.set(payload, at)
  return packet
}

const DUP = 0x08
const QOS = 0x06
const RETAIN = 0x01

const reader = new PacketReader()
const writer = new PacketWriter()
const noProperties = new Uint8Array(1)

function open(buffer: Buffer, start: number, headerBytes: number, end: number, version: ProtocolVersion): PacketReader {
  reader.open(buffer, start, headerBytes, end, version, 'publish')
  return reader
}

function checkHeader(buffer: Buffer, start: number, headerBytes: number, end: number, version: ProtocolVersion): void {
  const { flags } = open(buffer, start, headerBytes, end, version)
  if ((flags & QOS) === QOS) throw reader.malformed('QoS', 'is 3', 'MQTT-3.3.1-4')
  if ((flags & (DUP | QOS)) === DUP) throw reader.malformed('DUP', 'is set with QoS 0', 'MQTT-3.3.1-2')
  if (version === 5 && !isShortestHeader(headerBytes, reader.left)) {
    throw reader.malformed('remaining length', 'takes more bytes than it needs', 'MQTT-1.5.5-1')
  }
}

function scanProperties(
  buffer: Buffer,
  start: number,
  at: number,
  end: number,
  view: PublishView,
  fromServer: boolean,
): number {
  open(buffer, start, at - start, end, 5)
  reader.fromServer = fromServer
  view.topicAlias = checkProperties(reader, 'publish')
  view.hasProperties = true
  return reader.at
}

/** The property length and the properties; valid until the next packet is encoded. */
function propertyBlock(properties: PublishProperties | null): Uint8Array {
  if (properties === null) return noProperties
  writer.start()
  writeProperties(writer, 'publish', properties)
  return writer.body()
}
