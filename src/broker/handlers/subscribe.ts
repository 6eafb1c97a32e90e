import type { SubscribePacket } from '../codec/packets/subscribe.ts'
import type { Connection } from '../connection.ts'
import { sendRetained, subscribe } from '../subscribing.ts'

/** Subscribes, answers SUBACK with one code per filter, and sends the retained messages. *Source*: MQTT 5.0 §3.8.4. */
export function handleSubscribe(connection: Connection, packet: SubscribePacket): void {
  const { context } = connection
  const session = connection.session!
  const id = packet.properties?.subscriptionId ?? 0
  const made = packet.subscriptions.map((wish) =>
    subscribe(context, session, connection.principal!, wish, id, context.rewriter),
  )
  connection.send({
    type: 'suback',
    packetId: packet.packetId,
    reasons: made.map(({ reason }) => reason),
    properties: null,
  })
  for (const [at, { retainedOf }] of made.entries()) {
    if (retainedOf !== null) sendRetained(context, session, retainedOf, packet.subscriptions[at]!.qos, id)
  }
}
