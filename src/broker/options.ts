import type { Access } from './access/access.ts'
import type { Subscription as Wish } from './codec/packets/subscribe.ts'
import type { BrokerContext } from './context.ts'
import type { DelayedOptions } from './delayed.ts'
import type { BrokerEvents } from './events.ts'
import type { BrokerLimits } from './limits.ts'
import type { Storing } from './output/pacing.ts'
import { type PublishFlow, Verdict } from './port.ts'
import type { PeerMode } from './router/peer-topic.ts'
import type { RewriteRule } from './router/rewriter.ts'
import type { SubscriptionOptions } from './router/share-strategy.ts'
import type { SystemTopicOptions } from './system-topics.ts'

/** What a broker is made from; everything but the flow has a default. */
export interface BrokerOptions {
  flow?: PublishFlow
  /** Who stores what the flow takes. */
  storing?: Storing
  access?: Access
  /** Whether a message with these user properties was in this hub before, and must be dropped; none is without it. */
  cameBack?: BrokerContext['cameBack']
  limits?: Partial<BrokerLimits>
  /** Kinds of subscriptions, and how the shared ones choose. */
  subscriptions?: Partial<SubscriptionOptions>
  /** What every client is subscribed to; `%c` and `%u` in a filter stand for its names. */
  autoSubscriptions?: readonly Wish[]
  rewrite?: readonly RewriteRule[]
  /** null: nothing is held back. */
  delayed?: DelayedOptions | null
  peerToPeer?: PeerMode
  /** null: nothing is published below `$SYS`. */
  systemTopics?: SystemTopicOptions | null
  /** ms since the epoch. */
  now?: () => number
  events?: BrokerEvents
  /** false reads sockets by their 'data' events, as where one buffer for all cannot be had. */
  sharesReadBuffer?: boolean
  /** How often files of certificates are looked at. *Unit*: ms. */
  certificateWatchMs?: number
}

/** A flow without rules: everything is accepted at once. */
export const noFlow: PublishFlow = {
  version: 0,
  error: null,
  lookup: () => null,
  take: () => Verdict.Accepted,
}
