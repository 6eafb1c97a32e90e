import type { Principal } from './access/access.ts'
import type { Subscription as Wish } from './codec/packets/subscribe.ts'
import { Reason } from './codec/reason.ts'
import type { BrokerContext } from './context.ts'
import type { SubscribeRefusal } from './router/router.ts'
import type { Session } from './session/session.ts'
import { overTopics, readSubscriptionName, type SubscriptionName } from './session/subscription-name.ts'

const refusalReasons: Record<SubscribeRefusal, number> = {
  'too-many': Reason.QuotaExceeded,
  'too-heavy': Reason.QuotaExceeded,
  // Well formed, but not one we take.
  'too-deep': Reason.TopicFilterInvalid,
  'not-offered': Reason.TopicFilterInvalid,
  'no-shares': Reason.SharedSubscriptionsNotSupported,
  taken: Reason.QuotaExceeded,
}

/** What became of a wish: the reason code of SUBACK, and whose retained messages are to be sent now. */
export interface Subscribed {
  readonly reason: number
  /** null: none. */
  readonly retainedOf: string | null
}

/**
 * Subscribes a session, at its client's wish or another's: the name is read, its filter rewritten, access asked, the
 * limits kept; in this order. *Source*: MQTT 5.0 §3.8.4.
 */
export function subscribe(
  { router, access }: BrokerContext,
  session: Session,
  who: Principal,
  wish: Wish,
  id: number,
  rewriter: BrokerContext['rewriter'],
): Subscribed {
  const name = nameOf(wish.filter, who, rewriter)
  if (name === null) return refused(Reason.TopicFilterInvalid)
  if (!access.maySubscribe(who, name.filter)) return refused(Reason.NotAuthorized)
  const refusal = router.refusal(session, name)
  if (refusal !== null) return refused(refusalReasons[refusal])
  const { qos, noLocal, retainAsPublished, retainHandling } = wish
  const wasThere = router.subscribe(session, { name, qos, noLocal, retainAsPublished, id })
  // [MQTT-3.3.1-9, -10, -11]; those who share get none. *Source*: MQTT 5.0 §4.8.2.
  const isWanted = !name.isShared && (retainHandling === 0 || (retainHandling === 1 && !wasThere))
  return { reason: qos, retainedOf: isWanted ? name.filter : null }
}

/** Ends a subscription of a session, by the name it was made with. Answers the reason code of UNSUBACK. */
export function unsubscribe(
  { router }: BrokerContext,
  session: Session,
  who: Principal,
  text: string,
  rewriter: BrokerContext['rewriter'],
): number {
  const name = nameOf(text, who, rewriter)
  if (name === null) return Reason.TopicFilterInvalid
  return router.unsubscribe(session, name.text) ? Reason.Success : Reason.NoSubscriptionExisted
}

export function sendRetained(
  { retained, now }: BrokerContext,
  session: Session,
  filter: string,
  maxQos: 0 | 1 | 2,
  id: number,
): void {
  const ids = id === 0 ? null : [id]
  for (const { message, qos } of retained.match(filter, now())) {
    session.deliverKept(message, lesser(qos, maxQos), true, ids)
  }
}

function nameOf(text: string, who: Principal, rewriter: BrokerContext['rewriter']): SubscriptionName | null {
  const name = readSubscriptionName(text)
  if ('fault' in name) return null
  return rewriter === null ? name : overTopics(name, rewriter.filter(name.filter, who))
}

const refused = (reason: number): Subscribed => ({ reason, retainedOf: null })

const lesser = (a: 0 | 1 | 2, b: 0 | 1 | 2) => Math.min(a, b) as 0 | 1 | 2
