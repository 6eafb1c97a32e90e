import { type Delivery, hopsOf, hopsProperty, hopsThrough, isReserved, type MessageProperties } from 'trestle/contract'
import { BatchBytes } from './batch-bytes.ts'

/**
 * Writes a record's headers: exactly what the contract's `headersOf` gives, in its order, without making it. What is
 * the same for every record stands ready as bytes.
 */
export class RecordHeaders {
  /** An upper bound of the bytes that do not come from the delivery. */
  readonly room: number
  readonly #hub: string
  readonly #mqttHeaders: boolean
  readonly #afterId: Uint8Array
  /** `mqtt-time` and its value, written once per moment. */
  readonly #time = new BatchBytes(64)
  #timeMs = -1

  constructor(hub: string, mqttHeaders: boolean) {
    this.#hub = hub
    this.#mqttHeaders = mqttHeaders
    const hops = new BatchBytes(64 + hub.length * 3)
    hops.text(hopsProperty)
    hops.text(hub)
    if (mqttHeaders) hops.text('mqtt-topic')
    this.#afterId = Uint8Array.prototype.slice.call(hops.bytes, 0, hops.end)
    this.room = this.#afterId.length + hub.length * 3
  }

  write(out: BatchBytes, { id, message, headers }: Delivery): void {
    const { properties } = message
    out.varint(2 + headers.length + (this.#mqttHeaders ? countOf(message, properties) : 0))
    out.text('trestle-id')
    out.text(id)
    // Nearly no message has been in another hub: then the hop list is this hub.
    if (properties === null || hopsOf(properties) === '') out.raw(this.#afterId)
    else {
      out.text(hopsProperty)
      out.text(hopsThrough(properties, this.#hub))
      if (this.#mqttHeaders) out.text('mqtt-topic')
    }
    if (this.#mqttHeaders) this.#writeMqtt(out, message, properties)
    for (let at = 0; at < headers.length; at++) {
      const header = headers[at]!
      pair(out, header[0], header[1])
    }
  }

  #writeMqtt(out: BatchBytes, message: Delivery['message'], properties: MessageProperties | null): void {
    out.text(message.topic)
    out.text('mqtt-client')
    out.text(message.client)
    if (message.timeMs !== this.#timeMs) this.#prepareTime(message.timeMs)
    const time = this.#time
    for (let at = 0; at < time.end; at++) out.byte(time.bytes[at]!)
    if (message.qos !== 0) {
      out.text('mqtt-qos')
      out.text(message.qos === 1 ? '1' : '2')
    }
    if (message.retain) pair(out, 'mqtt-retain', 'true')
    if (properties !== null) writeProperties(out, properties, message.timeMs)
  }

  #prepareTime(timeMs: number): void {
    this.#timeMs = timeMs
    this.#time.end = 0
    this.#time.text('mqtt-time')
    this.#time.decimal(timeMs)
  }
}

function countOf({ qos, retain }: Delivery['message'], properties: MessageProperties | null): number {
  let count = 3 + (qos === 0 ? 0 : 1) + (retain ? 1 : 0)
  if (properties === null) return count
  if (properties.expirySeconds !== undefined) count++
  if (properties.payloadFormat !== undefined) count++
  if (properties.contentType !== undefined) count++
  if (properties.responseTopic !== undefined) count++
  if (properties.correlationData !== undefined) count++
  for (const [name] of properties.user ?? []) if (name !== hopsProperty) count++
  return count
}

function writeProperties(out: BatchBytes, properties: MessageProperties, timeMs: number): void {
  const { payloadFormat, expirySeconds, contentType, responseTopic, correlationData, user } = properties
  if (expirySeconds !== undefined) {
    out.text('mqtt-expires')
    out.decimal(timeMs + expirySeconds * 1000)
  }
  if (payloadFormat !== undefined) pair(out, 'mqtt-payload-format', payloadFormat === 1 ? '1' : '0')
  if (contentType !== undefined) pair(out, 'content-type', contentType)
  if (responseTopic !== undefined) pair(out, 'mqtt-response-topic', responseTopic)
  if (correlationData !== undefined) pair(out, 'mqtt-correlation-data', correlationData)
  for (const [name, value] of user ?? []) {
    if (name === hopsProperty) continue
    pair(out, isReserved(name) ? `mqtt-user-${name}` : name, value)
  }
}

function pair(out: BatchBytes, name: string, value: string | Uint8Array): void {
  out.text(name)
  if (typeof value === 'string') out.text(value)
  else out.blob(value)
}
