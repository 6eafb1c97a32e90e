import type { UnsubscribePacket } from '../codec/packets/unsubscribe.ts'
import { Reason } from '../codec/reason.ts'
import type { Connection } from '../connection.ts'

/** Ends subscriptions and answers UNSUBACK. What is under way is still delivered. *Source*: MQTT 5.0 §3.10.4. */
export function handleUnsubscribe(connection: Connection, packet: UnsubscribePacket): void {
  const { router } = connection.context
  const reasons = packet.filters.map((filter) =>
    router.unsubscribe(connection.session!, filter) ? Reason.Success : Reason.NoSubscriptionExisted,
  )
  connection.send({ type: 'unsuback', packetId: packet.packetId, reasons, properties: null })
}
