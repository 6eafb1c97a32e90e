import {
  type ConnectorContext,
  Inbound,
  type InboundOptions,
  type Intake,
  type Receipt,
  type Source,
  TrestleError,
} from 'trestle/contract'
import { openClient } from './client.ts'
import { DeadLetterTopic } from './dead-letter-topic.ts'
import { fromThrown } from './errors.ts'
import type { PulsarOptions } from './options.ts'
import type { PulsarClient } from './protocol/client.ts'
import type { Consumer } from './protocol/consumer/consumer.ts'
import { heldBytes, type PulsarMessage } from './protocol/consumer/message.ts'
import { Subscription, type SubscriptionOptions } from './protocol/consumer/subscription.ts'
import { RecordMaker } from './record.ts'
import { SeekMemory, seekTarget } from './seek-memory.ts'
import type { PulsarSourceOptions } from './source-options.ts'

/** After a message that could not be taken, the hub closes the source; if it does not, something is wrong. */
const closingMs = 1000

/**
 * Reads topics of Pulsar through one subscription.
 *
 * What the broker sends waits here until the hub has room for it, and is acknowledged when its Receipt says that it is
 * dealt with. What waits, and what is handed in, are together never more than `max_unsettled`: so many permits has the
 * broker, give or take one batch.
 */
export class PulsarSource implements Source {
  readonly #pulsar: PulsarOptions
  readonly #options: PulsarSourceOptions
  readonly #context: ConnectorContext
  readonly #records: RecordMaker
  readonly #inbound: Inbound
  #intake: Intake | null = null
  #client: PulsarClient | null = null
  #subscription: Subscription | null = null
  #deadLetters: DeadLetterTopic | null = null
  /** Read and not handed in yet. */
  #queue: PulsarMessage[] = []
  #unsettled = 0
  #unsettledBytes = 0
  #isPaused = false
  /** Nothing more is handed in: a message failed whose followers must not overtake it, or it was closed. */
  #isEnded = false
  #isPumping = false

  constructor(pulsar: PulsarOptions, options: PulsarSourceOptions, context: ConnectorContext) {
    this.#pulsar = pulsar
    this.#options = options
    this.#context = context
    this.#records = new RecordMaker(options)
    this.#inbound = new Inbound(options as InboundOptions, context.name)
  }

  async open(intake: Intake): Promise<void> {
    this.#intake = intake
    try {
      const client = await openClient(this.#pulsar)
      if (this.#isEnded) {
        client.close()
        throw new TrestleError('E902', `${this.#context.name}: closed while it opened`)
      }
      this.#client = client
      const deadLetterTopic = this.#options.dead_letter_policy?.dead_letter_topic
      if (deadLetterTopic !== undefined) this.#deadLetters = new DeadLetterTopic(client, deadLetterTopic)
      await this.#subscribe(client)
    } catch (thrown) {
      throw fromThrown(thrown, this.#context.name)
    }
  }

  pause(): void {
    this.#isPaused = true
    this.#subscription?.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#subscription?.resume()
    this.#pumpSoon()
  }

  async close(): Promise<void> {
    this.#isEnded = true
    this.#queue = []
    // Answers that were given before this call are still on their way here.
    await new Promise((turn) => setImmediate(turn))
    await this.#subscription?.close()
    await this.#deadLetters?.close()
    this.#client?.close()
    this.#subscription = null
    this.#client = null
  }

  async #subscribe(client: PulsarClient): Promise<void> {
    const { seek, subscription: name } = this.#options
    const memory = seek === undefined ? null : new SeekMemory(this.#context.folder, name, seek)
    const mustSeek = memory !== null && !(await memory.isDone())
    const subscription = new Subscription(client, subscriptionOptions(this.#options, mustSeek), {
      messages: (messages) => {
        for (const message of messages) this.#queue.push(message)
        this.#pumpSoon()
      },
      lost: (fault) => {
        if (!this.#isEnded) this.#intake?.lost(fromThrown(fault, this.#context.name))
      },
      note: (event, facts) => {
        const level = event === 'refresh failed' ? 'warn' : 'info'
        this.#context.log(level, `pulsar ${event}`, { subscription: name, ...facts })
      },
    })
    this.#subscription = subscription
    if (this.#isPaused) subscription.pause()
    await subscription.open()
    if (mustSeek) await memory.done()
  }

  /** Once for all that one chunk from the socket brought. */
  #pumpSoon(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    queueMicrotask(() => {
      this.#isPumping = false
      this.#pump()
    })
  }

  #pump(): void {
    const { batch_size: batchSize, max_unsettled: maxUnsettled, max_unsettled_bytes: maxBytes } = this.#options
    while (!this.#isPaused && !this.#isEnded && this.#queue.length > 0) {
      const room = Math.min(batchSize, maxUnsettled - this.#unsettled)
      if (room <= 0 || (this.#unsettled > 0 && this.#unsettledBytes >= maxBytes)) return
      const batch = this.#queue.length <= room ? this.#queue : this.#queue.slice(0, room)
      this.#queue = batch === this.#queue ? [] : this.#queue.slice(room)
      this.#handIn(batch)
    }
  }

  #handIn(read: readonly PulsarMessage[]): void {
    const batch = this.#inbound.begin()
    const taken: PulsarMessage[] = []
    const nowMs = this.#context.now()
    for (const message of read) {
      if (this.#isDealtWith(message)) continue
      const { record, fault } = this.#records.make(message, (message.entry.owner as Consumer).topic)
      const place = batch.messages.length
      this.#inbound.add(batch, record, nowMs)
      const why = fault ?? this.#isSpent(message)
      if (why !== null) batch.faults.set(place, why)
      taken.push(message)
      this.#unsettledBytes += heldBytes(message)
    }
    if (taken.length === 0) {
      this.#subscription?.flush()
      return
    }
    this.#unsettled += taken.length
    void this.#intake!.take(batch.messages, batch.faults).then((receipts) => this.#settle(taken, receipts))
  }

  /** What does not go into the hub: empty messages that nobody wants, and what belongs into the dead letter topic. */
  #isDealtWith(message: PulsarMessage): boolean {
    if (!this.#options.allow_empty && message.payload.length === 0) {
      this.#subscription?.settle(message)
      return true
    }
    if (this.#deadLetters === null || !this.#cameTooOften(message)) return false
    this.#deadLetters.put(message, this.#context.now()).then(
      () => this.#answer(message, true),
      (error: unknown) => {
        this.#context.log('warn', 'pulsar dead letter failed', {
          error: fromThrown(error, 'dead letter topic').message,
        })
        this.#answer(message, false)
      },
    )
    return true
  }

  #answer(message: PulsarMessage, isDone: boolean): void {
    if (isDone) this.#subscription?.settle(message)
    else this.#subscription?.giveBack(message)
    this.#subscription?.flush()
  }

  #cameTooOften({ entry }: PulsarMessage): boolean {
    const policy = this.#options.dead_letter_policy
    return policy !== undefined && entry.redeliveryCount > policy.max_redeliver_count
  }

  #isSpent(message: PulsarMessage): TrestleError | null {
    if (!this.#cameTooOften(message)) return null
    const { redeliveryCount, id } = message.entry
    const words = `message ${id.ledgerId}:${id.entryId} came again ${redeliveryCount} times`
    return new TrestleError('E610', words, { detail: { redeliveryCount } })
  }

  #settle(messages: readonly PulsarMessage[], receipts: readonly Receipt[]): void {
    const subscription = this.#subscription
    let failed = false
    for (let at = 0; at < messages.length; at++) {
      const message = messages[at]!
      this.#unsettledBytes -= heldBytes(message)
      if (receipts[at]?.outcome !== 'failed' && receipts[at] !== undefined) subscription?.settle(message)
      else {
        failed = true
        subscription?.giveBack(message)
      }
    }
    this.#unsettled -= messages.length
    if (failed) this.#afterFailure()
    subscription?.flush()
    this.#pump()
  }

  /** Where the subscription is not shared nothing may overtake what failed: a new start begins there. */
  #afterFailure(): void {
    const { subscription_type: type } = this.#options
    if (this.#isEnded || type === 'shared' || type === 'key_shared') return
    this.#isEnded = true
    const timer = setTimeout(() => {
      if (this.#subscription === null) return
      this.#intake?.lost(new TrestleError('E607', `${this.#context.name}: a message was not taken`))
    }, closingMs)
    timer.unref()
  }
}

function subscriptionOptions(options: PulsarSourceOptions, mustSeek: boolean): SubscriptionOptions {
  const isShared = options.subscription_type === 'shared' || options.subscription_type === 'key_shared'
  return {
    choice: {
      topics: options.topics ?? [],
      pattern:
        options.topic_regex === undefined
          ? null
          : {
              namespace: options.lookup_namespace,
              pattern: new RegExp(`^(?:${options.topic_regex})$`),
              domain: 'persistent',
            },
    },
    consumer: {
      subscription: options.subscription,
      type: options.subscription_type,
      consumerName: options.consumer_name ?? null,
      priorityLevel: options.priority_level,
      durable: options.durable,
      readCompacted: options.read_compacted,
      initialPosition: options.initial_position,
      metadata: (options.metadata ?? {}) as Record<string, string>,
      properties: (options.subscription_properties ?? {}) as Record<string, string>,
      batchIndexAck: options.batch_index_ack,
      giveBackDelayMs: options.negative_ack_delay_ms,
    },
    maxHeld: options.max_unsettled,
    maxHeldBytes: options.max_unsettled_bytes,
    refreshMs: options.topic_refresh_interval_ms,
    resendAfterMs: isShared ? options.unacked_message_resend_delay_ms : 0,
    seek: mustSeek && options.seek !== undefined ? seekTarget(options.seek) : null,
  }
}
