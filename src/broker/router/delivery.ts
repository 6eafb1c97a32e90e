import type { Counters } from '../counters.ts'
import type { Parcel } from '../session/parcel.ts'
import type { Session } from '../session/session.ts'
import type { Receivers } from './receivers.ts'
import type { Target } from './target.ts'

/**
 * Hands a message to everybody who subscribed to its topic. `crowded` names, after a call, a session that has more
 * waiting than its client takes: its publisher should rest.
 */
export class Delivery {
  crowded: Session | null = null
  readonly #counters: Counters

  constructor(counters: Counters) {
    this.#counters = counters
  }

  /** Answers how many receivers have it. `publisher` is the session it came from, for No Local. */
  toAll(parcel: Parcel, receivers: Receivers, publisher: Session | null): number {
    let count = 0
    this.crowded = null
    const { targets, callbacks, shares } = receivers
    for (let i = 0; i < targets.length; i++) if (this.toOne(parcel, targets[i]!, publisher)) count++
    for (let i = 0; i < callbacks.length; i++) callbacks[i]!(parcel.message())
    for (let i = 0; i < shares.length; i++) {
      const target = shares[i]!.choose(parcel.client, parcel.topic)
      if (target !== null && this.toOne(parcel, target, null)) count++
    }
    return count + callbacks.length
  }

  /** To the one client it is for, who need not subscribe; at the QoS it was published with. */
  toPeer(parcel: Parcel, session: Session | null, topic: string): number {
    this.crowded = null
    if (session === null) return 0
    parcel.rename(topic)
    const { retain } = parcel
    parcel.retain = false
    const target = {
      session,
      qos: 2,
      retainAsPublished: false,
      subscriptionIds: null,
      share: null,
      ownTarget: null,
    } as const
    const taken = this.toOne(parcel, target, null)
    parcel.retain = retain
    return taken ? 1 : 0
  }

  toOne(parcel: Parcel, target: Target, publisher: Session | null): boolean {
    const { session } = target
    const wanted = session === publisher ? target.ownTarget : target
    if (wanted === null) return false
    const qos = Math.min(parcel.qos, wanted.qos) as 0 | 1 | 2
    // RETAIN is cleared on the way, unless the subscription wants it kept. [MQTT-3.3.1-12, -13]
    const retain = wanted.retainAsPublished && parcel.retain
    if (qos === 0) return this.#unacknowledged(parcel, session, retain, wanted.subscriptionIds)
    const taken = session.deliver(parcel, qos, retain, wanted.subscriptionIds, wanted.share)
    if (session.isCrowded) this.crowded = session
    return taken
  }

  #unacknowledged(
    parcel: Parcel,
    session: Session,
    retain: boolean,
    subscriptionIds: readonly number[] | null,
  ): boolean {
    const { peer } = session
    if (peer === null) return this.#drop('offline')
    if (!peer.hasRoom) return this.#drop('slow-subscriber')
    const frame =
      subscriptionIds !== null && peer.version === 5
        ? parcel.frameWithIds(0, retain, subscriptionIds)
        : parcel.frame(peer.version, 0, retain)
    if (frame.end - frame.start > peer.maxOutgoingBytes) return this.#drop('too-large')
    peer.sendFrame(frame)
    this.#counters.sent++
    return true
  }

  #drop(reason: 'offline' | 'slow-subscriber' | 'too-large'): false {
    this.#counters.dropped[reason]++
    return false
  }
}
