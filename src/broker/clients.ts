import { Reason, reasonName } from './codec/reason.ts'
import type { BrokerContext } from './context.ts'
import type { Session } from './session/session.ts'
import { sendRetained, subscribe, unsubscribe } from './subscribing.ts'

/** What became of one filter of somebody who acts for a client. */
export interface ForClient {
  readonly filter: string
  readonly done: boolean
  /** The name of the reason code that the client would have had. */
  readonly reason: string
}

export interface HeldSubscription {
  /** As the client named it, after rewriting. */
  readonly filter: string
  readonly qos: 0 | 1 | 2
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
}

/** Acts for clients, as they could themselves: with their rights and limits. null where there is no such session. */
export class Clients {
  readonly #context: BrokerContext

  constructor(context: BrokerContext) {
    this.#context = context
  }

  subscriptions(clientId: string): HeldSubscription[] | null {
    const session = this.#context.sessions.find(clientId)
    if (session === null) return null
    return [...session.subscriptions.values()].map(({ name, qos, noLocal, retainAsPublished }) => {
      return { filter: name.text, qos, noLocal, retainAsPublished }
    })
  }

  /** Retained messages are sent as to the client's own subscription. */
  subscribe(clientId: string, filters: readonly string[], qos: 0 | 1 | 2): ForClient[] | null {
    const context = this.#context
    const session = context.sessions.find(clientId)
    if (session === null) return null
    return filters.map((filter) => {
      const wish = { filter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 as const }
      const { reason, retainedOf } = subscribe(context, session, personOf(session), wish, 0, context.rewriter)
      if (retainedOf !== null) sendRetained(context, session, retainedOf, qos, 0)
      return { filter, done: reason <= 2, reason: reason <= 2 ? reasonName(Reason.Success) : reasonName(reason) }
    })
  }

  unsubscribe(clientId: string, filters: readonly string[]): ForClient[] | null {
    const context = this.#context
    const session = context.sessions.find(clientId)
    if (session === null) return null
    return filters.map((filter) => {
      const reason = unsubscribe(context, session, personOf(session), filter, context.rewriter)
      return { filter, done: reason === Reason.Success, reason: reasonName(reason) }
    })
  }
}

const personOf = ({ clientId, username }: Session) => ({ clientId, username })
