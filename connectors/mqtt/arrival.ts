import { hopsProperty, Inbound, type InboundBatch, type Message, type MessageProperties } from 'trestle/contract'
import { isOurs, withoutLevels } from './publication.ts'
import type { MqttSourceOptions } from './source-options.ts'
import type { PublishPacket } from './wire/publish.ts'

/** What the user properties say that a hub on the other side has written. */
interface Carried {
  topic: string | null
  client: string | null
  qos: 0 | 1 | 2 | null
  retain: boolean | null
  timeMs: number | null
  expiresMs: number | null
  user: [string, string][]
}

/** Makes messages of what the server sends; the other side of `publication`. *Errors*: E206 for a wrong template. */
export class Arrival {
  readonly #options: MqttSourceOptions
  readonly #source: string
  /** Null where the topic stays as it is. */
  readonly #inbound: Inbound | null

  constructor(options: MqttSourceOptions, source: string) {
    this.#options = options
    this.#source = source
    this.#inbound = options.publish === '${topic}' ? null : new Inbound(options, source)
  }

  add(batch: InboundBatch, packet: PublishPacket, nowMs: number): void {
    const { qos, retain, skip_levels: skip } = this.#options
    const address = skip === 0 ? packet.topic : withoutLevels(packet.topic, skip)
    const carried = packet.properties?.user === undefined ? null : readUser(packet.properties.user)
    const timeMs = carried?.timeMs ?? nowMs
    const message: Message = {
      topic: address,
      payload: packet.payload,
      qos: (qos as 0 | 1 | 2 | undefined) ?? carried?.qos ?? packet.qos,
      retain: retain ?? carried?.retain ?? packet.retain,
      properties: this.#properties(packet.properties, carried, timeMs, nowMs),
      client: carried?.client ?? this.#source,
      username: null,
      source: this.#source,
      timeMs,
    }
    if (this.#inbound !== null) this.#template(this.#inbound, batch, packet, address, carried, message, nowMs)
    else batch.messages.push(message)
  }

  /** Lets the template make the topic; the rest is known better here. */
  #template(
    inbound: Inbound,
    batch: InboundBatch,
    packet: PublishPacket,
    address: string,
    carried: Carried | null,
    message: Message,
    nowMs: number,
  ): void {
    // What the properties carried beside user properties is no longer among them.
    const headers: [string, string][] = [...(carried?.user ?? packet.properties?.user ?? [])].map(([name, value]) => [
      name,
      value,
    ])
    headers.push(['mqtt-topic', carried?.topic ?? packet.topic])
    inbound.add(batch, { address, key: null, headers, payload: packet.payload, timeMs: null }, nowMs)
    const at = batch.messages.length - 1
    message.topic = batch.messages[at]!.topic
    batch.messages[at] = message
  }

  /** An interval counts from `timeMs`, which a carried time moves into the past. */
  #properties(
    given: MessageProperties | null,
    carried: Carried | null,
    timeMs: number,
    nowMs: number,
  ): MessageProperties | null {
    const { expiry_s: otherwise } = this.#options
    if (given === null) return otherwise === undefined ? null : { expirySeconds: otherwise }
    const properties = given
    if (carried !== null) {
      if (carried.user.length > 0) properties.user = carried.user
      else delete properties.user
    }
    const sinceSeconds = Math.max(0, Math.floor((nowMs - timeMs) / 1000))
    if (carried?.expiresMs != null) properties.expirySeconds = Math.round((carried.expiresMs - timeMs) / 1000)
    else if (properties.expirySeconds !== undefined) properties.expirySeconds += sinceSeconds
    else if (otherwise !== undefined) properties.expirySeconds = otherwise + sinceSeconds
    for (const _ in properties) return properties
    return null
  }
}

function readUser(user: ReadonlyArray<readonly [string, string]>): Carried {
  const carried: Carried = {
    topic: null,
    client: null,
    qos: null,
    retain: null,
    timeMs: null,
    expiresMs: null,
    user: [],
  }
  for (const [name, value] of user) {
    if (!isOurs(name)) carried.user.push([name, value])
    else if (name === hopsProperty) carried.user.unshift([name, value])
    else if (name === 'mqtt-topic') carried.topic = value
    else if (name === 'mqtt-client') carried.client = value
    else if (name === 'mqtt-qos') carried.qos = value === '2' ? 2 : value === '1' ? 1 : 0
    else if (name === 'mqtt-retain') carried.retain = value === 'true'
    else if (name === 'mqtt-time') carried.timeMs = numberOf(value)
    else if (name === 'mqtt-expires') carried.expiresMs = numberOf(value)
    else if (name.startsWith('mqtt-user-')) carried.user.push([name.slice('mqtt-user-'.length), value])
    else if (name !== 'trestle-id') carried.user.push([name, value])
  }
  return carried
}

const numberOf = (value: string): number | null => {
  const number = Number(value)
  return value !== '' && Number.isFinite(number) ? number : null
}
