import {
  type BatchLimits,
  type ConnectorContext,
  type Delivery,
  delivered,
  hopsThrough,
  hostAndPort,
  notDelivered,
  type Receipt,
  reachPort,
  type Sink,
  TrestleError,
} from 'trestle/contract'
import { type Body, bodyOf, headersFor, joinBodies, jsonOf, putHeader } from './body.ts'
import { type Answer, HttpClient } from './client.ts'
import { blamesContent, fromStatus, fromThrown } from './errors.ts'
import type { HttpOptions } from './options.ts'

/** After so long no further request of a batch is begun: the hub gives a batch a minute. */
const maxBatchMs = 30_000
/** A receiver that wants to be left alone for no longer than this is waited for; longer, the hub is told. */
const maxHoldMs = 5000

/** A delivery ready to be sent. */
interface Item {
  readonly at: number
  readonly delivery: Delivery
  readonly url: URL
  readonly method: string
  readonly body: Body
}

/**
 * HTTP as a sink: a request for each delivery, or for many of one target. Deliveries of a key go one after the other,
 * keys side by side. A 2xx is `delivered`; 408, 425, 429 and 5xx are tried again later, not before the receiver's
 * Retry-After; other 4xx never.
 */
export class HttpSink implements Sink {
  readonly ordering = 'key'
  readonly limits: BatchLimits
  readonly #options: HttpOptions
  readonly #context: ConnectorContext
  readonly #client: HttpClient
  readonly #base: URL | null
  /** By server: when it wants to be asked again. *Unit*: ms. */
  readonly #notBefore = new Map<string, number>()

  constructor(options: HttpOptions, context: ConnectorContext) {
    this.#options = options
    this.#context = context
    this.#client = new HttpClient(options, context.now)
    this.#base = options.url === undefined ? null : new URL(options.url)
    const { batch, batch_bytes: bytes, batch_count: count, max_requests: maxRequests } = options
    this.limits = {
      count: batch === 'none' ? maxRequests * 8 : count,
      bytes: batch === 'none' ? 16_000_000 : bytes,
      lingerMs: options.linger_ms,
    }
  }

  /** No request is harmless everywhere: it is seen that the server can be reached, and no more. */
  async open(): Promise<void> {
    await this.#client.open()
    if (this.#base === null) return
    const { host, port } = hostAndPort(this.#base)
    await reachPort(host, port, this.#options.timeout_ms).catch((thrown: unknown) => {
      throw fromThrown(thrown, this.#base!.host)
    })
  }

  async close(): Promise<void> {
    this.#client.close()
  }

  async deliver(batch: readonly Delivery[]): Promise<readonly Receipt[]> {
    const receipts = new Array<Receipt>(batch.length)
    const items = this.#items(batch, receipts)
    const { batch: kind, max_requests: maxRequests } = this.#options
    const untilMs = this.#context.now() + maxBatchMs
    // Lanes go side by side; what is in one goes one after the other.
    const laneOf = (item: Item): string =>
      kind === 'none' ? item.delivery.orderKey : `${item.method} ${item.url} ${groupOf(item.delivery)}`
    const lanes = [...Map.groupBy(items, laneOf).values()]
    let next = 0
    const work = async (): Promise<void> => {
      for (let lane = lanes[next++]; lane !== undefined; lane = lanes[next++]) {
        if (kind === 'none') await this.#sendEach(lane, receipts, untilMs)
        else await this.#sendTogether(lane, kind, receipts, untilMs)
      }
    }
    await Promise.all(Array.from({ length: Math.min(maxRequests, lanes.length) }, work))
    failFollowers(batch, receipts)
    return receipts
  }

  #items(batch: readonly Delivery[], receipts: Receipt[]): Item[] {
    const items: Item[] = []
    const { batch: kind, body: bodyKind, method } = this.#options
    for (const [at, delivery] of batch.entries()) {
      try {
        let body = bodyOf(delivery, bodyKind, this.#context.hub)
        if (kind !== 'none') body = { ...body, bytes: jsonOf(body) }
        const url = this.#urlOf(delivery)
        items.push({ at, delivery, url, method: String(delivery.options?.['method'] ?? method), body })
      } catch (thrown) {
        receipts[at] = notDelivered(TrestleError.from(thrown, 'E606'))
      }
    }
    return items
  }

  /** *Errors*: E606, there is no URL, or it would lead to another server than the connector's. */
  #urlOf({ target }: Delivery): URL {
    const base = this.#base
    if (target === null) {
      if (base !== null) return base
      const advice = 'add `url` to the rule or to the connector'
      throw new TrestleError('E606', 'the rule names no URL and the connector has none', { detail: { advice } })
    }
    const absolute = /^https?:\/\//i.test(target)
    const text =
      absolute || base === null ? target : base.href.replace(/\/+$/, '') + (/^[/?]/.test(target) ? '' : '/') + target
    const url = URL.canParse(text) ? new URL(text) : null
    if (url === null || !/^https?:$/.test(url.protocol) || (base === null && !absolute)) {
      throw new TrestleError('E606', `\`${target}\` is not a URL`, { detail: { advice: 'a path, or http(s)://…' } })
    }
    if (base === null || (url.origin === base.origin && url.pathname.startsWith(base.pathname.replace(/\/+$/, ''))))
      return url
    const advice = `the connector sends to ${base.origin}${base.pathname} only; leave its \`url\` out to name whole URLs in rules`
    throw new TrestleError('E606', `\`${target}\` is somewhere else`, { detail: { advice } })
  }

  /** One request each, in order; after a failure the rest of the lane fails with it. */
  async #sendEach(lane: readonly Item[], receipts: Receipt[], untilMs: number): Promise<void> {
    let failed: Receipt | null = null
    for (const item of lane) {
      if (failed === null) {
        const { body, delivery, method, url } = item
        const receipt = await this.#attempt([item], untilMs, async () => {
          const own = headersFor(delivery, this.#context.hub, this.#options.mqtt_headers)
          const headers = ['content-type', body.contentType, ...own]
          return this.#client.ask({ url, method, headers, body: body.bytes })
        })
        receipts[item.at] = receipt.receipt
        if (receipt.receipt.outcome === 'failed') failed = receipt.receipt
      } else receipts[item.at] = failed
    }
  }

  /** One request for many. One that is refused for its content goes in halves, until the culprit stands alone. */
  async #sendTogether(
    lane: readonly Item[],
    kind: 'array' | 'ndjson',
    receipts: Receipt[],
    untilMs: number,
  ): Promise<boolean> {
    const first = lane[0]!
    const { bytes, contentType } = joinBodies(
      lane.map(({ body }) => body.bytes),
      kind,
    )
    const ids = lane.length === 1 ? first.delivery.id : `${first.delivery.id}..${lane.at(-1)!.delivery.id}`
    const { blamed, receipt } = await this.#attempt(lane, untilMs, async () => {
      const headers = ['content-type', contentType, 'idempotency-key', ids, 'trestle-id', ids]
      headers.push('trestle-hops', hopsThrough(first.delivery.message.properties, this.#context.hub))
      headers.push('trestle-count', String(lane.length))
      for (const [name, value] of first.delivery.headers) putHeader(headers, name, value)
      return this.#client.ask({ url: first.url, method: first.method, headers, body: bytes })
    })
    if (blamed && lane.length > 1) {
      const middle = lane.length >> 1
      const good = await this.#sendTogether(lane.slice(0, middle), kind, receipts, untilMs)
      if (good) return this.#sendTogether(lane.slice(middle), kind, receipts, untilMs)
      const error = new TrestleError('E607', 'what comes before it failed')
      for (const { at } of lane.slice(middle)) receipts[at] = notDelivered(error)
      return false
    }
    for (const { at } of lane) receipts[at] = receipt
    return receipt.outcome !== 'failed'
  }

  /** A request and what its answer means; `blamed`: the content is at fault. */
  async #attempt(
    items: readonly Item[],
    untilMs: number,
    ask: () => Promise<Answer>,
  ): Promise<{ receipt: Receipt; blamed: boolean }> {
    const { url } = items[0]!
    try {
      await this.#hold(url, untilMs)
      const answer = await ask()
      if (answer.status >= 200 && answer.status < 300) return { receipt: delivered, blamed: false }
      if (answer.retryAfterMs !== null) {
        this.#notBefore.set(url.origin, this.#context.now() + answer.retryAfterMs)
      }
      const error = fromStatus(answer.status, answer.said, `${url.host}${url.pathname}`, answer.retryAfterMs)
      return { receipt: notDelivered(error), blamed: blamesContent(answer.status) }
    } catch (thrown) {
      return { receipt: notDelivered(fromThrown(thrown, url.host)), blamed: false }
    }
  }

  /** Waits as the receiver wanted, when that is not long. *Errors*: E607. */
  async #hold(url: URL, untilMs: number): Promise<void> {
    const nowMs = this.#context.now()
    const waitMs = (this.#notBefore.get(url.origin) ?? 0) - nowMs
    if (waitMs <= 0 && nowMs < untilMs) return
    if (waitMs > maxHoldMs || nowMs + waitMs >= untilMs) {
      const words = waitMs > 0 ? `wants no request for another ${waitMs} ms` : 'is too slow for all of this batch'
      throw new TrestleError('E607', `${url.host} ${words}`, { detail: { retryAfterMs: Math.max(0, waitMs) } })
    }
    await new Promise((done) => setTimeout(done, waitMs))
  }
}

/** What of a delivery stands in the headers of a whole request. */
const groupOf = ({ headers, message }: Delivery): string => {
  const hops = message.properties?.user?.find(([name]) => name === 'trestle-hops')?.[1] ?? ''
  return headers.length === 0 && hops === ''
    ? ''
    : JSON.stringify([hops, headers.map(([name, value]) => [name, String(value)])])
}

/** Where one delivery failed, later ones of its order fail too; they may come twice then, under the same key. */
function failFollowers(batch: readonly Delivery[], receipts: Receipt[]): void {
  const failed = new Map<string, Receipt>()
  for (const [at, { orderKey }] of batch.entries()) {
    const receipt = receipts[at]!
    if (receipt.outcome === 'failed') {
      if (!failed.has(orderKey)) failed.set(orderKey, receipt)
    } else if (receipt.outcome === 'delivered' && failed.size > 0) receipts[at] = failed.get(orderKey) ?? receipt
  }
}
