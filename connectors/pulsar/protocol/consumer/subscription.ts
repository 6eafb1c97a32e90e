/**
 * The door of what reads: one subscription to any number of topics.
 *
 * It promises: what is sent and not settled stays within a bound; an entry is acknowledged when all its messages are
 * settled, and forgotten when the broker has confirmed that; what it holds is not handed on twice when a topic moves. It
 * does not connect again: `lost` says that it is spent.
 *
 * Files: `topics` finds what is to be read; `consumer` is one topic, `channel` what it says to the broker, `window` its
 * permits; `arrival` reads a MESSAGE frame, with `unpack` for batches and `chunks` for messages in pieces; `message` is
 * what comes out, and the entry that is acknowledged.
 */
import type { PulsarClient } from '../client.ts'
import type { PulsarFault } from '../fault.ts'
import type { ConsumerOptions, SeekTarget } from './channel.ts'
import { Consumer, type ConsumerEvents } from './consumer.ts'
import type { PulsarMessage } from './message.ts'
import { type ChosenTopic, concerning, each, findTopics, type TopicChoice } from './topics.ts'
import { ByteBudget, FlowWindow } from './window.ts'

export interface SubscriptionOptions {
  readonly choice: TopicChoice
  readonly consumer: ConsumerOptions
  /** The most messages and bytes that are sent to this side and not settled. */
  readonly maxHeld: number
  readonly maxHeldBytes: number
  /** How often topics and partitions that are new are looked for; 0: never. */
  readonly refreshMs: number
  /** What is not settled after this time is asked for again; 0: never. */
  readonly resendAfterMs: number
  /** Where the subscription is put once, before anything is read. */
  readonly seek: SeekTarget | null
}

/** Told what comes and what happens. */
export interface SubscriptionEvents {
  messages(messages: readonly PulsarMessage[]): void
  /** The first time only: a connection ended, or a topic is out of reach. Everything else goes on until `close`. */
  lost(fault: PulsarFault): void
  /** For the log. */
  note(
    event: 'active' | 'standing by' | 'end of topic' | 'new topic' | 'resent' | 'refresh failed',
    facts: object,
  ): void
}

const partsMs = 1000

/** One subscription to any number of topics: a consumer for each, which share one bound. */
export class Subscription {
  readonly #client: PulsarClient
  readonly #options: SubscriptionOptions
  readonly #events: SubscriptionEvents
  readonly #budget: ByteBudget
  readonly #consumers = new Map<string, Consumer>()
  readonly #touched = new Set<Consumer>()
  readonly #timers: NodeJS.Timeout[] = []
  #isPaused = false
  /** The sockets are not read: what came was larger than what was permitted for. */
  #isHeld = false
  #isClosed = false

  constructor(client: PulsarClient, options: SubscriptionOptions, events: SubscriptionEvents) {
    this.#client = client
    this.#options = options
    this.#events = events
    this.#budget = new ByteBudget(options.maxHeldBytes)
  }

  /** The topics and partitions that are read now. */
  get topics(): string[] {
    return [...this.#consumers.keys()]
  }

  /** Subscribes to all topics there are; messages flow then. *Errors*: PulsarFault. */
  async open(): Promise<void> {
    const { choice, consumer, seek, refreshMs, resendAfterMs } = this.#options
    const topics = await findTopics(this.#client, choice)
    await this.#subscribe(topics, consumer, seek)
    if (this.#isClosed) return
    if (refreshMs > 0) this.#every(refreshMs, () => this.#refresh())
    if (resendAfterMs > 0) this.#every(Math.max(50, resendAfterMs / 4), () => this.#resend(resendAfterMs))
    if (consumer.batchIndexAck) this.#every(partsMs, () => this.#reportParts())
  }

  pause(): void {
    this.#isPaused = true
    for (const consumer of this.#consumers.values()) consumer.pause()
  }

  resume(): void {
    this.#isPaused = false
    for (const consumer of this.#consumers.values()) consumer.resume()
  }

  /** A message is dealt with; its acknowledgement leaves with `flush`. */
  settle(message: PulsarMessage): void {
    const consumer = message.entry.owner as Consumer
    consumer.settle(message)
    this.#touched.add(consumer)
  }

  /** A message is not taken. */
  giveBack(message: PulsarMessage): void {
    const consumer = message.entry.owner as Consumer
    consumer.giveBack(message)
    this.#touched.add(consumer)
  }

  /** Sends the acknowledgements of what was settled, and lets as much flow again. */
  flush(): void {
    for (const consumer of this.#touched) consumer.flush()
    this.#touched.clear()
    if (this.#isHeld && this.#budget.usedBytes <= this.#budget.maxBytes) this.#hold(false)
    // Room in the common bound may be what a quiet topic waits for.
    for (const consumer of this.#consumers.values()) if (consumer.isStarved) consumer.flow()
  }

  /** Acknowledges what was settled and lets go of everything. Does not throw. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#hold(false)
    for (const timer of this.#timers.splice(0)) clearInterval(timer)
    await Promise.all([...this.#consumers.values()].map((consumer) => consumer.close()))
    this.#consumers.clear()
  }

  #hold(isHeld: boolean): void {
    this.#isHeld = isHeld
    for (const consumer of this.#consumers.values()) consumer.hold(isHeld)
  }

  #every(ms: number, work: () => unknown): void {
    const timer = setInterval(work, ms)
    timer.unref()
    this.#timers.push(timer)
  }

  async #subscribe(topics: readonly ChosenTopic[], options: ConsumerOptions, seek: SeekTarget | null): Promise<void> {
    const share = this.#shareOf(this.#consumers.size + topics.length)
    for (const consumer of this.#consumers.values()) consumer.share = share
    await each(topics, async ({ name, isNamed }) => {
      if (this.#isClosed) return
      const window = new FlowWindow(share, this.#budget)
      const parts = { options, window, events: this.#consumerEvents(isNamed), createTopic: isNamed }
      const consumer = new Consumer(this.#client, name, parts)
      this.#consumers.set(name, consumer)
      if (this.#isPaused) consumer.pause()
      await consumer.open(seek).catch((thrown: unknown) => {
        this.#consumers.delete(name)
        throw concerning(name, thrown)
      })
    })
  }

  /** Each topic may hold its part of the whole, and a few messages however many topics there are. */
  #shareOf(topics: number): number {
    return Math.max(Math.min(10, this.#options.maxHeld), Math.floor(this.#options.maxHeld / Math.max(1, topics)))
  }

  #consumerEvents(isNamed: boolean): ConsumerEvents {
    return {
      messages: (messages) => {
        if (!this.#isHeld && this.#budget.isOverrun) this.#hold(true)
        this.#events.messages(messages)
      },
      activeChange: (topic, isActive) => this.#events.note(isActive ? 'active' : 'standing by', { topic }),
      endOfTopic: (topic) => this.#events.note('end of topic', { topic }),
      lost: (consumer, fault) => {
        // A topic that was found by a pattern may be deleted: it is simply no longer there.
        if (!isNamed && fault.server === 'TopicNotFound') this.#consumers.delete(consumer.topic)
        else if (!this.#isClosed) this.#events.lost(fault)
      },
    }
  }

  /** What is new is read from its beginning: it began after the subscription did. */
  async #refresh(): Promise<void> {
    try {
      const topics = await findTopics(this.#client, this.#options.choice)
      const added = topics.filter(({ name }) => !this.#consumers.has(name))
      if (added.length === 0 || this.#isClosed) return
      for (const { name } of added) this.#events.note('new topic', { topic: name })
      await this.#subscribe(added, { ...this.#options.consumer, initialPosition: 'earliest' }, null)
    } catch (error) {
      // The next round tries again; a connection that ended is told by its consumers.
      this.#events.note('refresh failed', { error: error instanceof Error ? error.message : String(error) })
    }
  }

  #resend(afterMs: number): void {
    const momentMs = Date.now() - afterMs
    for (const consumer of this.#consumers.values()) {
      const entries = consumer.redeliverOlderThan(momentMs)
      if (entries > 0) this.#events.note('resent', { topic: consumer.topic, entries })
    }
  }

  #reportParts(): void {
    for (const consumer of this.#consumers.values()) consumer.reportParts()
  }
}
