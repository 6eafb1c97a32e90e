import type { Message } from '../contract/message.ts'
import type { PublishOrder } from '../engine/outcome.ts'

/** What a rule publishes, as a message of whoever sent the one it was made of. */
export const republish = (origin: Message, published: PublishOrder): Message => ({
  topic: published.topic,
  payload: published.payload,
  qos: published.qos,
  retain: published.retain,
  properties: published.properties,
  client: origin.client,
  username: origin.username,
  source: origin.source,
  timeMs: origin.timeMs,
})
