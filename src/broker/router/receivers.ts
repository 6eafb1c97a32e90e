import type { Message } from '../../contract/message.ts'
import type { Session, Subscription } from '../session/session.ts'

/** One session that receives a topic, however many of its subscriptions match. */
export interface Target {
  readonly session: Session
  /** The greatest of the matching subscriptions. [MQTT-3.3.4-2] */
  readonly qos: 0 | 1 | 2
  readonly retainAsPublished: boolean
  /** The identifiers of all matching subscriptions; null when none has one. [MQTT-3.3.4-4] */
  readonly subscriptionIds: readonly number[] | null
  /** What the session gets of its own publishes: the same without the No Local subscriptions; null for nothing. */
  readonly ownTarget: Target | null
}

/** Everybody a topic goes to. */
export interface Receivers {
  readonly targets: readonly Target[]
  readonly callbacks: readonly ((message: Message) => void)[]
}

export const nobody: Receivers = { targets: [], callbacks: [] }

/** Puts the matching subscriptions together: once per session, whatever overlaps. */
export function gatherReceivers(matched: readonly Subscription[]): Receivers {
  if (matched.length === 0) return nobody
  const callbacks: ((message: Message) => void)[] = []
  const bySession = new Map<Session, Subscription[]>()
  for (const subscription of matched) {
    const { session, callback } = subscription
    if (callback !== null) callbacks.push(callback)
    if (session === null) continue
    const others = bySession.get(session)
    if (others === undefined) bySession.set(session, [subscription])
    else others.push(subscription)
  }
  const targets: Target[] = []
  for (const [session, subscriptions] of bySession) targets.push(targetOf(session, subscriptions))
  return { targets, callbacks }
}

function targetOf(session: Session, subscriptions: readonly Subscription[]): Target {
  const merged = merge(session, subscriptions)
  const foreign = subscriptions.filter((subscription) => !subscription.noLocal)
  if (foreign.length === 0) return { ...merged, ownTarget: null }
  const target = { ...merged, ownTarget: null as Target | null }
  target.ownTarget = foreign.length === subscriptions.length ? target : { ...merge(session, foreign), ownTarget: null }
  return target
}

function merge(session: Session, subscriptions: readonly Subscription[]) {
  let qos: 0 | 1 | 2 = 0
  let retainAsPublished = false
  const ids: number[] = []
  for (const subscription of subscriptions) {
    if (subscription.qos > qos) qos = subscription.qos
    if (subscription.retainAsPublished) retainAsPublished = true
    if (subscription.id !== 0) ids.push(subscription.id)
  }
  return { session, qos, retainAsPublished, subscriptionIds: ids.length === 0 ? null : ids }
}
