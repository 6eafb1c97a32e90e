import type { Message, MessageProperties } from '../contract/message.ts'
import type { BoundRules } from '../engine/bound-rules.ts'
import type { Given } from '../engine/example/example.ts'
import type { Encode } from './plan.ts'

/** The message that an example publishes, as the broker would hand it on. */
export function messageOf(given: Given, rules: BoundRules | null, timeMs: number, encode: Encode): Message {
  const { payload, topic, qos, retain, client, username, source } = given
  const taking = rules === null ? [] : rules.rules.map(({ rule }) => rule)
  return {
    topic,
    payload: 'bytes' in payload ? payload.bytes : encode(payload.data, taking, payload.text),
    qos,
    retain,
    properties: given.properties === null ? null : propertiesOf(given.properties),
    client: source ?? client,
    username,
    source,
    timeMs,
  }
}

/** MQTT 5 properties from the names that expressions use. */
function propertiesOf(written: Readonly<Record<string, unknown>>): MessageProperties {
  const properties: MessageProperties = {}
  const { user, content_type, response_topic, correlation_data, payload_format, expiry_seconds } = written
  if (typeof user === 'object' && user !== null)
    properties.user = Object.entries(user).map(([name, value]) => [name, String(value)] as const)
  if (typeof content_type === 'string') properties.contentType = content_type
  if (typeof response_topic === 'string') properties.responseTopic = response_topic
  if (typeof correlation_data === 'string') properties.correlationData = Buffer.from(correlation_data)
  if (payload_format === 0 || payload_format === 1) properties.payloadFormat = payload_format
  if (typeof expiry_seconds === 'number') properties.expirySeconds = expiry_seconds
  return properties
}
