import type { Message } from '../../contract/message.ts'
import { levelCount } from '../../topic/name.ts'
import { TopicTrie } from '../../topic/trie.ts'
import type { BrokerLimits } from '../limits.ts'
import type { PublishFlow } from '../port.ts'
import type { Session, Subscription } from '../session/session.ts'
import { plainName, type SubscriptionName } from '../session/subscription-name.ts'
import { LimitedFilters } from './limited-filters.ts'
import { type PeerMode, readPeerTopic } from './peer-topic.ts'
import { gatherReceivers, nobody } from './receivers.ts'
import { Share } from './share.ts'
import { defaultSubscriptions, type SubscriptionOptions } from './share-strategy.ts'
import { TopicCache, TopicEntry } from './topic-cache.ts'

/** What one level of the tree takes: a filter of slashes alone is far larger here than on the wire. *Unit*: bytes. */
const levelBytes = 450
/** What a subscription takes beside its filter's text. *Unit*: bytes. */
const subscriptionBytes = 300

/** A session's wish; the router makes a Subscription of it. */
export type Subscribing = Omit<Subscription, 'session' | 'callback' | 'weight'>

/** Why a filter is not taken. */
export type SubscribeRefusal = 'too-many' | 'too-heavy' | 'too-deep' | 'not-offered' | 'no-shares' | 'taken'

/** Who wants what: the subscriptions, and for each topic in use its receivers and rules. */
export class Router {
  /** Advances with every change of a subscription: what was matched before is matched again. */
  version = 0
  /** Which topics are for one client. */
  peerMode: PeerMode = 'off'
  /** Which topics are but names for others. */
  hasWay: (topic: string) => boolean = () => false
  readonly #trie = new TopicTrie<Subscription | Share>()
  readonly #flow: PublishFlow
  readonly #cache: TopicCache
  readonly #matched: (Subscription | Share)[] = []
  readonly #shares = new Map<string, Share>()
  readonly #limited = new LimitedFilters()
  readonly #options: SubscriptionOptions
  readonly #random: () => number
  /** Those of members, of which the tree has one for all. */
  #members = 0
  readonly #limits: BrokerLimits
  /** Of the filters, without the tree's levels. */
  #filterBytes = 0

  constructor(
    flow: PublishFlow,
    limits: BrokerLimits,
    seed: number,
    options: SubscriptionOptions = defaultSubscriptions,
    random: () => number = Math.random,
  ) {
    this.#flow = flow
    this.#limits = limits
    this.#options = options
    this.#random = random
    this.#cache = new TopicCache(limits.maxCachedTopics, seed)
  }

  /** Subscriptions by which clients share. */
  get sharedCount(): number {
    return this.#members
  }

  /** Whether somebody subscribes to the topic; for topics that come once, and are not to be remembered. */
  isWanted(topic: string): boolean {
    this.#trie.match(topic, this.#matched)
    const isWanted = this.#matched.length > 0
    this.#matched.length = 0
    return isWanted
  }

  get offersShares(): boolean {
    return this.#options.shared !== null
  }

  get subscriptionCount(): number {
    return this.#trie.size - this.#shares.size + this.#members
  }

  /** What all subscriptions weigh. *Unit*: bytes. */
  get subscriptionBytes(): number {
    return this.#filterBytes + this.#trie.nodes * levelBytes
  }

  /** Why the session may not subscribe to the filter; null when it may. One that it has already takes nothing new. */
  refusal(session: Session, name: SubscriptionName): SubscribeRefusal | null {
    const { text, filter, isShared, limit } = name
    if (isShared && this.#options.shared === null) return 'no-shares'
    if (limit > 0 && !(text.startsWith('$limit/') ? this.#options.limited : this.#options.exclusive))
      return 'not-offered'
    if (limit > 0 && !this.#limited.hasPlace(session, name)) return 'taken'
    if (session.subscriptions.has(text)) return null
    const { maxFilterLevels, maxSubscriptionsPerSession, maxSubscriptionBytes, maxAllSubscriptionBytes } = this.#limits
    if (levelCount(filter) > maxFilterLevels) return 'too-deep'
    if (session.subscriptions.size >= maxSubscriptionsPerSession) return 'too-many'
    const weight = this.#weigh(name)
    const isTooHeavy =
      session.subscriptionBytes + weight > maxSubscriptionBytes ||
      this.subscriptionBytes + weight > maxAllSubscriptionBytes
    return isTooHeavy ? 'too-heavy' : null
  }

  /** A session's subscription; one of the same name gives way to it. Answers whether there was one. [MQTT-3.8.4-3] */
  subscribe(session: Session, wish: Subscribing): boolean {
    const { name } = wish
    const before = session.subscriptions.get(name.text)
    const subscription: Subscription = { ...wish, session, callback: null, weight: before?.weight ?? this.#weigh(name) }
    session.subscriptions.set(name.text, subscription)
    if (name.isShared && before !== undefined) {
      // The group goes on as it is: messages that wait must not change hands for new options.
      this.#shares.get(name.text)!.join(session, subscription)
      return true
    }
    if (before !== undefined) this.#remove(before)
    this.#add(subscription)
    return before !== undefined
  }

  /** Answers whether there was such a subscription. */
  unsubscribe(session: Session, name: string): boolean {
    const subscription = session.subscriptions.get(name)
    if (subscription === undefined) return false
    session.subscriptions.delete(name)
    const share = this.#shares.get(name)
    this.#remove(subscription)
    // What has begun goes on; what waits is for those that stay. Without any it is still this client's.
    if (share !== undefined) session.handOver((origin) => origin === share && share.size > 0, true)
    return true
  }

  unsubscribeAll(session: Session): void {
    for (const subscription of session.subscriptions.values()) this.#remove(subscription)
    session.subscriptions.clear()
  }

  /** Something in this process that wants messages. Call the answer to end it. */
  listen(filter: string, callback: (message: Message) => void): () => void {
    const subscription: Subscription = {
      name: plainName(filter),
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
    entry.peer = readPeerTopic(topic, this.peerMode)
    entry.hasWay = this.hasWay(topic)
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
    entry.isPlain =
      entry.rules === null && entry.receivers.callbacks.length === 0 && entry.receivers.shares.length === 0
    entry.isPlain &&= entry.peer === null && !entry.hasWay
    entry.isUnwanted = entry.rules === null && entry.receivers === nobody && entry.peer === null
  }

  #weigh({ text, filter }: SubscriptionName): number {
    return Buffer.byteLength(text) + subscriptionBytes + this.#trie.missing(filter) * levelBytes
  }

  #add(subscription: Subscription): void {
    const { name, session, weight } = subscription
    if (name.isShared && session !== null) this.#join(session, subscription)
    else {
      this.#trie.add(name.filter, subscription)
      this.version++
    }
    if (name.limit > 0 && session !== null) this.#limited.take(session, name)
    this.#filterBytes += Buffer.byteLength(name.text) + subscriptionBytes
    if (session !== null) session.subscriptionBytes += weight
  }

  #remove(subscription: Subscription): void {
    const { name, session, weight } = subscription
    if (name.isShared && session !== null) this.#leave(session, name)
    else {
      if (!this.#trie.remove(name.filter, subscription)) return
      this.version++
    }
    if (name.limit > 0 && session !== null) this.#limited.release(session, name)
    this.#filterBytes -= Buffer.byteLength(name.text) + subscriptionBytes
    if (session !== null) session.subscriptionBytes -= weight
  }

  /** Topics are matched anew only for a group that was not there: its members are looked at for each message. */
  #join(session: Session, subscription: Subscription): void {
    const { text, filter, group } = subscription.name
    let share = this.#shares.get(text)
    if (share === undefined) {
      const strategy = this.#options.groups.get(group) ?? this.#options.shared ?? 'round_robin'
      share = new Share(text, filter, strategy, this.#random)
      this.#shares.set(text, share)
      this.#trie.add(filter, share)
      this.version++
    }
    share.join(session, subscription)
    this.#members++
  }

  #leave(session: Session, { text }: SubscriptionName): void {
    const share = this.#shares.get(text)!
    share.leave(session)
    this.#members--
    if (share.size > 0) return
    this.#shares.delete(text)
    this.#trie.remove(share.filter, share)
    this.version++
  }
}
