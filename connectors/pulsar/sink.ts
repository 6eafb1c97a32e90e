import {
  type BatchLimits,
  type ConnectorContext,
  type Delivery,
  notDelivered,
  type Receipt,
  type Sink,
  TrestleError,
} from 'trestle/contract'
import { ClaimLog } from './claim-log.ts'
import { openClient } from './client.ts'
import { fromThrown } from './errors.ts'
import { LotMaker } from './lots.ts'
import type { PulsarOptions } from './options.ts'
import { Outlet } from './outlet.ts'
import type { PulsarClient } from './protocol/client.ts'
import { type Topic, Topics } from './topics.ts'

const noTopic = notDelivered(
  new TrestleError('E606', 'the rule names no topic and the connector has none', {
    detail: { advice: 'add `topic` to the rule or to the connector' },
  }),
)
const noPartition = (topic: Topic, wanted: unknown): Receipt =>
  notDelivered(new TrestleError('E606', `${topic.name} has no partition ${wanted} (it has ${topic.outlets.length})`))

/** A partition as a rule names it; -1 for what is no number. */
const indexOf = (wanted: unknown): number => (/^\d{1,6}$/.test(String(wanted)) ? Number(wanted) : -1)

/** How long producers may take to say goodbye. */
const closeWithinMs = 1000

/**
 * Pulsar as a sink: sorts a batch into topics and partitions and lets their outlets write them. The partition is the one
 * the rule names, else the hash of the key as Pulsar's clients have it, else the hash of what keeps the order, so that
 * the order holds without a key too.
 */
export class PulsarSink implements Sink {
  readonly ordering = 'key'
  readonly limits: BatchLimits
  readonly #options: PulsarOptions
  readonly #context: ConnectorContext
  readonly #lots: LotMaker
  #client: PulsarClient | null = null
  #claims: ClaimLog | null = null
  #topics: Topics | null = null
  /** Outlets with a producer, the one that was used longest ago first. */
  readonly #used = new Set<Outlet>()
  readonly #touched = new Set<Outlet>()
  #isClosed = false

  constructor(options: PulsarOptions, context: ConnectorContext) {
    this.#options = options
    this.#context = context
    this.#lots = new LotMaker(options, context.hub)
    this.limits = { count: options.batch_count, bytes: options.batch_bytes, lingerMs: options.linger_ms }
  }

  async open(): Promise<void> {
    const { deduplicate, producer_name_prefix: prefix, topic, hashing } = this.#options
    const { hub, name, folder, now, log } = this.#context
    const client = await openClient(this.#options)
    this.#client = client
    const claims = deduplicate ? await openClaims(folder) : null
    this.#claims = claims
    if (this.#isClosed) {
      // The hub gave the opening up meanwhile: nobody else closes what came of it.
      await this.close()
      throw new TrestleError('E601', 'the sink was closed while it opened')
    }
    const shared = {
      client,
      claims,
      options: this.#options,
      namePrefix: deduplicate ? `${prefix}-${hub}-${name}` : null,
      lots: this.#lots,
      log,
    }
    this.#topics = new Topics(client, hashing, now, (full) => new Outlet(full, shared))
    try {
      if (topic !== undefined) await this.#topics.learn([topic])
    } catch (thrown) {
      throw fromThrown(thrown, topic ?? '')
    }
  }

  async deliver(batch: readonly Delivery[]): Promise<readonly Receipt[]> {
    const topics = this.#topics
    if (topics === null || this.#isClosed) throw new TrestleError('E601', 'the sink is not open')
    const receipts = new Array<Receipt>(batch.length)
    let isSent = false
    try {
      const later = this.#sortKnown(topics, batch, receipts)
      if (later.size > 0) await this.#learnAndSort(topics, later, batch, receipts)
      await this.#letGo()
      let open = [...this.#touched]
      while (open.length > 0) {
        const printed = await Promise.all(open.map((outlet) => outlet.prepare(batch, receipts)))
        await this.#claim(printed.flat())
        await Promise.all(open.map((outlet) => outlet.send(batch, receipts)))
        open = open.filter((outlet) => !outlet.isDone)
      }
      isSent = receipts.every(({ error }) => error === null)
      return receipts
    } finally {
      for (const outlet of this.#touched) outlet.clear()
      this.#touched.clear()
      this.#lots.reset(isSent)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#topics = null
    const goodbyes = Promise.allSettled([...this.#used].map((outlet) => outlet.close()))
    this.#used.clear()
    let timer: NodeJS.Timeout | null = null
    const late = new Promise((done) => {
      timer = setTimeout(done, closeWithinMs)
    })
    await Promise.race([goodbyes, late])
    if (timer !== null) clearTimeout(timer)
    this.#client?.close()
    await this.#claims?.close()
  }

  async #claim(printed: readonly string[]): Promise<void> {
    if (printed.length === 0 || this.#claims === null) return
    try {
      await this.#claims.claim(printed)
    } catch (cause) {
      const words = `the numbers of messages cannot be noted: ${(cause as Error).message}`
      throw new TrestleError('E608', words, { detail: { place: this.#context.folder }, cause })
    }
  }

  /** Queues what goes to topics that are known; answers the others: name to places in the batch. */
  #sortKnown(topics: Topics, batch: readonly Delivery[], receipts: Receipt[]): Map<string, number[]> {
    const later = new Map<string, number[]>()
    const nowMs = this.#context.now()
    const fallback = this.#options.topic ?? null
    let name: string | null = null
    let topic: Topic | undefined
    for (let at = 0; at < batch.length; at++) {
      const delivery = batch[at]!
      const wanted = delivery.target ?? fallback
      if (wanted === null) {
        receipts[at] = noTopic
        continue
      }
      if (wanted !== name) {
        name = wanted
        topic = topics.fresh(wanted, nowMs)
      }
      if (topic !== undefined) this.#place(topics, topic, delivery, at, receipts)
      else {
        const places = later.get(wanted)
        if (places === undefined) later.set(wanted, [at])
        else places.push(at)
      }
    }
    return later
  }

  async #learnAndSort(
    topics: Topics,
    later: ReadonlyMap<string, readonly number[]>,
    batch: readonly Delivery[],
    receipts: Receipt[],
  ): Promise<void> {
    try {
      await topics.learn([...later.keys()])
    } catch (thrown) {
      throw fromThrown(thrown, this.#options.servers[0]!)
    }
    for (const [name, places] of later) {
      for (const at of places) this.#place(topics, topics.get(name), batch[at]!, at, receipts)
    }
  }

  #place(topics: Topics, topic: Topic, delivery: Delivery, at: number, receipts: Receipt[]): void {
    if (topic.fault !== null) {
      receipts[at] = notDelivered(topic.fault)
      return
    }
    const { options } = delivery
    if (options !== null) {
      const fault = this.#optionFault(delivery)
      if (fault !== null) {
        receipts[at] = fault
        return
      }
    }
    const wanted = options?.['partition']
    const outlet =
      wanted === undefined || wanted === null
        ? topics.outletOf(topic, delivery.key ?? delivery.orderKey)
        : topic.outlets[indexOf(wanted)]
    if (outlet === undefined) {
      receipts[at] = noPartition(topic, wanted)
      return
    }
    this.#touched.add(outlet)
    outlet.add(at)
  }

  #optionFault(delivery: Delivery): Receipt | null {
    try {
      this.#lots.check(delivery)
      return null
    } catch (thrown) {
      return notDelivered(TrestleError.from(thrown, 'E606'))
    }
  }

  /** Notes which producers are in use, and closes those that were used longest ago when they are too many. */
  async #letGo(): Promise<void> {
    for (const outlet of this.#touched) {
      this.#used.delete(outlet)
      this.#used.add(outlet)
    }
    for (const outlet of this.#used) {
      if (this.#used.size <= this.#options.max_producers || this.#touched.has(outlet)) return
      this.#used.delete(outlet)
      this.#topics?.forget(outlet)
      await outlet.close().catch(() => {
        // The broker lets go of a producer whose connection has ended, too.
      })
    }
  }
}

async function openClaims(folder: string): Promise<ClaimLog> {
  try {
    return await ClaimLog.open(folder)
  } catch (cause) {
    const words = `the numbers of messages cannot be read: ${(cause as Error).message}`
    throw new TrestleError('E608', words, { detail: { place: folder }, cause })
  }
}
