import type { Msg } from '@nats-io/transport-node'
import { type ConnectorContext, Inbound, type InboundBatch, type Intake, type Receipt } from 'trestle/contract'
import type { NatsClient } from './client.ts'
import { CommandWriter } from './commands.ts'
import { type DurableConsumer, needConsumer, readPlace } from './consumers.ts'
import { fromThrown } from './errors.ts'
import type { NatsOptions } from './options.ts'
import { expiresMs, Pull } from './pull.ts'
import { forgetRequests, reclaim, sendConfirmed } from './reclaim.ts'
import { Records } from './records.ts'
import type { NatsSourceOptions } from './source-options.ts'
import { newPortion, type Portion, type Remembered, rememberedOf, Unsettled } from './unsettled.ts'

/** How long a closing reader waits for receipts that are under way. *Unit*: ms. */
const closingMs = 1500

/**
 * Reads a durable consumer and acknowledges each message on its Receipt. Messages are handed in as the server sends
 * them, which is the order of the stream, except for those it sends again.
 *
 * What is in hand for long is reported as in progress, so that the server does not send it again meanwhile; what is in
 * hand when the reader closes is given back, in order, and comes first the next time.
 */
export class StreamReader {
  readonly #options: NatsOptions
  readonly #source: NatsSourceOptions
  readonly #context: ConnectorContext
  readonly #client: NatsClient
  readonly #inbound: Inbound
  readonly #records: Records
  readonly #unsettled: Unsettled
  readonly #commands: CommandWriter
  readonly #open = new Set<Portion>()
  readonly #inHand = new Set<number>()
  readonly #taking = new Set<Promise<void>>()
  /** Given back when the reader closes. */
  readonly #failed: Portion[] = []
  #consumer: DurableConsumer | null = null
  #remembered: Remembered | null = null
  #pull: Pull | null = null
  #intake: Intake | null = null
  #batch: InboundBatch
  #portion = newPortion()
  #flushing = false
  #begun = false
  #paused = false
  #closed = false
  #progress: NodeJS.Timeout | null = null

  constructor(client: NatsClient, options: NatsOptions, source: NatsSourceOptions, context: ConnectorContext) {
    this.#client = client
    this.#options = options
    this.#source = source
    this.#context = context
    this.#inbound = new Inbound(source, context.name)
    this.#batch = this.#inbound.begin()
    const { stream } = readPlace(options, source)
    this.#records = new Records(options, source.mode === 'kv' ? `$KV.${stream.slice(3)}.` : null)
    this.#commands = new CommandWriter(client.connection)
    this.#unsettled = new Unsettled(source.max_unsettled, source.max_unsettled_bytes)
  }

  async open(intake: Intake): Promise<void> {
    this.#intake = intake
    const consumer = await needConsumer(this.#client, this.#options, this.#source, this.#context)
    this.#consumer = consumer
    // Without the right to ask or to acknowledge the server would send the same again for ever.
    this.#client.onViolation = ({ error }) => intake.lost(error)
    this.#remembered = rememberedOf(this.#context.folder, consumer.identity)
    this.#pull = new Pull(this.#client, this.#options, consumer, {
      message: (message) => this.#receive(message),
      end: () => this.#ask(),
      lost: (error) => intake.lost(error),
    })
    this.#pull.start()
    this.#progress = setInterval(() => this.#report(consumer.ackWaitMs / 3), consumer.ackWaitMs / 6)
    void this.#begin(consumer).catch((thrown: unknown) => {
      if (!this.#closed) intake.lost(fromThrown(thrown, `consumer ${consumer.name} of stream ${consumer.stream}`))
    })
  }

  /** What was left open comes first, then the rest. */
  async #begin(consumer: DurableConsumer): Promise<void> {
    const untilMs = performance.now() + 1.5 * expiresMs
    const { exclusive } = this.#source
    while (exclusive && !this.#closed) {
      const last = performance.now() > untilMs
      if (await reclaim(this.#client, this.#options, this.#context, consumer, last)) break
      await new Promise((done) => setTimeout(done, 250))
    }
    this.#begun = true
    this.#ask()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#flush()
    this.#ask()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    if (this.#progress !== null) clearInterval(this.#progress)
    this.#pull?.stop()
    this.#begun = false
    const timer = new Promise<void>((done) => setTimeout(done, closingMs).unref())
    await Promise.race([Promise.all(this.#taking), timer])
    this.#closed = true
    if (this.#consumer === null || this.#client.connection.isClosed()) return
    if (await this.#giveBack()) await this.#client.flush(closingMs)
  }

  #ask(): void {
    const pull = this.#pull
    if (
      pull === null ||
      !this.#begun ||
      !pull.idle ||
      this.#paused ||
      this.#closed ||
      this.#client.connection.isClosed()
    )
      return
    const count = this.#unsettled.room(this.#source.fetch_count)
    if (count > 0) pull.ask(count, this.#unsettled.roomBytes)
  }

  /** *Shape* of the reply subject: see `sequenceOf`. */
  #receive(message: Msg): void {
    const reply = message.reply ?? ''
    const tokens = reply.split('.')
    const at = tokens.length > 9 ? 6 : 4
    const sequence = Number(tokens[at + 1])
    const stamp = Number(tokens[at + 3])
    const mayBeKnown = tokens[at] !== '1' || sequence <= this.#remembered!.highest
    if (mayBeKnown && this.#isKnown(sequence, stamp, reply)) return
    this.#inHand.add(sequence)
    const record = this.#records.of(message, Math.floor(stamp / 1_000_000))
    this.#inbound.add(this.#batch, record, this.#context.now())
    const portion = this.#portion
    portion.replies.push(reply)
    portion.sequences.push(sequence)
    portion.stamps.push(stamp)
    // What the hub holds for a message is more than its payload.
    const bytes = record.payload.length + 256
    portion.bytes += bytes
    this.#unsettled.add(bytes)
    if (this.#flushing || this.#paused) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  /** A message that came before: still in hand, or the hub has it and its acknowledgement was lost. */
  #isKnown(sequence: number, stamp: number, reply: string): boolean {
    if (this.#inHand.has(sequence)) return true
    if (!this.#remembered!.has(sequence, stamp)) return false
    this.#client.connection.publish(reply, '+ACK')
    return true
  }

  #flush(): void {
    if (this.#paused || this.#closed || this.#portion.replies.length === 0) return
    const batch = this.#batch
    const portion = this.#portion
    this.#batch = this.#inbound.begin()
    this.#portion = newPortion()
    portion.sinceMs = this.#portion.sinceMs
    this.#open.add(portion)
    const taking = this.#intake!.take(batch.messages, batch.faults).then((receipts) => this.#settle(portion, receipts))
    this.#taking.add(taking)
    void taking.finally(() => this.#taking.delete(taking))
  }

  async #settle(portion: Portion, receipts: readonly Receipt[]): Promise<void> {
    this.#open.delete(portion)
    const failed = newPortion()
    const last = this.#acknowledge(portion, receipts, failed)
    if (failed.replies.length > 0) this.#failed.push(failed)
    if (this.#closed || this.#client.connection.isClosed()) return
    if (this.#source.confirm_acks && last !== null) {
      const heard = await sendConfirmed(this.#client, this.#options, [last], '+ACK')
      if (!heard) this.#context.log('warn', 'nats.ack-not-confirmed', { consumer: this.#consumer!.name })
    }
    const count = portion.replies.length - failed.replies.length
    if (count > 0) this.#unsettled.remove(count, count === portion.replies.length ? portion.bytes : 0)
    this.#ask()
  }

  /** Answers the last that is acknowledged and was not told yet, when the server is to confirm it. */
  #acknowledge(portion: Portion, receipts: readonly Receipt[], failed: Portion): string | null {
    const gone = this.#closed || this.#client.connection.isClosed()
    const confirm = this.#source.confirm_acks
    let last: string | null = null
    for (let at = 0; at < portion.replies.length; at++) {
      const outcome = receipts[at]?.outcome ?? 'failed'
      const sequence = portion.sequences[at]!
      const reply = portion.replies[at]!
      this.#inHand.delete(sequence)
      if (outcome === 'failed') {
        failed.replies.push(reply)
        failed.sequences.push(sequence)
        continue
      }
      this.#remembered!.add(sequence, portion.stamps[at]!)
      if (gone) continue
      if (outcome === 'refused' && this.#source.refused === 'term') this.#commands.word(reply, '+TERM')
      else if (confirm) {
        if (last !== null) this.#commands.word(last, '+ACK')
        last = reply
      } else this.#commands.word(reply, '+ACK')
    }
    this.#commands.send()
    return last
  }

  /** Tells the server of all that is in hand for longer than that. */
  #report(olderMs: number): void {
    if (this.#client.connection.isClosed()) return
    const nowMs = performance.now()
    for (const portion of [...this.#open, ...this.#failed, this.#portion]) {
      if (nowMs - portion.sinceMs < olderMs) continue
      portion.sinceMs = nowMs
      for (const reply of portion.replies) this.#commands.word(reply, '+WPI')
    }
    this.#commands.send()
  }

  /** In the order of the stream, so that they come again in it. Answers whether the server heard. */
  async #giveBack(): Promise<boolean> {
    const left = [...this.#open, ...this.#failed, this.#portion].flatMap(({ replies, sequences }) =>
      replies.map((reply, at) => ({ reply, sequence: sequences[at]! })),
    )
    if (left.length === 0) return true
    await forgetRequests(this.#client, this.#options, this.#consumer!)
    left.sort((one, other) => one.sequence - other.sequence)
    const { nak_delay_ms: delayMs } = this.#source
    const word = delayMs === 0 ? '-NAK' : `-NAK {"delay": ${delayMs * 1_000_000}}`
    const subjects = left.map(({ reply }) => reply)
    return sendConfirmed(this.#client, this.#options, subjects, word)
  }
}
