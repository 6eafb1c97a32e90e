import type { Message, MessageProperties } from '../contract/message.ts'

/**
 * Messages of a source as one transferable buffer.
 *
 * *Shape*, little endian: count u32, then per message: flags u8 (bits 0–1 QoS, 2 retain, 3 username, 4 source,
 * 5 properties), time f64, then length-prefixed (u32) topic, client, payload, and where flagged username, source, and
 * properties as JSON, then its correlation data behind one zero byte, or nothing.
 */
export function encodeBatch(messages: readonly Message[]): ArrayBuffer {
  const parts: Uint8Array[] = []
  let sizeBytes = 4
  const add = (bytes: Uint8Array): void => {
    parts.push(bytes)
    sizeBytes += bytes.byteLength + 4
  }
  for (const message of messages) {
    sizeBytes += 9
    add(text(message.topic))
    add(text(message.client))
    add(message.payload)
    if (message.username !== null) add(text(message.username))
    if (message.source !== null) add(text(message.source))
    if (message.properties !== null) {
      const { correlationData, ...rest } = message.properties
      add(text(JSON.stringify(rest)))
      add(correlationData === undefined ? nothing : Buffer.concat([mark, correlationData]))
    }
  }
  return fill(messages, parts, sizeBytes)
}

export function decodeBatch(batch: ArrayBuffer): Message[] {
  const bytes = Buffer.from(batch)
  let at = 4
  const take = (): Uint8Array => {
    const length = bytes.readUInt32LE(at)
    const start = at + 4
    at = start + length
    return new Uint8Array(batch, start, length)
  }
  const takeText = (): string => decoder.decode(take())
  const messages: Message[] = new Array(bytes.readUInt32LE(0))
  for (let place = 0; place < messages.length; place++) {
    const flags = bytes[at]!
    const timeMs = bytes.readDoubleLE(at + 1)
    at += 9
    messages[place] = {
      topic: takeText(),
      client: takeText(),
      payload: take(),
      qos: (flags & 3) as 0 | 1 | 2,
      retain: (flags & 4) !== 0,
      username: (flags & 8) === 0 ? null : takeText(),
      source: (flags & 16) === 0 ? null : takeText(),
      properties: (flags & 32) === 0 ? null : properties(takeText(), take()),
      timeMs,
    }
  }
  return messages
}

const fill = (messages: readonly Message[], parts: readonly Uint8Array[], sizeBytes: number): ArrayBuffer => {
  const batch = new ArrayBuffer(sizeBytes)
  const bytes = Buffer.from(batch)
  bytes.writeUInt32LE(messages.length, 0)
  let at = 4
  let part = 0
  for (const message of messages) {
    const flags = flagsOf(message)
    bytes[at] = flags
    bytes.writeDoubleLE(message.timeMs, at + 1)
    at += 9
    const end = part + 3 + ((flags >> 3) & 1) + ((flags >> 4) & 1) + 2 * ((flags >> 5) & 1)
    for (; part < end; part++) {
      const given = parts[part]!
      bytes.writeUInt32LE(given.byteLength, at)
      bytes.set(given, at + 4)
      at += 4 + given.byteLength
    }
  }
  return batch
}

const flagsOf = (message: Message): number =>
  message.qos |
  (message.retain ? 4 : 0) |
  (message.username === null ? 0 : 8) |
  (message.source === null ? 0 : 16) |
  (message.properties === null ? 0 : 32)

const properties = (json: string, marked: Uint8Array): MessageProperties => {
  const rest = JSON.parse(json) as MessageProperties
  return marked.byteLength === 0 ? rest : { ...rest, correlationData: marked.subarray(1) }
}

const decoder = new TextDecoder()
const text = (value: string): Uint8Array => Buffer.from(value, 'utf8')
const nothing = new Uint8Array(0)
/** Tells correlation data of no bytes from none. */
const mark = new Uint8Array(1)
