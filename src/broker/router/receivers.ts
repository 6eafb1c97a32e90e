import type { Message } from '../../contract/message.ts'
import type { Session, Subscription } from '../session/session.ts'
import { Share } from './share.ts'
import type { Target } from './target.ts'

/** Everybody a topic goes to. */
export interface Receivers {
  readonly targets: readonly Target[]
  readonly callbacks: readonly ((message: Message) => void)[]
  /** Of each, one member is to get it. */
  readonly shares: readonly Share[]
}

export const nobody: Receivers = { targets: [], callbacks: [], shares: [] }

/** Puts the matching subscriptions together: once per session, whatever overlaps. */
export function gatherReceivers(matched: readonly (Subscription | Share)[]): Receivers {
  if (matched.length === 0) return nobody
  const shares: Share[] = []
  const callbacks: ((message: Message) => void)[] = []
  const bySession = new Map<Session, Subscription[]>()
  for (const subscription of matched) {
    if (subscription instanceof Share) {
      shares.push(subscription)
      continue
    }
    const { session, callback } = subscription
    if (callback !== null) callbacks.push(callback)
    if (session === null) continue
    const others = bySession.get(session)
    if (others === undefined) bySession.set(session, [subscription])
    else others.push(subscription)
  }
  const targets: Target[] = []
  for (const [session, subscriptions] of bySession) targets.push(targetOf(session, subscriptions))
  return { targets, callbacks, shares }
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
  return { session, qos, retainAsPublished, subscriptionIds: ids.length === 0 ? null : ids, share: null }
}
