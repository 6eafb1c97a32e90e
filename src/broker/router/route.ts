import type { BrokerContext } from '../context.ts'
import type { Parcel } from '../session/parcel.ts'
import type { Session } from '../session/session.ts'
import type { TopicEntry } from './topic-cache.ts'

/** Hands a message to whom its topic is for, and keeps it where it is to be retained. Answers how many have it. */
export function route(
  { delivery, retained, sessions }: Pick<BrokerContext, 'delivery' | 'retained' | 'sessions'>,
  parcel: Parcel,
  { peer, receivers }: TopicEntry,
  publisher: Session | null,
): number {
  if (peer === null) {
    if (parcel.retain) retained.set(parcel.message())
    return delivery.toAll(parcel, receivers, publisher)
  }
  // Who looks on in this process sees the topic as it was published; for later subscribers nothing is kept.
  for (const callback of receivers.callbacks) callback(parcel.message())
  return delivery.toPeer(parcel, sessions.find(peer.clientId), peer.topic)
}
