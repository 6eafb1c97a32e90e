import { type Delivery, hopsProperty, hopsThrough, type MessageProperties, TrestleError } from 'trestle/contract'
import { fromReason } from './errors.ts'
import type { MqttOptions } from './options.ts'
import type { Connack, Version } from './wire/packets.ts'
import { Property } from './wire/properties.ts'
import { publishByte, writeMessageProperties, writeUserProperty } from './wire/publish.ts'
import type { PacketWriter } from './wire/writer.ts'

/** What a name may not have. *Source*: MQTT 5.0 §4.7.1.1, §4.7.3. */
const notInNames = /[+#\0]/

/**
 * How a delivery becomes a PUBLISH: its topic, QoS, flag and properties.
 *
 * What MQTT 5 has a property for goes there; the rest of the table of headers goes as user properties: always
 * `trestle-id` and `trestle-hops`, and with `mqtt_headers` where the message came from and what its copy does not say.
 */
export class Publication {
  readonly #options: MqttOptions
  readonly #version: Version
  readonly #hub: string
  #maxQos: 0 | 1 | 2 = 2
  #retainAvailable = true
  #maxPacketBytes = Number.POSITIVE_INFINITY
  #maxAliases = 0
  readonly #aliases = new Map<string, number>()

  constructor(options: MqttOptions, hub: string) {
    this.#options = options
    this.#version = options.version === '5' ? 5 : 4
    this.#hub = hub
  }

  /** A new connection, with what its server can do. */
  begin(connack: Connack): void {
    this.#maxQos = connack.maxQos
    this.#retainAvailable = connack.retainAvailable
    this.#maxPacketBytes = connack.maxPacketBytes
    this.#maxAliases = Math.min(connack.topicAliasMaximum, this.#options.topic_alias_maximum)
    this.#aliases.clear()
  }

  /** *Errors*: E606 for what is no topic name. */
  topicOf({ target, message }: Delivery): string {
    const { prefix, skip_levels: skip } = this.#options
    if (target === null && skip === 0 && prefix === '') return message.topic
    const own = target ?? withoutLevels(message.topic, skip)
    if (own === '' || notInNames.test(own)) {
      const why = own === '' ? 'nothing is left of the topic' : `\`${own}\` has wildcards`
      throw new TrestleError('E606', `it cannot be published: ${why}`, { detail: { place: message.topic } })
    }
    return target === null ? prefix + own : own
  }

  /** Never above what the server takes. */
  qosOf({ options, message }: Delivery): 0 | 1 | 2 {
    const fixed = (options?.['qos'] as 0 | 1 | 2 | undefined) ?? this.#options.qos
    const qos = fixed === 'follow' ? message.qos : fixed
    return qos > this.#maxQos ? this.#maxQos : qos
  }

  retainOf({ options, message }: Delivery): boolean {
    if (!this.#retainAvailable) return false
    const fixed = (options?.['retain'] as boolean | undefined) ?? this.#options.retain
    return fixed === 'follow' ? message.retain : fixed
  }

  /** Writes the packet, or answers why it cannot be (E407, E605, E606); then nothing of it is written. */
  write(
    writer: PacketWriter,
    delivery: Delivery,
    packetId: number,
    qos: 0 | 1 | 2,
    dup: boolean,
    nowMs: number,
  ): TrestleError | null {
    const mark = writer.length
    try {
      const topic = this.topicOf(delivery)
      const alias = this.#maxAliases === 0 ? 0 : this.#aliasOf(topic)
      const size = this.#write(writer, delivery, topic, alias, packetId, qos, dup, nowMs)
      if (size > this.#maxPacketBytes)
        throw fromReason(0x95, `${size} bytes, the server takes ${this.#maxPacketBytes}`, topic)
      if (alias > 0) this.#aliases.set(topic, alias)
      return null
    } catch (thrown) {
      writer.rewind(mark)
      return TrestleError.from(thrown, 'E606')
    }
  }

  #write(
    writer: PacketWriter,
    delivery: Delivery,
    topic: string,
    alias: number,
    packetId: number,
    qos: 0 | 1 | 2,
    dup: boolean,
    nowMs: number,
  ): number {
    const retain = this.retainOf(delivery)
    const { payload } = delivery
    // A guess: what is off by little costs a move of the packet, not a copy.
    const guess = payload.length + topic.length + (this.#version === 5 ? 160 : 4)
    writer.begin(publishByte(qos, retain, dup), guess)
    writer.text(alias < 0 ? '' : topic)
    if (qos > 0) writer.uint16(packetId)
    if (this.#version === 5) this.#writeProperties(writer, delivery, topic, qos, retain, Math.abs(alias), nowMs)
    writer.bytes(payload)
    return writer.end()
  }

  /** A new alias; below 0 one the server knows; 0 for none. */
  #aliasOf(topic: string): number {
    const known = this.#aliases.get(topic)
    if (known !== undefined) return -known
    return this.#aliases.size < this.#maxAliases ? this.#aliases.size + 1 : 0
  }

  #writeProperties(
    writer: PacketWriter,
    delivery: Delivery,
    topic: string,
    qos: number,
    retain: boolean,
    alias: number,
    nowMs: number,
  ): void {
    const { message, headers } = delivery
    const { properties } = message
    const block = writer.openBlock(128)
    if (alias > 0) {
      writer.uint8(Property.TopicAlias)
      writer.uint16(alias)
    }
    if (properties !== null) {
      writeExpiry(writer, properties, message.timeMs, nowMs)
      writeMessageProperties(writer, properties)
    }
    writeUserProperty(writer, 'trestle-id', delivery.id)
    writeUserProperty(writer, hopsProperty, hopsThrough(properties, this.#hub))
    if (this.#options.mqtt_headers) writeOrigin(writer, delivery, topic, qos, retain)
    for (const [name, value] of properties?.user ?? []) {
      if (name !== hopsProperty) writeUserProperty(writer, isOurs(name) ? `mqtt-user-${name}` : name, value)
    }
    for (const [name, value] of headers) {
      writeUserProperty(writer, name, typeof value === 'string' ? value : Buffer.from(value).toString('base64'))
    }
    writer.closeBlock(block, 128)
  }
}

function writeOrigin(writer: PacketWriter, { message }: Delivery, topic: string, qos: number, retain: boolean): void {
  const { properties, timeMs } = message
  writeUserProperty(writer, 'mqtt-client', message.client)
  writeUserProperty(writer, 'mqtt-time', String(timeMs))
  if (topic !== message.topic) writeUserProperty(writer, 'mqtt-topic', message.topic)
  if (qos !== message.qos) writeUserProperty(writer, 'mqtt-qos', String(message.qos))
  if (retain !== message.retain) writeUserProperty(writer, 'mqtt-retain', String(message.retain))
  if (properties?.expirySeconds !== undefined) {
    writeUserProperty(writer, 'mqtt-expires', String(timeMs + properties.expirySeconds * 1000))
  }
}

/** What is left of the interval. *Errors*: E407. */
function writeExpiry(writer: PacketWriter, { expirySeconds }: MessageProperties, timeMs: number, nowMs: number): void {
  if (expirySeconds === undefined) return
  const left = Math.ceil((timeMs - nowMs) / 1000 + expirySeconds)
  if (left <= 0) throw new TrestleError('E407', `it expired ${-left} s ago`)
  writer.uint8(Property.Expiry)
  writer.uint32(Math.min(left, 0xffff_ffff))
}

/**
 * Names of user properties that mean something between hubs; a device that uses one must not be mistaken for a hub. Fewer than
 * the contract's `isReserved`: in MQTT 5 the content type is a property of its own, so a user property of that name is only
 * that, and any text is a name.
 */
export const isOurs = (name: string): boolean => name.startsWith('trestle-') || name.startsWith('mqtt-')

/** The topic without its first levels; empty when it has no more than these. */
export function withoutLevels(topic: string, levels: number): string {
  let at = 0
  for (let skipped = 0; skipped < levels; skipped++) {
    const slash = topic.indexOf('/', at)
    if (slash < 0) return ''
    at = slash + 1
  }
  return at === 0 ? topic : topic.slice(at)
}
