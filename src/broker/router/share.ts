import type { KeptMessage, QueuedMessage, SharedOrigin } from '../session/kept-message.ts'
import type { Session, Subscription } from '../session/session.ts'
import { type ShareStrategy, stickyMaxPublishers } from './share-strategy.ts'
import type { Target } from './target.ts'

/**
 * The clients that share one subscription: each message goes to one of them, chosen by the strategy among those that
 * are connected. Only when none is, a session whose client is away keeps it. *Source*: MQTT 5.0 §4.8.2.
 */
export class Share implements SharedOrigin {
  /** `$share/{group}/{filter}` or `$queue/{filter}`. */
  readonly name: string
  readonly filter: string
  readonly #strategy: ShareStrategy
  readonly #random: () => number
  readonly #targets: Target[] = []
  readonly #bySession = new Map<Session, Target>()
  /** Of `sticky` only: who had each publisher's last message. */
  #kept: Map<string, Session> | null = null
  #turn = -1

  constructor(name: string, filter: string, strategy: ShareStrategy, random: () => number) {
    this.name = name
    this.filter = filter
    this.#strategy = strategy
    this.#random = random
  }

  get size(): number {
    return this.#targets.length
  }

  get hasOnline(): boolean {
    return this.#targets.some(({ session }) => session.peer !== null)
  }

  /** One more member, or the same with other options. */
  join(session: Session, { qos, retainAsPublished, id }: Subscription): void {
    const target: Target = {
      session,
      qos,
      retainAsPublished,
      subscriptionIds: id === 0 ? null : [id],
      share: this,
      ownTarget: null,
    }
    const before = this.#bySession.get(session)
    this.#bySession.set(session, target)
    if (before === undefined) this.#targets.push(target)
    else this.#targets[this.#targets.indexOf(before)] = target
  }

  leave(session: Session): void {
    const target = this.#bySession.get(session)
    if (target === undefined) return
    this.#bySession.delete(session)
    this.#targets.splice(this.#targets.indexOf(target), 1)
  }

  /** Who gets a message; null when there is no member. */
  choose(publisher: string, topic: string): Target | null {
    return this.#targets.length === 0 ? null : this.#targets[this.#place(publisher, topic)]!
  }

  #place(publisher: string, topic: string): number {
    switch (this.#strategy) {
      case 'random':
        return this.#nearest(Math.floor(this.#random() * this.#targets.length), maxSpared)
      case 'sticky':
        return this.#stick(publisher)
      case 'hash_client':
        return this.#nearest(hashOf(publisher) % this.#targets.length, 0)
      case 'hash_topic':
        return this.#nearest(hashOf(topic) % this.#targets.length, 0)
      case 'least_inflight':
        return this.#leastLoaded()
      // All members of one hub are local to it.
      case 'local':
      case 'round_robin':
        return this.#next()
    }
  }

  /** What a member has not acknowledged goes to another. Answers whether there is one. */
  handOver({ message, qos, retain }: QueuedMessage): boolean {
    const target = this.choose(publisherOf(message), message.topic)
    if (target === null) return false
    const { session, retainAsPublished, subscriptionIds } = target
    session.deliverKept(message, lesser(qos, target.qos), retain && retainAsPublished, subscriptionIds, this)
    return true
  }

  #next(): number {
    this.#turn = this.#nearest((this.#turn + 1) % this.#targets.length, maxSpared)
    return this.#turn
  }

  /**
   * From a place on, the first member that is connected and can take more; else the first that is connected; else one
   * whose session keeps it. `spared`: so many that are full give way to those behind them.
   */
  #nearest(start: number, spared: number): number {
    const targets = this.#targets
    let connected = -1
    let full = 0
    for (let step = 0; step < targets.length; step++) {
      const at = (start + step) % targets.length
      const { session } = targets[at]!
      if (session.peer === null) continue
      if (spared === 0 || !session.isFull) return at
      if (connected === -1) connected = at
      if (++full > spared) break
    }
    return connected === -1 ? this.#keeper(start) : connected
  }

  /** Nobody is connected: the first from `start` on that is sent more than QoS 0, which waits for nobody. */
  #keeper(start: number): number {
    const targets = this.#targets
    for (let step = 0; step < targets.length; step++) {
      const at = (start + step) % targets.length
      if (targets[at]!.qos > 0) return at
    }
    return start
  }

  /** Of a very large group not all are compared for each message, but others for the next. */
  #leastLoaded(): number {
    const targets = this.#targets
    const start = (this.#turn + 1) % targets.length
    let best = -1
    let least = Number.POSITIVE_INFINITY
    for (let step = 0; step < Math.min(targets.length, maxCompared); step++) {
      const at = (start + step) % targets.length
      const { peer, unsettled } = targets[at]!.session
      if (peer === null || unsettled >= least) continue
      least = unsettled
      best = at
    }
    this.#turn = best === -1 ? this.#nearest(start, maxSpared) : targets.length > maxCompared ? start : best
    return best === -1 ? this.#turn : best
  }

  #stick(publisher: string): number {
    this.#kept ??= new Map()
    const before = this.#kept.get(publisher)
    const known = before === undefined ? undefined : this.#bySession.get(before)
    if (known !== undefined && known.session.peer !== null) return this.#targets.indexOf(known)
    const at = this.#next()
    this.#kept.delete(publisher)
    this.#kept.set(publisher, this.#targets[at]!.session)
    // The one given to longest ago gives way.
    if (this.#kept.size > stickyMaxPublishers) this.#kept.delete(this.#kept.keys().next().value!)
    return at
  }
}

/** Members that are full and passed over, in search of one that has room. */
const maxSpared = 32
/** Members whose loads are compared for one message. */
const maxCompared = 256

const publisherOf = (message: KeptMessage): string => message.client

const lesser = (a: 0 | 1 | 2, b: 0 | 1 | 2) => Math.min(a, b) as 0 | 1 | 2

/** FNV-1a over the text's units, mixed, so that the lower bits depend on all. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) >>> 0
}
