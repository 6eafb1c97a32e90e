import type { UnsubscribePacket } from '../codec/packets/unsubscribe.ts'
import type { Connection } from '../connection.ts'
import { unsubscribe } from '../subscribing.ts'

/** Ends subscriptions and answers UNSUBACK. What is under way is still delivered. *Source*: MQTT 5.0 §3.10.4. */
export function handleUnsubscribe(connection: Connection, packet: UnsubscribePacket): void {
  const { context } = connection
  const reasons = packet.filters.map((filter) =>
    unsubscribe(context, connection.session!, connection.principal!, filter, context.rewriter),
  )
  connection.send({ type: 'unsuback', packetId: packet.packetId, reasons, properties: null })
}
