import { TrestleError } from 'trestle/contract'
import type { KafkaClient } from '../client.ts'
import { fromKafkaCode } from '../errors.ts'
import type { KafkaSourceOptions } from '../source-options.ts'
import { ask } from './ask.ts'
import type { Cluster } from './cluster.ts'
import type { Feed, Feeds } from './feed.ts'
import { type Fetched, type FetchedPartition, type FetchFrom, fetchApi } from './fetch.ts'
import { scanBatches } from './record-batches.ts'

export interface FetcherHooks {
  /** Bytes that may be fetched now; 0 while the hub is full or the flow is held. */
  room(): number
  /** Something was put into the queues of feeds. */
  arrived(): void
  /** The partition's log does not have the offset that was asked for. */
  outOfRange(feed: Feed): Promise<void>
  /** What begins at this offset of the feed cannot be read. */
  unreadable(feed: Feed, offset: number, error: TrestleError): void
  /** A partition was refused for a reason that does not pass. */
  refused(feed: Feed, kafkaCode: number): void
  failed(error: TrestleError): void
}

const outOfRange = 1
/** Wrong leader, no leader, storage, epochs, unknown id: where the partition is must be asked again. */
const moved = new Set([3, 5, 6, 8, 9, 13, 56, 74, 75, 100, 103])
/** Under load the broker gathers so much, or for `linger_ms`. */
const gatherBytes = 65_536
const lookPauseMs = [50, 100, 200, 500, 1000]
/** A broker that the cluster still names and that is not reachable so many times is lost. */
const maxMisses = 4

/**
 * Fetches what is read, one request at a time per broker, into the queues of the feeds. It reads ahead as far as there
 * is room. Partitions whose leader moves are followed; a broker that stays away is told.
 */
export class Fetcher {
  readonly #client: KafkaClient
  readonly #cluster: Cluster
  readonly #feeds: Feeds
  readonly #options: KafkaSourceOptions
  readonly #hooks: FetcherHooks
  readonly #loops = new Map<number, Promise<void>>()
  readonly #misses = new Map<number, number>()
  #waiting: (() => void)[] = []
  #looking: Promise<void> | null = null
  #looks = 0
  #turn = 0
  #closed = false
  #failed = false

  /** `client` is for this alone: a fetch keeps its connection busy while it waits for records. */
  constructor(client: KafkaClient, cluster: Cluster, feeds: Feeds, options: KafkaSourceOptions, hooks: FetcherHooks) {
    this.#client = client
    this.#cluster = cluster
    this.#feeds = feeds
    this.#options = options
    this.#hooks = hooks
  }

  /** Feeds came, or there is room again. */
  wake(): void {
    const waiting = this.#waiting
    if (waiting.length > 0) this.#waiting = []
    for (const go of waiting) go()
  }

  /** Finds the leaders of feeds that have none, and begins to fetch from them. */
  follow(): void {
    let homeless = false
    for (const feed of this.#feeds.all) {
      if (feed.leader < 0) feed.leader = this.#cluster.leader(feed.topic, feed.index)
      if (feed.leader < 0) homeless = true
      else if (!this.#loops.has(feed.leader)) this.#start(feed.leader)
    }
    this.wake()
    if (homeless) this.#look()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.wake()
    await this.#client.close()
    await Promise.all([...this.#loops.values(), this.#looking])
  }

  #start(node: number): void {
    const loop = this.#run(node)
      .catch((thrown: unknown) => {
        this.#failed = true
        this.#hooks.failed(TrestleError.from(thrown, 'E608'))
      })
      .finally(() => {
        this.#loops.delete(node)
        // A feed may have come to this broker just when it had none left.
        if (!this.#closed && !this.#failed) this.follow()
      })
    this.#loops.set(node, loop)
  }

  async #run(node: number): Promise<void> {
    let flowing = false
    while (!this.#closed) {
      const mine = [...this.#feeds.all].filter(({ leader }) => leader === node)
      if (mine.length === 0) return
      const room = this.#hooks.room()
      const ready = room > 0 ? mine.filter((feed) => this.#isReady(feed)) : []
      if (ready.length === 0) {
        await new Promise<void>((go) => this.#waiting.push(go))
        continue
      }
      const fetched = await this.#fetch(node, ready, room, flowing, ready.length < mine.length)
      flowing = fetched !== null && this.#take(fetched)
    }
  }

  #isReady({ seeking, stopped, queuedBytes }: Feed): boolean {
    return !seeking && !stopped && queuedBytes < this.#options.fetch_bytes / 2
  }

  /** Answers null when the broker was not reachable. */
  async #fetch(node: number, feeds: Feed[], room: number, flowing: boolean, hurry: boolean): Promise<Fetched | null> {
    const { fetch_bytes, fetch_wait_ms, linger_ms, isolation } = this.#options
    const broker = this.#cluster.broker(node)
    const maxWaitMs = flowing || hurry ? Math.min(linger_ms, fetch_wait_ms) : fetch_wait_ms
    const request = {
      maxWaitMs,
      minBytes: flowing ? Math.min(gatherBytes, fetch_bytes) : 1,
      maxBytes: Math.min(room, 64 * 1024 * 1024),
      committedOnly: isolation === 'read_committed',
      topics: this.#topicsOf(feeds),
    }
    try {
      if (broker === null) throw new TrestleError('E601', `broker ${node} is not in the cluster now`)
      const fetched = await ask(this.#client, broker, fetchApi, request)
      this.#misses.delete(node)
      return fetched
    } catch (thrown) {
      if (this.#closed) return null
      const misses = (this.#misses.get(node) ?? 0) + 1
      this.#misses.set(node, misses)
      const error = TrestleError.from(thrown, 'E608')
      if (error.code !== 'E601' || misses >= maxMisses) throw error
      for (const feed of this.#feeds.all) if (feed.leader === node) this.#leave(feed)
      this.#look()
      return null
    }
  }

  /** In turns another feed comes first: a broker answers one whole batch to the first only, however large it is. */
  #topicsOf(feeds: Feed[]): { name: string; partitions: FetchFrom[] }[] {
    const first = this.#turn++ % feeds.length
    const topics = new Map<string, FetchFrom[]>()
    for (let at = 0; at < feeds.length; at++) {
      const feed = feeds[(first + at) % feeds.length]!
      const { topic, index, fetchOffset } = feed
      feed.asked = fetchOffset
      const from = { index, offset: fetchOffset, maxBytes: this.#options.fetch_bytes }
      const partitions = topics.get(topic)
      if (partitions === undefined) topics.set(topic, [from])
      else partitions.push(from)
    }
    return [...topics].map(([name, partitions]) => ({ name, partitions }))
  }

  /** Answers whether there were records. */
  #take({ errorCode, partitions }: Fetched): boolean {
    let some = false
    // Refused as a whole: there is nobody to be told but the hub.
    if (errorCode !== 0 && partitions.length === 0) throw fromKafkaCode(errorCode, null, 'fetch')
    for (const fetched of partitions) {
      const feed = this.#feeds.get(fetched.topic, fetched.index)
      // What was sought meanwhile is fetched anew.
      if (feed === undefined || feed.stopped || feed.asked !== feed.fetchOffset) continue
      const code = errorCode === 0 ? fetched.errorCode : errorCode
      if (code !== 0) this.#fault(feed, code)
      else if (this.#fill(feed, fetched)) some = true
    }
    if (some) this.#hooks.arrived()
    return some
  }

  #fill(feed: Feed, { records, aborted, highWatermark, lastStableOffset }: FetchedPartition): boolean {
    const nowMs = Date.now()
    const endOffset = this.#options.isolation === 'read_committed' ? lastStableOffset : highWatermark
    if (endOffset !== feed.endOffset || endOffset >= highWatermark) {
      feed.openSinceMs = nowMs
      feed.openTold = false
    }
    feed.endOffset = endOffset
    feed.highWatermark = highWatermark
    this.#looks = 0
    if (feed.fetchOffset >= endOffset) feed.heardMs = nowMs
    if (records.length === 0) return false
    const { batches, nextOffset, fault } = scanBatches(records, feed.fetchOffset, aborted)
    if (nextOffset > feed.fetchOffset) feed.heardMs = nowMs
    feed.enqueue(batches, nextOffset)
    if (fault !== null && batches.length === 0) this.#hooks.unreadable(feed, feed.fetchOffset, fault)
    return batches.length > 0
  }

  #fault(feed: Feed, code: number): void {
    if (code === outOfRange) {
      feed.seeking = true
      void this.#hooks
        .outOfRange(feed)
        .catch((thrown: unknown) => this.#hooks.failed(TrestleError.from(thrown, 'E608')))
        .finally(() => {
          feed.seeking = false
          this.wake()
        })
    } else if (moved.has(code)) {
      this.#leave(feed)
      this.#look()
    } else this.#hooks.refused(feed, code)
  }

  #leave(feed: Feed): void {
    feed.leader = -1
    this.#cluster.forgetLeader(feed.topic, feed.index)
  }

  /** Asks the cluster where homeless feeds are, until each has a leader. */
  #look(): void {
    if (this.#closed || this.#looking !== null) return
    this.#looking = this.#lookOnce()
      .catch((thrown: unknown) => {
        if (!this.#closed) this.#hooks.failed(TrestleError.from(thrown, 'E608'))
      })
      .finally(() => {
        this.#looking = null
        if (!this.#closed) this.follow()
      })
  }

  async #lookOnce(): Promise<void> {
    const pauseMs = lookPauseMs[Math.min(this.#looks++, lookPauseMs.length - 1)]!
    await new Promise((done) => setTimeout(done, pauseMs))
    const topics = new Set<string>()
    for (const { topic, leader } of this.#feeds.all) if (leader < 0) topics.add(topic)
    if (topics.size > 0 && !this.#closed) await this.#cluster.look([...topics])
  }
}
