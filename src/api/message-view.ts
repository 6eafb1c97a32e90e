import type { Header, Message, MessageProperties } from '../contract/message.ts'
import type { DeadLetter } from '../telemetry/report.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The bytes as text when they are UTF-8 a person can read (tab and line ends allowed), else null. */
export function readableText(bytes: Uint8Array): string | null {
  try {
    const text = utf8.decode(bytes)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    return /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/.test(text) ? null : text
  } catch {
    return null // not UTF-8: base64 alone tells it
  }
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

/** Properties in JSON: as they are, but for the correlation data, which is bytes. */
export function propertiesView(properties: MessageProperties | null) {
  if (properties === null) return null
  const { correlationData, ...rest } = properties
  return correlationData === undefined ? rest : { ...rest, correlationDataBase64: base64(correlationData) }
}

const headerView = ([name, value]: Header) =>
  typeof value === 'string' ? { name, value } : { name, valueBase64: base64(value), value: readableText(value) }

/** A message in JSON: its bytes in base64, and as text beside that where it can be read. */
export const messageView = (message: Message) => ({
  topic: message.topic,
  qos: message.qos,
  retain: message.retain,
  client: message.client,
  username: message.username,
  source: message.source,
  timeMs: message.timeMs,
  properties: propertiesView(message.properties),
  payloadBase64: base64(message.payload),
  payloadText: readableText(message.payload),
})

/** A dead letter in JSON: what is told of it, the message as published, and what the rule made of it for its sink. */
export function deadLetterView({ message, owed, ...summary }: DeadLetter) {
  const { orderKey, headers, options, payload } = owed
  return {
    ...summary,
    message: messageView(message),
    owed: {
      orderKey,
      headers: headers.map(headerView),
      options,
      payloadBase64: base64(payload),
      payloadText: readableText(payload),
    },
  }
}
