import type { Message, MessageProperties } from '../contract/message.ts'

/**
 * Messages of a source as one transferable buffer.
 *
 * *Shape*, little endian: count u32, then per message: flags u8 (bits 0–1 QoS, 2 retain, 3 username, 4 source,
 * 5 properties, 6 topic as before, 7 client as before), time f64, then `[topic] [client] payload [username] [source]
 * [properties]`, each a text or bytes behind its length (u32). Properties: flags u8 (1 payload format, 2 it is 1, 4
 * expiry, 8 content type, 16 response topic, 32 correlation data, 64 user), then `[expiry f64] [content type]
 * [response topic] [correlation data] [count u32, (name, value)*]`.
 */
export function encodeBatch(messages: readonly Message[]): ArrayBuffer {
  const to = new Writer(sizeOf(messages))
  to.u32(messages.length)
  let topic: string | null = null
  let client: string | null = null
  for (const message of messages) {
    to.u8(flagsOf(message) | (message.topic === topic ? 64 : 0) | (message.client === client ? 128 : 0))
    to.f64(message.timeMs)
    if (message.topic !== topic) to.text(message.topic)
    if (message.client !== client) to.text(message.client)
    to.blob(message.payload)
    if (message.username !== null) to.text(message.username)
    if (message.source !== null) to.text(message.source)
    if (message.properties !== null) writeProperties(to, message.properties)
    ;({ topic, client } = message)
  }
  return to.buffer
}

/** The messages of a batch; payloads and correlation data are views into it. */
export function decodeBatch(batch: ArrayBuffer): Message[] {
  const from = new Reader(batch)
  const messages: Message[] = new Array(from.u32())
  let topic = ''
  let client = ''
  let source: string | null = null
  for (let place = 0; place < messages.length; place++) {
    const flags = from.u8()
    const timeMs = from.f64()
    if ((flags & 64) === 0) topic = from.text()
    if ((flags & 128) === 0) client = from.text()
    const payload = from.blob()
    const username = (flags & 8) === 0 ? null : from.text()
    source = (flags & 16) === 0 ? null : from.textLike(source)
    messages[place] = {
      topic,
      payload,
      qos: (flags & 3) as 0 | 1 | 2,
      retain: (flags & 4) !== 0,
      properties: (flags & 32) === 0 ? null : readProperties(from),
      client,
      username,
      source,
      timeMs,
    }
  }
  return messages
}

const flagsOf = (message: Message): number =>
  message.qos |
  (message.retain ? 4 : 0) |
  (message.username === null ? 0 : 8) |
  (message.source === null ? 0 : 16) |
  (message.properties === null ? 0 : 32)

function writeProperties(to: Writer, properties: MessageProperties): void {
  const { payloadFormat, expirySeconds, contentType, responseTopic, correlationData, user } = properties
  to.u8(
    (payloadFormat === undefined ? 0 : 1) |
      (payloadFormat === 1 ? 2 : 0) |
      (expirySeconds === undefined ? 0 : 4) |
      (contentType === undefined ? 0 : 8) |
      (responseTopic === undefined ? 0 : 16) |
      (correlationData === undefined ? 0 : 32) |
      (user === undefined ? 0 : 64),
  )
  if (expirySeconds !== undefined) to.f64(expirySeconds)
  if (contentType !== undefined) to.text(contentType)
  if (responseTopic !== undefined) to.text(responseTopic)
  if (correlationData !== undefined) to.blob(correlationData)
  if (user === undefined) return
  to.u32(user.length)
  for (const [name, value] of user) {
    to.text(name)
    to.text(value)
  }
}

function readProperties(from: Reader): MessageProperties {
  const flags = from.u8()
  const properties: MessageProperties = {}
  if ((flags & 1) !== 0) properties.payloadFormat = (flags & 2) === 0 ? 0 : 1
  if ((flags & 4) !== 0) properties.expirySeconds = from.f64()
  if ((flags & 8) !== 0) properties.contentType = from.text()
  if ((flags & 16) !== 0) properties.responseTopic = from.text()
  if ((flags & 32) !== 0) properties.correlationData = from.blob()
  if ((flags & 64) === 0) return properties
  const user: [string, string][] = new Array(from.u32())
  for (let at = 0; at < user.length; at++) user[at] = [from.text(), from.text()]
  properties.user = user
  return properties
}

/** An upper bound: three bytes of UTF-8 for each unit of UTF-16. */
function sizeOf(messages: readonly Message[]): number {
  let size = 4
  for (const { topic, client, payload, username, source, properties } of messages) {
    size += 33 + 3 * (topic.length + client.length + (username?.length ?? 0) + (source?.length ?? 0))
    size += payload.byteLength
    if (properties !== null) size += sizeOfProperties(properties)
  }
  return size
}

function sizeOfProperties({ contentType, responseTopic, correlationData, user }: MessageProperties): number {
  let size = 25 + 3 * ((contentType?.length ?? 0) + (responseTopic?.length ?? 0)) + (correlationData?.byteLength ?? 0)
  for (const [name, value] of user ?? []) size += 8 + 3 * (name.length + value.length)
  return size
}

/** Up to so many characters a loop over ASCII is faster than the call into the runtime. */
const shortText = 48

class Writer {
  readonly #bytes: Buffer<ArrayBuffer>
  readonly #view: DataView
  #at = 0

  constructor(sizeBytes: number) {
    // Memory of its own, since it is given away.
    this.#bytes = Buffer.allocUnsafeSlow(sizeBytes)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get buffer(): ArrayBuffer {
    return this.#bytes.buffer
  }

  u8(value: number): void {
    this.#bytes[this.#at++] = value
  }

  u32(value: number): void {
    this.#view.setUint32(this.#at, value, true)
    this.#at += 4
  }

  f64(value: number): void {
    this.#view.setFloat64(this.#at, value, true)
    this.#at += 8
  }

  blob(bytes: Uint8Array): void {
    this.u32(bytes.byteLength)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.byteLength
  }

  text(value: string): void {
    const start = this.#at + 4
    const written = this.#ascii(value, start) ? value.length : this.#bytes.write(value, start, 'utf8')
    this.#view.setUint32(this.#at, written, true)
    this.#at = start + written
  }

  #ascii(value: string, start: number): boolean {
    if (value.length > shortText) return false
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index)
      if (code > 0x7f) return false
      this.#bytes[start + index] = code
    }
    return true
  }
}

class Reader {
  readonly #bytes: Buffer
  readonly #view: DataView
  #at = 0

  constructor(batch: ArrayBuffer) {
    this.#bytes = Buffer.from(batch)
    this.#view = new DataView(batch)
  }

  u8(): number {
    return this.#bytes[this.#at++]!
  }

  u32(): number {
    this.#at += 4
    return this.#view.getUint32(this.#at - 4, true)
  }

  f64(): number {
    this.#at += 8
    return this.#view.getFloat64(this.#at - 8, true)
  }

  blob(): Uint8Array {
    const length = this.u32()
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  text(): string {
    const length = this.u32()
    this.#at += length
    return this.#bytes.toString('utf8', this.#at - length, this.#at)
  }

  /** The very same string when it says the same: nearly always the source of the message before. */
  textLike(known: string | null): string {
    const start = this.#at
    const length = this.u32()
    if (known === null || length !== known.length) {
      this.#at = start
      return this.text()
    }
    for (let index = 0; index < length; index++) {
      if (this.#bytes[this.#at + index] === known.charCodeAt(index)) continue
      this.#at = start
      return this.text()
    }
    this.#at += length
    return known
  }
}
