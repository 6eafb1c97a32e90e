import { type Delivery, TrestleError, textHeadersOf } from 'trestle/contract'
import type { PulsarOptions } from './options.ts'
import { PropertiesWriter } from './properties.ts'
import { compress } from './protocol/compression/compression.ts'
import { PayloadWriter } from './protocol/producer/payload-writer.ts'
import type { OutgoingEntry } from './protocol/producer/send-frame.ts'
import type { MessageMetadata } from './protocol/wire/entry.ts'
import { compressionTypes } from './protocol/wire/entry.ts'

/** One entry and whose it is. */
export interface Lot {
  /** Places in the batch, in the order of their numbers. */
  readonly queue: readonly number[]
  readonly entry: OutgoingEntry
  /** It had these numbers before: the broker may have it. */
  readonly isRepeat: boolean
}

/** Room for what the metadata of a batch takes. */
const metadataRoomBytes = 4096

/**
 * Makes entries of deliveries: gathers what may share an entry, up to the size a broker takes.
 *
 * Messages of an entry share the time it is delivered at and where it is replicated to, and with `batching: key` the key.
 * With `batching: none` a message is an entry, in the form that has no batch around it.
 */
export class LotMaker {
  readonly #options: PulsarOptions
  readonly #hub: string
  readonly #payloads = new PayloadWriter()
  readonly #properties: PropertiesWriter
  readonly #compression: number
  readonly #common: Partial<MessageMetadata>

  constructor(options: PulsarOptions, hub: string) {
    this.#options = options
    this.#hub = hub
    this.#properties = new PropertiesWriter(hub, options.mqtt_properties)
    this.#compression = compressionTypes[options.compression]
    const { schema_version: version } = options
    this.#common = version === undefined ? {} : { schemaVersion: schemaVersionBytes(version) }
  }

  /** Forgets all payloads. `isSent` false: some may still be on their way, so that their bytes are left alone. */
  reset(isSent: boolean): void {
    if (isSent) this.#payloads.reset()
    else this.#payloads.renew()
  }

  /** *Errors*: E606 for options that cannot be. */
  check(delivery: Delivery): void {
    if (delivery.options !== null) deliverAtOf(delivery.options, delivery.message.timeMs)
  }

  /** Sorts a queue into queues whose messages may share an entry; each keeps its order. */
  group(queue: number[], batch: readonly Delivery[]): readonly number[][] {
    const { batching } = this.#options
    if (batching === 'none') return queue.map((at) => [at])
    if (batching === 'default') return runsOf(queue, batch)
    const byKey = new Map<string, number[]>()
    for (const at of queue) {
      const key = stickyKeyOf(batch[at]!)
      const group = byKey.get(key)
      if (group === undefined) byKey.set(key, [at])
      else group.push(at)
    }
    return [...byKey.values()].flatMap((group) => runsOf(group, batch))
  }

  /**
   * The entry of as many of `queue` from `from` on as fit. `numbers` are those they had, or the first new one.
   *
   * *Errors*: E605 when not even one fits, E606 for options that cannot be.
   */
  make(
    queue: readonly number[],
    from: number,
    batch: readonly Delivery[],
    numbers: readonly number[] | number,
    limits: { count: number; bytes: number },
  ): Lot {
    const numberOf = (at: number): number => (typeof numbers === 'number' ? numbers + at - from : numbers[at]!)
    const isRepeat = typeof numbers !== 'number'
    const head = batch[queue[from]!]!
    if (this.#options.batching === 'none') return this.#alone(queue, from, head, numberOf(from), isRepeat, limits.bytes)
    const payloads = this.#payloads
    payloads.begin()
    const maxBytes = limits.bytes - metadataRoomBytes
    const end = Math.min(queue.length, from + limits.count)
    let at = from
    for (; at < end; at++) {
      const delivery = batch[queue[at]!]!
      payloads.beginMessage()
      this.#properties.write(payloads, delivery)
      const orderingKey = orderingKeyOf(delivery)
      payloads.endMessage(delivery.key, orderingKey, delivery.message.timeMs, numberOf(at), delivery.payload)
      if (at > from && payloads.sizeBytes > maxBytes) {
        payloads.dropMessage()
        break
      }
    }
    const raw = payloads.end()
    const metadata = this.#metadata(head, raw.length)
    const keyed = this.#options.batching === 'key' ? { ...keysOf(head), ...metadata } : metadata
    const payload = compress(this.#compression, raw)
    checkSize(payload.length, limits.bytes - metadataRoomBytes)
    return {
      queue: from === 0 && at === queue.length ? queue : queue.slice(from, at),
      isRepeat,
      entry: {
        firstSequenceId: numberOf(from),
        lastSequenceId: numberOf(at - 1),
        count: at - from,
        payload,
        metadata: { ...keyed, messageCount: at - from },
      },
    }
  }

  #alone(
    queue: readonly number[],
    from: number,
    delivery: Delivery,
    number: number,
    isRepeat: boolean,
    maxBytes: number,
  ): Lot {
    const headers = this.#options.mqtt_properties
      ? textHeadersOf(delivery, this.#hub)
      : textHeadersOf(delivery, this.#hub).filter(([name]) => name.startsWith('trestle-') || isOfRule(delivery, name))
    const metadata = {
      ...this.#metadata(delivery, delivery.payload.length),
      ...keysOf(delivery),
      properties: headers.map(([key, value]) => ({ key, value })),
      eventTimeMs: delivery.message.timeMs,
    }
    const payload = compress(this.#compression, delivery.payload)
    const room = headers.reduce((sum, [name, value]) => sum + (name.length + value.length) * 3 + 8, metadataRoomBytes)
    checkSize(payload.length, maxBytes - room)
    return {
      queue: [queue[from]!],
      isRepeat,
      entry: { firstSequenceId: number, lastSequenceId: number, count: 1, payload, metadata },
    }
  }

  #metadata({ options, message }: Delivery, rawBytes: number): Partial<MessageMetadata> {
    const deliverAtMs = options === null ? null : deliverAtOf(options, message.timeMs)
    const replicateTo = options?.['replicate_to'] ?? this.#options.replicate_to
    return {
      ...this.#common,
      publishTimeMs: Date.now(),
      ...(this.#compression === 0 ? {} : { compression: this.#compression, uncompressedBytes: rawBytes }),
      ...(Array.isArray(replicateTo) ? { replicateTo: replicateTo.map(String) } : {}),
      ...(deliverAtMs === null ? {} : { deliverAtMs }),
    }
  }
}

/** Cuts a queue where what an entry has in common changes. */
function runsOf(queue: number[], batch: readonly Delivery[]): number[][] {
  if (queue.every((at) => batch[at]!.options === null)) return [queue]
  const runs: number[][] = []
  let before: string | null = null
  for (const at of queue) {
    const { options, message } = batch[at]!
    const shared = options === null ? '' : `${deliverAtOf(options, message.timeMs)} ${String(options['replicate_to'])}`
    if (shared === before) runs.at(-1)!.push(at)
    else runs.push([at])
    before = shared
  }
  return runs
}

const isOfRule = ({ headers }: Delivery, name: string): boolean => headers.some(([given]) => given === name)

function orderingKeyOf({ options }: Delivery): string | null {
  const key = options?.['ordering_key']
  return key === undefined || key === null ? null : String(key)
}

const stickyKeyOf = (delivery: Delivery): string => orderingKeyOf(delivery) ?? delivery.key ?? delivery.orderKey

function keysOf(delivery: Delivery): Partial<MessageMetadata> {
  const orderingKey = orderingKeyOf(delivery)
  return {
    ...(delivery.key === null ? {} : { partitionKey: delivery.key }),
    ...(orderingKey === null ? {} : { orderingKey: Buffer.from(orderingKey) }),
  }
}

/** *Errors*: E606. */
function deliverAtOf(options: Readonly<Record<string, unknown>>, arrivalMs: number): number | null {
  const { deliver_at: at, deliver_after_ms: afterMs } = options
  if (afterMs !== undefined && afterMs !== null) {
    const wait = Number(afterMs)
    if (Number.isFinite(wait) && wait >= 0) return Math.round(arrivalMs + wait)
    throw new TrestleError('E606', `deliver_after_ms: ${String(afterMs)} is not a number of milliseconds`)
  }
  if (at === undefined || at === null) return null
  const number = Number(at)
  const atMs = Number.isFinite(number) ? number : Date.parse(String(at))
  if (Number.isFinite(atMs) && atMs >= 0) return Math.round(atMs)
  throw new TrestleError('E606', `deliver_at: ${String(at)} is neither milliseconds since the epoch nor a date`)
}

function checkSize(sizeBytes: number, maxBytes: number): void {
  if (sizeBytes <= maxBytes) return
  const advice = 'raise maxMessageSize of the brokers, compress, or send less'
  throw new TrestleError('E605', `a message of ${sizeBytes} bytes is above what the broker takes (${maxBytes})`, {
    detail: { advice },
  })
}

function schemaVersionBytes(version: number): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(version))
  return bytes
}
