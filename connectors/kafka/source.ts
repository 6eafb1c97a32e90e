import { type ConnectorContext, Inbound, type Intake, type Source, TrestleError } from 'trestle/contract'
import { KafkaClient } from './client.ts'
import { Cluster } from './consumer/cluster.ts'
import { Committer } from './consumer/committer.ts'
import { Coordinator, noMember } from './consumer/coordinator.ts'
import { type Feed, Feeds } from './consumer/feed.ts'
import { Fetcher } from './consumer/fetcher.ts'
import { Group } from './consumer/group.ts'
import { HandIn } from './consumer/hand-in.ts'
import { MemberMemory } from './consumer/member-memory.ts'
import { Positions } from './consumer/positions.ts'
import { Reading } from './consumer/reading.ts'
import { Selection } from './consumer/selection.ts'
import { isHeldByTransaction, silenceOf, type Watch } from './consumer/watchdog.ts'
import { fromKafkaCode } from './errors.ts'
import type { KafkaOptions } from './options.ts'
import type { KafkaSourceOptions } from './source-options.ts'

/** A first assignment may wait for other members; the source counts as open by then. */
const joinWaitMs = 10_000
/** How long closing waits for what was handed in, and for the coordinator. */
const closeWaitMs = 2000
const watchEveryMs = 1000
const patienceMs = 30_000

/**
 * Reads topics of Kafka into the hub. An offset is stored only when everything before it has its Receipt.
 *
 * Its parts, in `consumer/`: `selection` (which topics), `group` (which partitions: shares them with others) and
 * `coordinator` (who keeps the group); `reading` begins with partitions and gives them up, `positions` knows where;
 * `fetcher` brings record batches, `hand-in` gives their records to the hub, `progress` counts what is answered,
 * `committer` stores it; `watchdog` looks at all of it.
 */
export class KafkaSource implements Source {
  readonly #options: KafkaSourceOptions
  readonly #context: ConnectorContext
  /** Three lines to each broker: what waits on one (a join, a fetch) must not hold up the others. */
  readonly #control: KafkaClient
  readonly #member: KafkaClient
  readonly #fetching: KafkaClient
  readonly #coordinator: Coordinator
  readonly #cluster: Cluster
  readonly #selection: Selection
  readonly #feeds = new Feeds()
  readonly #committer: Committer
  readonly #timers: NodeJS.Timeout[] = []
  #handIn: HandIn | null = null
  #fetcher: Fetcher | null = null
  #reading: Reading | null = null
  #group: Group | null = null
  #intake: Intake | null = null
  /** Ends an `open` that is under way. */
  #refuse: (error: TrestleError) => void = () => {}
  #paused = false
  #closing: Promise<void> | null = null

  constructor(kafka: KafkaOptions, options: KafkaSourceOptions, context: ConnectorContext) {
    this.#options = options
    this.#context = context
    this.#control = new KafkaClient(kafka)
    const joinMs = options.rebalance_timeout_ms + kafka.request_timeout_ms
    this.#member = new KafkaClient({ ...kafka, request_timeout_ms: joinMs })
    this.#fetching = new KafkaClient({ ...kafka, request_timeout_ms: options.fetch_wait_ms + kafka.request_timeout_ms })
    this.#coordinator = new Coordinator(this.#control, options.group, patienceMs)
    this.#cluster = new Cluster(this.#control, options.isolation === 'read_committed')
    this.#selection = new Selection(this.#cluster, options, context.folder)
    const membership = (): typeof noMember => this.#group?.membership ?? noMember
    this.#committer = new Committer(this.#coordinator, this.#feeds, membership, (error) => this.#fail(error))
  }

  async open(intake: Intake): Promise<void> {
    const { commit_interval_ms, topics_refresh_ms } = this.#options
    const inbound = new Inbound(this.#options, this.#context.name)
    await this.#control.open()
    await this.#selection.look()
    this.#build(intake, inbound)
    const begun = this.#selection.isByHand ? this.#readByHand() : this.#join()
    begun.catch((thrown: unknown) => this.#fail(TrestleError.from(thrown, 'E608')))
    await new Promise<void>((done, refuse) => {
      this.#refuse = refuse
      this.#after(joinWaitMs, done)
      begun.then(done, refuse)
    })
    if (this.#closing !== null) throw new TrestleError('E601', 'the source is closed')
    this.#committer.start(commit_interval_ms)
    this.#every(topics_refresh_ms, () => this.#refresh())
    this.#every(watchEveryMs, async () => this.#watch())
    this.#intake = intake
  }

  pause(): void {
    this.#paused = true
    this.#handIn?.hold()
  }

  resume(): void {
    this.#paused = false
    if (this.#closing !== null) return
    this.#handIn?.release()
    this.#fetcher?.wake()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #build(intake: Intake, inbound: Inbound): void {
    const { now } = this.#context
    const handIn = new HandIn(intake, inbound, this.#feeds, this.#options, {
      now,
      eased: () => this.#fetcher?.wake(),
      unreadable: (feed, offset, error) => this.#reading?.unreadable(feed, offset, error),
      notTaken: (feed, error) => this.#notTaken(feed, error),
    })
    const fetcher = new Fetcher(this.#fetching, this.#cluster, this.#feeds, this.#options, {
      room: () => handIn.room,
      arrived: () => handIn.pump(),
      outOfRange: (feed) => this.#reading!.outOfRange(feed),
      unreadable: (feed, offset, error) => this.#reading?.unreadable(feed, offset, error),
      refused: (feed, code) => this.#fail(fromKafkaCode(code, null, feed.place)),
      failed: (error) => this.#fail(error),
    })
    this.#handIn = handIn
    this.#fetcher = fetcher
    this.#reading = new Reading({
      options: this.#options,
      context: this.#context,
      feeds: this.#feeds,
      cluster: this.#cluster,
      positions: new Positions(this.#options, this.#context, this.#coordinator, this.#cluster),
      committer: this.#committer,
      fetcher,
      isLater: (topic, index) => this.#selection.isLater(topic, index),
      failed: (error) => this.#fail(error),
    })
    if (this.#paused) handIn.hold()
  }

  async #join(): Promise<void> {
    const reading = this.#reading!
    const memory = new MemberMemory(this.#options, this.#context)
    const parts = { coordinator: this.#coordinator, client: this.#member, memory }
    this.#group = new Group(parts, this.#options, {
      topics: () => this.#selection.topics,
      counts: (topics) => this.#selection.counts(topics),
      owned: () => this.#feeds.partitions(),
      revoke: (partitions) => reading.revoke(partitions),
      lost: () => reading.drop(),
      assign: (partitions) => reading.begin(partitions),
      failed: (error) => this.#fail(error),
      told: (event, facts) => this.#context.log('info', event, { group: this.#options.group, ...facts }),
    })
    await this.#group.open()
  }

  /** Reads the partitions that were named, and what comes to them. */
  #readByHand(): Promise<void> {
    return this.#reading!.begin(this.#selection.missing(this.#feeds.partitions()))
  }

  async #refresh(): Promise<void> {
    await this.#selection.look()
    if (this.#selection.isByHand) await this.#readByHand()
    else await this.#group?.look()
  }

  #watch(): void {
    const hasRoom = (this.#handIn?.room ?? 0) > 0
    const watch: Watch = { nowMs: Date.now(), limitMs: this.#options.watchdog_ms, hasRoom }
    for (const feed of this.#feeds.all) {
      const error = silenceOf(feed, watch)
      if (error !== null) this.#fail(error)
      if (!isHeldByTransaction(feed, watch)) continue
      const { place, endOffset, highWatermark } = feed
      const facts = { partition: place, offset: endOffset, behind: highWatermark - endOffset }
      this.#context.log('warn', 'kafka.open-transaction', facts)
    }
  }

  /** The hub closes the source, as a rule; where it does not, a new one must begin again at that record. */
  #notTaken(feed: Feed, error: TrestleError): void {
    feed.stop()
    const { code, message } = error
    this.#after(closeWaitMs, () => this.#fail(new TrestleError(code, message, { retry: 'later', cause: error })))
  }

  #fail(error: TrestleError): void {
    if (this.#closing !== null) return
    this.#handIn?.hold()
    this.#refuse(error)
    this.#intake?.lost(error)
  }

  async #close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#committer.stop()
    this.#coordinator.close()
    this.#handIn?.hold()
    const feeds = [...this.#feeds.all]
    this.#reading?.leave()
    await Promise.race([this.#fetcher?.close(), afterMs(closeWaitMs / 2)])
    await Promise.all(feeds.map(({ progress }) => progress.rest(closeWaitMs)))
    const parting = this.#part(feeds).catch((thrown: unknown) => {
      this.#context.log('debug', 'kafka.not-parted', { why: (thrown as Error).message })
    })
    await Promise.race([parting, afterMs(closeWaitMs)])
    // What hangs on its way out ends with its connections.
    await Promise.all([this.#member.close(), this.#fetching.close(), this.#control.close()])
  }

  async #part(feeds: readonly Feed[]): Promise<void> {
    try {
      await this.#committer.commit(feeds)
    } finally {
      await this.#group?.close()
    }
    await this.#group?.leave(this.#control)
  }

  #after(ms: number, what: () => void): void {
    this.#timers.push(setTimeout(what, ms))
  }

  #every(ms: number, what: () => Promise<void>): void {
    const run = (): void => void what().catch((thrown: unknown) => this.#fail(TrestleError.from(thrown, 'E608')))
    this.#timers.push(setInterval(run, Math.max(1, ms)))
  }
}

const afterMs = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms).unref())
