import {
  type Delivery,
  hopsOf,
  hopsProperty,
  hopsThrough,
  isReserved,
  type Message,
  type MessageProperties,
} from 'trestle/contract'
import { nameBytes, type PayloadWriter, propertyBytes } from './protocol/producer/payload-writer.ts'

const idName = nameBytes('trestle-id')
const topicName = nameBytes('mqtt-topic')
const clientName = nameBytes('mqtt-client')
const qos = [new Uint8Array(0), propertyBytes('mqtt-qos', '1'), propertyBytes('mqtt-qos', '2')]
const retained = propertyBytes('mqtt-retain', 'true')

/**
 * Writes a message's properties: exactly what the contract's `textHeadersOf` gives, in its order, without making it.
 * What is the same for every message stands ready as bytes.
 */
export class PropertiesWriter {
  readonly #hub: string
  readonly #mqtt: boolean
  readonly #ownHops: Uint8Array
  #timeMs = -1
  #time: Uint8Array = new Uint8Array(0)

  constructor(hub: string, mqtt: boolean) {
    this.#hub = hub
    this.#mqtt = mqtt
    this.#ownHops = propertyBytes(hopsProperty, hub)
  }

  write(out: PayloadWriter, { id, message, headers }: Delivery): void {
    const { properties } = message
    out.named(idName, id)
    // Nearly no message has been in another hub: then the hop list is this hub.
    if (properties === null || hopsOf(properties) === '') out.ready(this.#ownHops)
    else out.property(hopsProperty, hopsThrough(properties, this.#hub))
    if (this.#mqtt) this.#writeMqtt(out, message, properties)
    for (const [name, value] of headers) out.property(name, textOf(name, value))
  }

  #writeMqtt(out: PayloadWriter, message: Message, properties: MessageProperties | null): void {
    out.named(topicName, message.topic)
    out.named(clientName, message.client)
    if (message.timeMs !== this.#timeMs) {
      this.#timeMs = message.timeMs
      this.#time = propertyBytes('mqtt-time', String(message.timeMs))
    }
    out.ready(this.#time)
    if (message.qos !== 0) out.ready(qos[message.qos]!)
    if (message.retain) out.ready(retained)
    if (properties !== null) writeProperties(out, properties, message.timeMs)
  }
}

function writeProperties(out: PayloadWriter, properties: MessageProperties, timeMs: number): void {
  const { payloadFormat, expirySeconds, contentType, responseTopic, correlationData, user } = properties
  if (expirySeconds !== undefined) out.property('mqtt-expires', String(timeMs + expirySeconds * 1000))
  if (payloadFormat !== undefined) out.property('mqtt-payload-format', String(payloadFormat))
  if (contentType !== undefined) out.property('content-type', contentType)
  if (responseTopic !== undefined) out.property('mqtt-response-topic', responseTopic)
  if (correlationData !== undefined) {
    out.property('mqtt-correlation-data', textOf('mqtt-correlation-data', correlationData))
  }
  for (const [name, value] of user ?? []) {
    if (name === hopsProperty) continue
    out.property(isReserved(name) ? `mqtt-user-${name}` : name, value)
  }
}

/** Pulsar's properties are text: correlation data is base64. */
function textOf(name: string, value: string | Uint8Array): string {
  if (typeof value === 'string') return value
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  return bytes.toString(name === 'mqtt-correlation-data' ? 'base64' : 'utf8')
}
