import type { Message } from '../../contract/message.ts'
import { levelCount } from '../../topic/name.ts'
import { TopicTrie } from '../../topic/trie.ts'
import type { BrokerLimits } from '../limits.ts'
import type { PublishFlow } from '../port.ts'
import type { Session, Subscription } from '../session/session.ts'
import { gatherReceivers, nobody } from './receivers.ts'
import { TopicCache, TopicEntry } from './topic-cache.ts'

/** What one level of the tree takes: a filter of slashes alone is far larger here than on the wire. *Unit*: bytes. */
const levelBytes = 450
/** What a subscription takes beside its filter's text. *Unit*: bytes. */
const subscriptionBytes = 300

/** A session's wish; the router makes a Subscription of it. */
export type Subscribing = Omit<Subscription, 'session' | 'callback' | 'weight'>

/** Why a filter is not taken. */
export type SubscribeRefusal = 'too-many' | 'too-heavy' | 'too-deep'

/** Who wants what: the subscriptions, and for each topic in use its receivers and rules. */
export class Router {
  /** Advances with every change of a subscription: what was matched before is matched again. */
  version = 0
  readonly #trie = new TopicTrie<Subscription>()
  readonly #flow: PublishFlow
  readonly #cache: TopicCache
  readonly #matched: Subscription[] = []
  readonly #limits: BrokerLimits
  /** Of the filters, without the tree's levels. */
  #filterBytes = 0

  constructor(flow: PublishFlow, limits: BrokerLimits, seed: number) {
    this.#flow = flow
    this.#limits = limits
    this.#cache = new TopicCache(limits.maxCachedTopics, seed)
  }

  get subscriptionCount(): number {
    return this.#trie.size
  }

  /** What all subscriptions weigh. *Unit*: bytes. */
  get subscriptionBytes(): number {
    return this.#filterBytes + this.#trie.nodes * levelBytes
  }

  /** Why the session may not subscribe to the filter; null when it may. One that it has already takes nothing new. */
  refusal(session: Session, filter: string): SubscribeRefusal | null {
    if (session.subscriptions.has(filter)) return null
    const { maxFilterLevels, maxSubscriptionsPerSession, maxSubscriptionBytes, maxAllSubscriptionBytes } = this.#limits
    if (levelCount(filter) > maxFilterLevels) return 'too-deep'
    if (session.subscriptions.size >= maxSubscriptionsPerSession) return 'too-many'
    const weight = this.#weigh(filter)
    const isTooHeavy =
      session.subscriptionBytes + weight > maxSubscriptionBytes ||
      this.subscriptionBytes + weight > maxAllSubscriptionBytes
    return isTooHeavy ? 'too-heavy' : null
  }

  /** A session's subscription; one to the same filter gives way to it. Answers whether there was one. [MQTT-3.8.4-3] */
  subscribe(session: Session, wish: Subscribing): boolean {
    const before = session.subscriptions.get(wish.filter)
    if (before !== undefined) this.#remove(before)
    const subscription: Subscription = { ...wish, session, callback: null, weight: this.#weigh(wish.filter) }
    session.subscriptions.set(wish.filter, subscription)
    this.#add(subscription)
    return before !== undefined
  }

  /** Answers whether there was such a subscription. */
  unsubscribe(session: Session, filter: string): boolean {
    const subscription = session.subscriptions.get(filter)
    if (subscription === undefined) return false
    session.subscriptions.delete(filter)
    this.#remove(subscription)
    return true
  }

  unsubscribeAll(session: Session): void {
    for (const subscription of session.subscriptions.values()) this.#remove(subscription)
    session.subscriptions.clear()
  }

  /** Something in this process that wants messages. Call the answer to end it. */
  listen(filter: string, callback: (message: Message) => void): () => void {
    const subscription: Subscription = {
      filter,
      session: null,
      callback,
      qos: 2,
      noLocal: false,
      retainAsPublished: true,
      id: 0,
      weight: 0,
    }
    this.#add(subscription)
    return () => this.#remove(subscription)
  }

  /** The topic whose bytes these are, up to date; null when it is not in the table. */
  find(buffer: Buffer, start: number, end: number): TopicEntry | null {
    const entry = this.#cache.find(buffer, start, end, this.#cache.hash(buffer, start, end))
    if (entry !== null && !this.isCurrent(entry)) this.refresh(entry)
    return entry
  }

  /** Works a valid topic out and keeps it. */
  learn(topic: string): TopicEntry {
    const bytes = Buffer.from(topic)
    const entry = new TopicEntry(topic, bytes, this.#cache.hash(bytes, 0, bytes.length))
    this.refresh(entry)
    this.#cache.keep(entry)
    return entry
  }

  /** The entry of a topic that comes as text. */
  lookup(topic: string): TopicEntry {
    const bytes = Buffer.from(topic)
    return this.find(bytes, 0, bytes.length) ?? this.learn(topic)
  }

  isCurrent(entry: TopicEntry): boolean {
    return entry.routerVersion === this.version && entry.flowVersion === this.#flow.version
  }

  /** Matches the topic anew. */
  refresh(entry: TopicEntry): void {
    if (entry.routerVersion !== this.version) {
      this.#trie.match(entry.topic, this.#matched)
      entry.receivers = this.#matched.length === 0 ? nobody : gatherReceivers(this.#matched)
      this.#matched.length = 0
      entry.routerVersion = this.version
    }
    if (entry.flowVersion !== this.#flow.version) {
      entry.rules = this.#flow.lookup(entry.topic)
      entry.flowVersion = this.#flow.version
    }
    entry.isPlain = entry.rules === null && entry.receivers.callbacks.length === 0
  }

  #weigh(filter: string): number {
    return Buffer.byteLength(filter) + subscriptionBytes + this.#trie.missing(filter) * levelBytes
  }

  #add(subscription: Subscription): void {
    const { filter, session, weight } = subscription
    this.#trie.add(filter, subscription)
    this.#filterBytes += Buffer.byteLength(filter) + subscriptionBytes
    if (session !== null) session.subscriptionBytes += weight
    this.version++
  }

  #remove(subscription: Subscription): void {
    const { filter, session, weight } = subscription
    if (!this.#trie.remove(filter, subscription)) return
    this.#filterBytes -= Buffer.byteLength(filter) + subscriptionBytes
    if (session !== null) session.subscriptionBytes -= weight
    this.version++
  }
}
