import type { Msg, Subscription } from '@nats-io/transport-node'
import { createInbox } from '@nats-io/transport-node'
import { type Delivery, notDelivered, type Receipt, TrestleError } from 'trestle/contract'
import type { NatsClient, Violation } from './client.ts'
import { CommandWriter } from './commands.ts'
import { fromThrown } from './errors.ts'
import { headerBlock } from './headers.ts'
import type { NatsOptions } from './options.ts'
import { AckReader, numberAfter, outOfTurn, Stored } from './publish-ack.ts'
import { type Run, runsOf } from './runs.ts'

/**
 * Publishes batches into streams and counts their acknowledgements: all of a batch is under way at once, and answers
 * come to one subscription, whose last token is a number.
 *
 * Order: of the messages of one key, each names the one before it in the same batch as the last message the stream must
 * have. The server then takes none behind one that failed; what it turned away for that reason is sent again, the first
 * of it without naming any. Messages that are alone with their key name none.
 */
export class Publisher {
  readonly #client: NatsClient
  readonly #options: NatsOptions
  readonly #hub: string
  readonly #inbox: string
  readonly #reader = new AckReader()
  readonly #commands: CommandWriter
  #subscription: Subscription | null = null
  /** Number of the first message of this round; the others follow. */
  #first = 0
  /** By number in this round: its place in the batch. */
  readonly #sent: number[] = []
  #subjects: readonly (string | null)[] = []
  /** By place in the batch: the answer. */
  #answers: (Stored | TrestleError | null)[] = []
  #open = 0
  /** The largest message that the server takes. */
  #maxBytes = Number.POSITIVE_INFINITY
  #heardMs = 0
  #done: ((error: TrestleError | null) => void) | null = null
  /** The most messages of a key that go at once; less after another writer came between. */
  #maxRun = Number.POSITIVE_INFINITY

  constructor(client: NatsClient, options: NatsOptions, hub: string) {
    this.#client = client
    this.#options = options
    this.#hub = hub
    this.#inbox = createInbox(options.inbox_prefix)
    this.#commands = new CommandWriter(client.connection)
  }

  /** *Errors*: E603 when answers cannot be received. */
  async open(): Promise<void> {
    let refused: TrestleError | null = null
    this.#client.onViolation = (violation) => {
      if (violation.operation === 'subscription') refused ??= violation.error
    }
    this.#subscription = this.#client.connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#answer(message)
      },
    })
    await this.#client.flush()
    if (refused !== null) throw refused
    this.#client.onViolation = (violation) => this.#violated(violation)
    this.#client.onLost = (error) => this.#done?.(error)
  }

  /** Publishes what has a subject, and fills in its Receipts. */
  async send(batch: readonly Delivery[], subjects: readonly (string | null)[], receipts: Receipt[]): Promise<void> {
    this.#subjects = subjects
    let runs = runsOf(batch, subjects)
    while (runs.length > 0) {
      const error = await this.#round(batch, runs)
      for (const run of runs) this.#settle(run, receipts, error)
      runs = runs.filter(({ head, places }) => head < places.length)
    }
  }

  close(): void {
    this.#subscription?.unsubscribe()
    this.#done?.(new TrestleError('E601', `${this.#client.place}: the sink is closed`))
  }

  /** Sends what is left of the runs and waits for the answers. Answers why some are missing. */
  async #round(batch: readonly Delivery[], runs: readonly Run[]): Promise<TrestleError | null> {
    this.#first += this.#sent.length
    this.#sent.length = 0
    this.#answers = new Array<null>(batch.length).fill(null)
    this.#open = 0
    this.#maxBytes = this.#client.connection.info?.max_payload ?? Number.POSITIVE_INFINITY
    try {
      for (const run of runs) this.#sendRun(batch, run)
      this.#commands.send()
    } catch (thrown) {
      return fromThrown(thrown, this.#client.place)
    }
    if (this.#client.lost !== null) return this.#client.lost
    return this.#open === 0 ? null : this.#answered()
  }

  #sendRun(batch: readonly Delivery[], run: Run): void {
    const { places, head } = run
    const chained = this.#options.order === 'chained'
    const end = Math.min(places.length, head + this.#maxRun)
    run.sent = 0
    let before: string | null = null
    for (let at = head; at < end; at++) {
      const place = places[at]!
      this.#publish(batch[place]!, place, chained ? before : null)
      run.sent++
      // What could not go at all names nothing that the stream will ever have.
      if (this.#answers[place] === null) before = batch[place]!.id
    }
  }

  #publish(delivery: Delivery, place: number, before: string | null): void {
    let extra = `Nats-Msg-Id: ${delivery.id}\r\n`
    if (before !== null) extra += `Nats-Expected-Last-Msg-Id: ${before}\r\n`
    const block = headerBlock(delivery, this.#hub, this.#options.mqtt_headers, extra)
    const max = this.#maxBytes
    if (block.length + delivery.payload.length > max) {
      this.#answers[place] = tooLarge(block.length + delivery.payload.length, max)
      return
    }
    const reply = `${this.#inbox}.${this.#first + this.#sent.length}`
    this.#commands.message(this.#subjects[place]!, reply, block, delivery.payload)
    this.#sent.push(place)
    this.#open++
  }

  /** Until all have answered, or nothing was heard for too long, or the connection is lost. */
  #answered(): Promise<TrestleError | null> {
    const { request_timeout_ms: timeoutMs } = this.#options
    this.#heardMs = performance.now()
    return new Promise((resolve) => {
      const watch = (): void => {
        const leftMs = this.#heardMs + timeoutMs - performance.now()
        if (leftMs > 0) timer = setTimeout(watch, leftMs + 1)
        else this.#done?.(new TrestleError('E601', `${this.#client.place} did not answer within ${timeoutMs} ms`))
      }
      let timer = setTimeout(watch, timeoutMs)
      this.#done = (error) => {
        clearTimeout(timer)
        this.#done = null
        if (error === null) this.#commands.reuse()
        resolve(error)
      }
    })
  }

  #answer(message: Msg): void {
    const number = numberAfter(message, this.#inbox.length + 1) - this.#first
    const place = this.#sent[number]
    // An answer to an earlier round, which was given up.
    if (place === undefined || this.#answers[place] !== null) return
    this.#heardMs = performance.now()
    this.#answers[place] = this.#reader.read(message, this.#subjects[place]!)
    if (--this.#open === 0) this.#done?.(null)
  }

  /** The server drops what may not be published, and says so once for each. */
  #violated({ operation, subject, error }: Violation): void {
    if (operation !== 'publish') return
    for (const place of this.#sent) {
      if (this.#subjects[place] !== subject || this.#answers[place] !== null) continue
      this.#answers[place] = error
      this.#open--
    }
    if (this.#open === 0) this.#done?.(null)
  }

  /** Moves a run on by what was answered; `error` stands for answers that are missing. */
  #settle(run: Run, receipts: Receipt[], error: TrestleError | null): void {
    const { places } = run
    const end = run.head + run.sent
    const from = run.head
    for (; run.head < end; run.head++) {
      const place = places[run.head]!
      const answer = this.#answers[place] ?? error ?? outOfTurn
      if (answer instanceof Stored) receipts[place] = answer
      else if (answer.retry === 'never') receipts[place] = notDelivered(answer)
      // It named one that is refused or was not the last: it goes again, the first of the next round names none.
      else if (answer === outOfTurn && error === null && run.head > from) {
        // Behind one that is stored, only another writer can have come between.
        if (receipts[places[run.head - 1]!] instanceof Stored) this.#maxRun = run.head - from
        return
      } else {
        failRest(run, receipts, answer)
        return
      }
    }
    this.#maxRun *= 2
  }
}

/** Nothing of a run may come before what failed: it fails with it. */
function failRest(run: Run, receipts: Receipt[], error: TrestleError): void {
  const receipt = notDelivered(error)
  for (; run.head < run.places.length; run.head++) receipts[run.places[run.head]!] = receipt
}

export const tooLarge = (sizeBytes: number, maxBytes: number): TrestleError =>
  new TrestleError('E605', `a message of ${sizeBytes} bytes is above max_payload of the server (${maxBytes})`, {
    detail: { advice: 'raise max_payload of the server, or send less at once' },
  })
