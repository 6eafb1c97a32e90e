import type { MessageProperties } from '../contract/message.ts'
import type { Encoding } from './encoding/encoding.ts'

/** MQTT 5 properties of what a rule publishes: the message's own, but true of the new payload. */
export function publishedProperties(
  properties: MessageProperties | null,
  { write, contentType, name }: Encoding,
): MessageProperties | null {
  if (write === null) return properties
  const { contentType: _, payloadFormat: __, ...others } = properties ?? {}
  const isText = name === 'json' || name === 'csv'
  return {
    ...others,
    ...(contentType === null ? {} : { contentType }),
    // A framed payload begins with a zero byte, whatever follows.
    ...(isText && contentType !== null ? { payloadFormat: 1 } : {}),
  }
}
