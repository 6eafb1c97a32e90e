import { topicFilterFault } from '../../topic/filter.ts'
import type { SubscribePacket, Subscription as Wish } from '../codec/packets/subscribe.ts'
import { Reason } from '../codec/reason.ts'
import type { Connection } from '../connection.ts'
import type { SubscribeRefusal } from '../router/router.ts'

const refusalReasons: Record<SubscribeRefusal, number> = {
  'too-many': Reason.QuotaExceeded,
  'too-heavy': Reason.QuotaExceeded,
  // Well formed, but not one we take.
  'too-deep': Reason.TopicFilterInvalid,
}

/** Subscribes, answers SUBACK with one code per filter, and sends the retained messages. *Source*: MQTT 5.0 §3.8.4. */
export function handleSubscribe(connection: Connection, packet: SubscribePacket): void {
  const subscriptionId = packet.properties?.subscriptionId ?? 0
  const reasons: number[] = []
  const granted: Wish[] = []
  for (const wish of packet.subscriptions) {
    const refused = refusalOf(connection, wish.filter)
    reasons.push(refused ?? wish.qos)
    if (refused === null && subscribe(connection, wish, subscriptionId)) granted.push(wish)
  }
  connection.send({ type: 'suback', packetId: packet.packetId, reasons, properties: null })
  const ids = subscriptionId === 0 ? null : [subscriptionId]
  for (const wish of granted) sendRetained(connection, wish, ids)
}

function refusalOf(connection: Connection, filter: string): number | null {
  const { access, router } = connection.context
  if (topicFilterFault(filter) !== null) return Reason.TopicFilterInvalid
  // CONNACK has said that there are none yet.
  if (filter.startsWith('$share/')) return Reason.SharedSubscriptionsNotSupported
  if (!access.maySubscribe(connection.principal!, filter)) return Reason.NotAuthorized
  const refusal = router.refusal(connection.session!, filter)
  return refusal === null ? null : refusalReasons[refusal]
}

/** Answers whether retained messages are to be sent. [MQTT-3.3.1-9, -10, -11] */
function subscribe(connection: Connection, wish: Wish, id: number): boolean {
  const session = connection.session!
  const { filter, qos, noLocal, retainAsPublished, retainHandling } = wish
  const wasThere = connection.context.router.subscribe(session, { filter, qos, noLocal, retainAsPublished, id })
  return retainHandling === 0 || (retainHandling === 1 && !wasThere)
}

function sendRetained(connection: Connection, wish: Wish, ids: readonly number[] | null): void {
  const { retained, now } = connection.context
  for (const { message, qos } of retained.match(wish.filter, now())) {
    connection.session!.deliverKept(message, lesser(qos, wish.qos), true, ids)
  }
}

const lesser = (a: 0 | 1 | 2, b: 0 | 1 | 2) => Math.min(a, b) as 0 | 1 | 2
