import type { SharedOrigin } from '../session/kept-message.ts'
import type { Session } from '../session/session.ts'

/** One session that receives a topic, however many of its subscriptions match. */
export interface Target {
  readonly session: Session
  /** The greatest of the matching subscriptions. [MQTT-3.3.4-2] */
  readonly qos: 0 | 1 | 2
  readonly retainAsPublished: boolean
  /** The identifiers of all matching subscriptions; null when none has one. [MQTT-3.3.4-4] */
  readonly subscriptionIds: readonly number[] | null
  /** The shared subscription by which it is a receiver; null for its own. */
  readonly share: SharedOrigin | null
  /** What the session gets of its own publishes: the same without the No Local subscriptions; null for nothing. */
  readonly ownTarget: Target | null
}
