import type { MessageProperties } from 'trestle/contract'
import type { Version } from './packets.ts'
import { endOfProperties, Property, readValue } from './properties.ts'
import { type PacketReader, WireFault } from './reader.ts'
import type { PacketWriter } from './writer.ts'

/**
 * A message as the server sent it. The payload and the correlation data are views into the read buffer.
 *
 *     0x30 + flags | remaining length | topic | packet identifier (QoS 1, 2) | properties (5) | payload
 *     flags: 3 DUP | 2,1 QoS | 0 RETAIN
 *
 * *Source*: MQTT 5.0 §3.3; 3.1.1 §3.3.
 */
export class PublishPacket {
  /** Empty where only the alias stands. */
  topic = ''
  qos: 0 | 1 | 2 = 0
  retain = false
  dup = false
  /** 0 for QoS 0. */
  packetId = 0
  /** 0 without one. */
  topicAlias = 0
  /** As they came; `expirySeconds` is what was left when the server sent it. */
  properties: MessageProperties | null = null
  payload: Uint8Array
  /** Size of the packet's body. */
  readonly sizeBytes: number

  constructor(payload: Uint8Array, sizeBytes: number) {
    this.payload = payload
    this.sizeBytes = sizeBytes
  }
}

const empty = new Uint8Array(0)

export function readPublish(reader: PacketReader, firstByte: number, version: Version): PublishPacket {
  const packet = new PublishPacket(empty, reader.left)
  const qos = (firstByte >> 1) & 3
  if (qos === 3) throw new WireFault('a PUBLISH has QoS 3')
  packet.qos = qos as 0 | 1 | 2
  packet.retain = (firstByte & 1) === 1
  packet.dup = (firstByte & 8) === 8
  packet.topic = reader.text()
  if (qos > 0) {
    packet.packetId = reader.uint16()
    if (packet.packetId === 0) throw new WireFault('a packet identifier is 0', 0x82)
  }
  if (version === 5) readPublishProperties(reader, packet)
  packet.payload = reader.buffer.subarray(reader.at, reader.end)
  return packet
}

function readPublishProperties(reader: PacketReader, packet: PublishPacket): void {
  const end = endOfProperties(reader)
  if (reader.at === end) return
  const properties: MessageProperties = {}
  const user: [string, string][] = []
  let some = false
  while (reader.at < end) {
    const id = reader.varint()
    some ||= id !== Property.TopicAlias
    if (id === Property.User) user.push([reader.text(), reader.text()])
    else if (id === Property.TopicAlias) packet.topicAlias = reader.uint16()
    else if (id === Property.PayloadFormat) properties.payloadFormat = reader.uint8() === 1 ? 1 : 0
    else if (id === Property.Expiry) properties.expirySeconds = reader.uint32()
    else if (id === Property.ContentType) properties.contentType = reader.text()
    else if (id === Property.ResponseTopic) properties.responseTopic = reader.text()
    else if (id === Property.CorrelationData) properties.correlationData = reader.binary()
    else readValue(reader, id)
  }
  if (reader.at !== end) throw new WireFault('a property reaches beyond the property length')
  if (user.length > 0) properties.user = user
  if (some) packet.properties = properties
}

/** First byte of a PUBLISH. */
export const publishByte = (qos: 0 | 1 | 2, retain: boolean, dup: boolean): number =>
  0x30 | (dup ? 0x08 : 0) | (qos << 1) | (retain ? 0x01 : 0)

/** Writes the properties a message has of its own, but its user properties and its expiry. */
export function writeMessageProperties(writer: PacketWriter, properties: MessageProperties): void {
  const { payloadFormat, contentType, responseTopic, correlationData } = properties
  if (payloadFormat !== undefined) {
    writer.uint8(Property.PayloadFormat)
    writer.uint8(payloadFormat)
  }
  if (contentType !== undefined) {
    writer.uint8(Property.ContentType)
    writer.text(contentType)
  }
  if (responseTopic !== undefined) {
    writer.uint8(Property.ResponseTopic)
    writer.text(responseTopic)
  }
  if (correlationData !== undefined) {
    writer.uint8(Property.CorrelationData)
    writer.binary(correlationData)
  }
}

export function writeUserProperty(writer: PacketWriter, name: string, value: string): void {
  writer.uint8(Property.User)
  writer.text(name)
  writer.text(value)
}
