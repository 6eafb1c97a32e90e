import type { Principal } from './access/access.ts'
import type { BrokerContext } from './context.ts'
import { filledIn } from './router/topic-template.ts'
import type { Session } from './session/session.ts'
import { sendRetained, subscribe } from './subscribing.ts'

/** A client has been let in, and told so: it gets the subscriptions that every client gets. */
export function autoSubscribe(context: BrokerContext, session: Session, who: Principal): void {
  for (const { parts, wish } of context.autoWishes) {
    const filter = filledIn(parts, [], who)
    if (filter === null) continue
    // The configuration names the topics as they are: what clients' topics are rewritten to.
    const { reason, retainedOf } = subscribe(context, session, who, { ...wish, filter }, 0, null)
    if (retainedOf !== null) sendRetained(context, session, retainedOf, wish.qos, 0)
    if (reason > 2) context.events('warn', 'client.auto-subscription-refused', { client: who.clientId, filter, reason })
  }
}
