import {
  type BatchLimits,
  type ConnectorContext,
  type Delivery,
  notDelivered,
  type Receipt,
  type Sink,
  TrestleError,
} from 'trestle/contract'
import { type BatchBounds, BatchWriter, contentTypeOf, type Item, labelsOf } from './batch-writer.ts'
import { prepareBucket } from './bucket.ts'
import { type Answer, ReductClient } from './client.ts'
import { entryOf } from './entries.ts'
import { blamesContent, fromStatus, fromThrown } from './errors.ts'
import { holderOf, Written } from './holder.ts'
import type { ReductOptions } from './options.ts'
import { Recent } from './recent.ts'
import { Timeline } from './timeline.ts'
import { trainsOf } from './trains.ts'

/** What a closed sink leaves to the next, by the connector's own folder, which no two hubs share. */
const left = new Map<string, Recent>()

/** After so many taken places something else is wrong than chance. */
const maxAttempts = 64

/**
 * ReductStore as a sink. A record's timestamp follows from the delivery alone (`timeline`), so what is sent again meets
 * itself: the server answers 409 for that record, its label `trestle-id` is read, and if it is ours it is done; if not,
 * the record goes to the next place. Entries go side by side, the requests of one entry one after the other.
 */
export class ReductSink implements Sink {
  readonly ordering = 'key'
  readonly limits: BatchLimits
  readonly #options: ReductOptions
  readonly #context: ConnectorContext
  readonly #client: ReductClient
  readonly #bounds: BatchBounds
  readonly #recent: Recent
  #timeline: Timeline | null = null
  /** How many connections had ended when the recent records were last seen to be there. */
  #checkedAt = 0

  constructor(options: ReductOptions, context: ConnectorContext, client: ReductClient = new ReductClient(options)) {
    this.#options = options
    this.#context = context
    this.#client = client
    this.limits = { count: options.batch_count, bytes: options.batch_bytes * 2, lingerMs: options.linger_ms }
    const { batch_bytes: bytes, batch_records: records, max_header_bytes: headerBytes } = options
    this.#bounds = { bytes, records, headerBytes }
    this.#recent = left.get(context.folder) ?? new Recent(options.recheck_bytes)
    left.delete(context.folder)
  }

  async open(): Promise<void> {
    await this.#client.open()
    const bucket = await prepareBucket(this.#client, this.#options, this.#context)
    // Somebody removed the bucket: what was in it is not wanted again.
    if (bucket === 'created') this.#recent.clear()
    this.#timeline ??= new Timeline(this.#context.folder, this.#context.hub)
    await this.#recheck()
  }

  async close(): Promise<void> {
    this.#client.close()
    left.set(this.#context.folder, this.#recent)
  }

  async deliver(batch: readonly Delivery[]): Promise<readonly Receipt[]> {
    const timeline = this.#timeline
    if (timeline === null) throw new TrestleError('E601', 'the sink is not open')
    if (this.#client.closings !== this.#checkedAt) await this.#recheck()
    const receipts = new Array<Receipt>(batch.length)
    let open = this.#items(batch, timeline, receipts)
    while (open.length > 0) {
      const { now, later } = chooseFree(open)
      const taken = await this.#write(now, receipts)
      open = later
      if (taken.length > 0) open.push(...(await this.#settleTaken(taken, timeline, receipts)))
    }
    failFollowers(batch, receipts)
    return receipts
  }

  /** Writes again what the server had confirmed and lost since. */
  async #recheck(): Promise<void> {
    const { closings } = this.#client
    if (!this.#recent.isEmpty) {
      const missing = await this.#missing()
      if (missing.length > 0) {
        const items = missing.map((item, at) => ({ ...item, at }))
        const receipts = new Array<Receipt>(items.length)
        // A place that is taken meanwhile is its own, by another of these requests.
        await this.#write(items, receipts)
        const failed = receipts.find((receipt) => receipt?.outcome === 'failed')
        if (failed?.error) throw failed.error
        const facts = { bucket: this.#options.bucket, records: missing.length }
        this.#context.log('warn', 'reductstore.lost-by-server-written-again', facts)
      }
    }
    this.#checkedAt = closings
  }

  async #missing(): Promise<Item[]> {
    try {
      return await this.#recent.missing(this.#client, this.#options.bucket, this.#context.now())
    } catch (thrown) {
      if (!(thrown instanceof TrestleError) || thrown.code !== 'E603') throw thrown
      // Who may only write cannot look, and must be able to go on writing.
      this.#recent.clear()
      this.#context.log('warn', 'reductstore.cannot-recheck', { message: thrown.message })
      return []
    }
  }

  #items(batch: readonly Delivery[], timeline: Timeline, receipts: Receipt[]): Item[] {
    const items: Item[] = []
    for (let at = 0; at < batch.length; at++) {
      const delivery = batch[at]!
      try {
        const { timeMs } = delivery.message
        if (!(timeMs >= 0 && timeMs < 9e12)) throw new TrestleError('E606', `${timeMs} is no time a record can have`)
        items.push({
          at,
          delivery,
          entry: entryOf(delivery, this.#options.entry),
          attempt: 0,
          timestamp: timeline.timestampOf(delivery, 0),
          contentType: contentTypeOf(delivery),
          labels: labelsOf(delivery, this.#context.hub, this.#options.mqtt_labels),
        })
      } catch (thrown) {
        receipts[at] = notDelivered(TrestleError.from(thrown, 'E608'))
      }
    }
    return items
  }

  /** Writes all items; answers those whose place is taken. */
  async #write(items: readonly Item[], receipts: Receipt[]): Promise<Item[]> {
    const trains = trainsOf(items, this.#bounds, this.#options.max_requests)
    const taken: Item[] = []
    let next = 0
    const work = async (): Promise<void> => {
      for (let train = trains[next++]; train !== undefined; train = trains[next++]) {
        let error: TrestleError | null = null
        for (const request of train) {
          if (error !== null) failAll(request.items, error, receipts)
          else error = await this.#request(request, receipts, taken)
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(this.#options.max_requests, trains.length) }, work))
    return taken
  }

  /** Sends one request; answers the error that also stops what follows of its entry. */
  async #request(request: BatchWriter, receipts: Receipt[], taken: Item[]): Promise<TrestleError | null> {
    const { items } = request
    const path = `/io/${this.#options.bucket}/write`
    let answer: Answer
    try {
      answer = await this.#client.ask({ method: 'POST', path, headers: request.headers(), body: request.body() })
    } catch (thrown) {
      const error = fromThrown(thrown, this.#client.place)
      failAll(items, error, receipts)
      return error
    }
    if (answer.status < 300) return this.#confirm(request, answer, receipts, taken)
    const error = fromStatus(answer.status, answer.said, `${this.#client.place} ${this.#options.bucket}`)
    if (!blamesContent.has(answer.status) || error.retry !== 'never') {
      failAll(items, error, receipts)
      return error
    }
    if (items.length > 1) return this.#halve(items, receipts, taken)
    receipts[items[0]!.at] = notDelivered(error)
    return null
  }

  /** A request that was refused for its content: by halves until the culprit stands alone. */
  async #halve(items: readonly Item[], receipts: Receipt[], taken: Item[]): Promise<TrestleError | null> {
    const middle = items.length >> 1
    let error: TrestleError | null = null
    for (const half of [items.slice(0, middle), items.slice(middle)]) {
      if (error !== null) {
        failAll(half, error, receipts)
        continue
      }
      const request = new BatchWriter(this.#bounds)
      for (const item of half) request.add(item)
      error = await this.#request(request, receipts, taken)
    }
    return error
  }

  /** Errors of single records stand in the answer's headers; all others are written. */
  #confirm(request: BatchWriter, answer: Answer, receipts: Receipt[], taken: Item[]): null {
    const { bucket } = this.#options
    let bySuffix: Map<string, Item> | null = null
    const faulty = new Set<Item>()
    const { rawHeaders } = answer
    for (let at = 0; at < rawHeaders.length; at += 2) {
      if (!rawHeaders[at]!.startsWith('x-reduct-error-')) continue
      bySuffix ??= request.bySuffix()
      const item = bySuffix.get(rawHeaders[at]!.slice('x-reduct-error-'.length))
      if (item === undefined) continue
      faulty.add(item)
      const [status = '', ...words] = rawHeaders[at + 1]!.split(',')
      if (status === '409') taken.push(item)
      else {
        const error = fromStatus(Number(status), words.join(',').trim(), `${bucket}/${item.entry}`)
        receipts[item.at] = notDelivered(error)
      }
    }
    const nowMs = this.#context.now()
    for (const item of request.items) {
      if (faulty.has(item)) continue
      receipts[item.at] = new Written(bucket, item)
      if (this.#options.recheck_bytes > 0) this.#recent.keep(item, nowMs)
    }
    return null
  }

  /** Looks at who holds the places that are taken; answers the items that must try another. */
  async #settleTaken(taken: readonly Item[], timeline: Timeline, receipts: Receipt[]): Promise<Item[]> {
    const again: Item[] = []
    let next = 0
    const work = async (): Promise<void> => {
      for (let item = taken[next++]; item !== undefined; item = taken[next++]) {
        try {
          const holder = await holderOf(this.#client, this.#options.bucket, item)
          if (holder === item.delivery.id) receipts[item.at] = new Written(this.#options.bucket, item)
          else again.push(holder === null ? item : nextPlace(item, timeline))
        } catch (thrown) {
          receipts[item.at] = notDelivered(TrestleError.from(thrown, 'E608'))
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(this.#options.max_requests, taken.length) }, work))
    return again.sort((one, other) => one.at - other.at)
  }
}

function nextPlace(item: Item, timeline: Timeline): Item {
  const attempt = item.attempt + 1
  if (attempt > maxAttempts) {
    throw new TrestleError('E607', `${item.entry}: ${maxAttempts} places after ${item.timestamp} µs are taken`)
  }
  return { ...item, attempt, timestamp: timeline.timestampOf(item.delivery, attempt) }
}

/** Of items with the same entry and time the first goes now; the others come when its place is known to be taken. */
function chooseFree(items: readonly Item[]): { now: Item[]; later: Item[] } {
  const seen = new Map<string, Set<number>>()
  const now: Item[] = []
  const later: Item[] = []
  for (const item of items) {
    let times = seen.get(item.entry)
    if (times === undefined) {
      times = new Set()
      seen.set(item.entry, times)
    }
    if (times.has(item.timestamp)) later.push(item)
    else {
      times.add(item.timestamp)
      now.push(item)
    }
  }
  return { now, later }
}

function failAll(items: readonly Item[], error: TrestleError, receipts: Receipt[]): void {
  const receipt = notDelivered(error)
  for (const { at } of items) receipts[at] = receipt
}

/**
 * Where one delivery failed, later ones of its order count as failed too, even those that are written: they will come
 * again, meet themselves and be done.
 */
function failFollowers(batch: readonly Delivery[], receipts: Receipt[]): void {
  let failed: Map<string, Receipt> | null = null
  for (let at = 0; at < batch.length; at++) {
    const receipt = receipts[at]!
    const { orderKey } = batch[at]!
    if (receipt.outcome === 'failed') {
      failed ??= new Map()
      if (!failed.has(orderKey)) failed.set(orderKey, receipt)
    } else if (receipt.outcome === 'delivered' && failed !== null) {
      receipts[at] = failed.get(orderKey) ?? receipt
    }
  }
}
