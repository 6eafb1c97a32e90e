import { type Delivery, notDelivered, type Receipt, TrestleError } from 'trestle/contract'
import { printClaim } from './claim-log.ts'
import { asLater, fromFault, fromThrown } from './errors.ts'
import type { Lot, LotMaker } from './lots.ts'
import { Numbering } from './numbering.ts'
import { type DoorContext, ProducerDoor } from './producer-door.ts'
import { PulsarFault } from './protocol/fault.ts'
import type { Producer, SendReceipt } from './protocol/producer/producer.ts'
import { Written } from './written.ts'

/** What all outlets of a sink have in common. */
export interface OutletContext extends DoorContext {
  readonly lots: LotMaker
}

/** Times in one batch that a producer which the broker closed is opened again. */
const maxReopens = 3
const reopenAfterMs = 100

/**
 * Writes what goes to one topic, or one partition of it, with a Receipt for each.
 *
 * It promises: what shares an order key keeps its order; what the broker may have goes again under the numbers it had,
 * and what it certainly has not under new ones; a claim is on disk before its entry is sent. What fails fails all that
 * stands behind it here. Where the broker closes the producer (it moves the topic), it is opened again at once; where
 * the connection is lost, the hub makes a new sink.
 *
 * A batch takes turns: `prepare`, then the claims of all outlets are written together, then `send`; as long as `isDone`
 * is false.
 */
export class Outlet {
  readonly topic: string
  readonly #context: OutletContext
  readonly #numbering: Numbering
  readonly #door: ProducerDoor
  /** Places in the batch that are still to be sent. */
  #queue: number[] = []
  #lots: Lot[] = []
  #maxCount = Number.POSITIVE_INFINITY
  #reopens = 0

  constructor(topic: string, context: OutletContext) {
    this.topic = topic
    this.#context = context
    this.#numbering = new Numbering(context.claims?.takeBefore(topic) ?? [])
    this.#door = new ProducerDoor(topic, context, this.#numbering)
  }

  get isDone(): boolean {
    return this.#queue.length === 0
  }

  add(at: number): void {
    this.#queue.push(at)
  }

  /** Starts anew with the next batch. */
  clear(): void {
    this.#queue = []
    this.#lots = []
    this.#reopens = 0
  }

  /** Opens the producer and makes entries of the queue. Answers the claims to write. */
  async prepare(batch: readonly Delivery[], receipts: Receipt[]): Promise<string[]> {
    this.#lots = []
    let producer: Producer
    try {
      producer = await this.#door.open()
    } catch (thrown) {
      const isItsOwn = thrown instanceof PulsarFault && thrown.kind === 'server'
      const error = fromThrown(thrown, this.topic)
      this.#failAll(receipts, isItsOwn ? asLater(error) : error)
      return []
    }
    return this.#make(batch, receipts, producer.connection.maxMessageBytes)
  }

  /** Sends the entries and settles what can be settled; the rest stays in the queue. */
  async send(batch: readonly Delivery[], receipts: Receipt[]): Promise<void> {
    const lots = this.#lots
    this.#lots = []
    if (lots.length === 1) return void (await this.#settle(lots, [], batch, receipts))
    let sending: Lot[] = []
    const busy = new Set<string>()
    for (let at = 0; at < lots.length; at++) {
      const lot = lots[at]!
      const keys = lot.queue.map((place) => batch[place]!.orderKey)
      if (sending.length > 0 && this.#mustWait(lot, sending, keys, busy)) {
        if (!(await this.#settle(sending, lots.slice(at), batch, receipts))) return
        sending = []
        busy.clear()
      }
      sending.push(lot)
      for (const key of keys) busy.add(key)
    }
    await this.#settle(sending, [], batch, receipts)
  }

  /**
   * Entries are on their way together only where no order binds them. Batches of many keys go one by one: one that was
   * refused, while a later one was taken, could be mistaken for one that is there if the hub is killed right then.
   */
  #mustWait(lot: Lot, sending: readonly Lot[], keys: readonly string[], busy: ReadonlySet<string>): boolean {
    if (sending.length >= maxTogether || keys.some((key) => busy.has(key))) return true
    const isMixed = (one: Lot): boolean => one.queue.length > 1 && this.#context.options.batching !== 'key'
    return isMixed(lot) || isMixed(sending.at(-1)!)
  }

  close(): Promise<void> {
    return this.#door.close()
  }

  #make(batch: readonly Delivery[], receipts: Receipt[], maxMessageBytes: number): string[] {
    const limits = { count: this.#maxCount, bytes: maxMessageBytes }
    const { lots, claims } = this.#context
    const { repeats, fresh } = this.#numbering.sort(this.#queue, batch)
    for (const { queue, sequenceIds } of repeats) {
      for (let from = 0; from < queue.length; ) {
        const lot = this.#made(() => lots.make(queue, from, batch, sequenceIds, limits), queue[from]!, receipts)
        from += lot?.queue.length ?? 1
      }
    }
    const printed: string[] = []
    for (const queue of fresh.length === 0 ? [] : lots.group(fresh, batch)) {
      for (let from = 0; from < queue.length; ) {
        const first = this.#numbering.next
        const lot = this.#made(() => lots.make(queue, from, batch, first, limits), queue[from]!, receipts)
        from += lot?.queue.length ?? 1
        if (lot === null) continue
        this.#numbering.take(lot.queue.length)
        if (claims !== null) printed.push(this.#printed(lot, batch))
      }
    }
    return printed
  }

  /** An entry, noted; null when its first message cannot be in any, which is refused. */
  #made(make: () => Lot, at: number, receipts: Receipt[]): Lot | null {
    try {
      const lot = make()
      this.#lots.push(lot)
      return lot
    } catch (thrown) {
      if (!(thrown instanceof TrestleError)) throw thrown
      this.#refuse([at], receipts, thrown)
      return null
    }
  }

  #printed({ queue, entry }: Lot, batch: readonly Delivery[]): string {
    return printClaim(
      this.topic,
      entry.firstSequenceId,
      queue.map((at) => batch[at]!),
    )
  }

  /** Sends some together and waits for all. False when what stands behind must not be sent now. */
  async #settle(
    sending: readonly Lot[],
    behind: readonly Lot[],
    batch: readonly Delivery[],
    receipts: Receipt[],
  ): Promise<boolean> {
    if (sending.length === 0) return true
    const producer = await this.#door.open().catch((thrown: unknown) => fromThrown(thrown, this.topic))
    if (producer instanceof TrestleError) return this.#spent(producer, receipts)
    const results = await Promise.all(
      sending.map(({ entry }) => producer.send(entry).catch((thrown: unknown) => thrown as Error)),
    )
    const unclear: Lot[] = []
    const rejected: Rejected[] = []
    let fault: unknown = null
    results.forEach((result, at) => {
      const lot = sending[at]!
      if (!(result instanceof Error)) this.#confirm(lot, result, receipts)
      else if (isRejection(result)) rejected.push({ lot, error: fromFault(result, this.topic) })
      else {
        unclear.push(lot)
        fault = result
      }
    })
    const mayGoOn = await this.#reject(rejected, batch, receipts)
    if (unclear.length > 0) {
      const error = fromThrown(fault, this.topic)
      return mayGoOn ? this.#again(unclear, error, batch, receipts) : this.#spent(error, receipts)
    }
    if (mayGoOn) return true
    // Where something went unclear before, only a new start tells what is there.
    if (this.#reopens > 0) return this.#spent(rejected[0]!.error, receipts)
    await this.#void(behind.filter(({ isRepeat }) => !isRepeat))
    const hold = rejected.find(({ error }) => error.retry !== 'never')
    if (hold !== undefined) this.#failAll(receipts, hold.error)
    return false
  }

  /** Nothing is known of these: they go again as they were, over a producer that is opened anew. */
  async #again(
    unclear: readonly Lot[],
    error: TrestleError,
    batch: readonly Delivery[],
    receipts: Receipt[],
  ): Promise<boolean> {
    if (!this.#door.isConnected || this.#reopens++ >= maxReopens) return this.#spent(error, receipts)
    await this.#door.close().catch(() => {
      // The broker closed it before us.
    })
    await new Promise((done) => setTimeout(done, reopenAfterMs * this.#reopens))
    for (const lot of unclear) if (!(await this.#settle([lot], [], batch, receipts))) return false
    return true
  }

  #confirm(lot: Lot, receipt: SendReceipt, receipts: Receipt[]): void {
    const { queue } = lot
    for (let index = 0; index < queue.length; index++) {
      receipts[queue[index]!] = new Written(this.topic, receipt, queue.length === 1 ? -1 : index)
    }
    this.#drop(queue)
    this.#maxCount *= 2
  }

  /** The broker refused these entries: they are certainly not there. False when what stands behind them must wait. */
  async #reject(rejected: readonly Rejected[], batch: readonly Delivery[], receipts: Receipt[]): Promise<boolean> {
    if (rejected.length === 0) return true
    await this.#void(rejected.map(({ lot }) => lot))
    let mayGoOn = true
    for (const { lot, error } of rejected) {
      this.#numbering.forget(lot.queue, batch)
      if (error.retry === 'never' && lot.queue.length === 1) this.#refuse(lot.queue, receipts, error)
      else {
        mayGoOn = false
        // By halves, until the culprit stands alone: it stays in the queue for the next turn.
        if (error.retry === 'never') this.#maxCount = lot.queue.length >> 1
      }
    }
    return mayGoOn
  }

  async #void(lots: readonly Lot[]): Promise<void> {
    if (lots.length === 0) return
    await this.#context.claims?.void(
      this.topic,
      lots.map(({ entry }) => entry.firstSequenceId),
    )
  }

  /** All that is left fails, and only a new sink may go on: it will learn from the broker what is there. */
  #spent({ code, message, detail, cause }: TrestleError, receipts: Receipt[]): false {
    this.#failAll(receipts, new TrestleError(code, message, { retry: 'reconnect', detail, cause }))
    return false
  }

  #failAll(receipts: Receipt[], error: TrestleError): void {
    const receipt = notDelivered(error)
    for (const at of this.#queue) receipts[at] = receipt
    this.#queue = []
  }

  #refuse(queue: readonly number[], receipts: Receipt[], error: TrestleError): void {
    const receipt = notDelivered(error)
    for (const at of queue) receipts[at] = receipt
    this.#drop(queue)
  }

  #drop(queue: readonly number[]): void {
    if (queue.length === this.#queue.length) {
      this.#queue = []
      return
    }
    const gone = new Set(queue)
    this.#queue = this.#queue.filter((at) => !gone.has(at))
  }
}

interface Rejected {
  readonly lot: Lot
  readonly error: TrestleError
}

const maxTogether = 500

/** Certainly not in the topic. The one code that says nothing also stands for "sent before, and not yet known to be safe". */
const isRejection = (fault: Error): fault is PulsarFault =>
  fault instanceof PulsarFault && fault.kind === 'server' && fault.server !== 'UnknownError'
