import {
  type BatchLimits,
  type ConnectorContext,
  type Delivery,
  notDelivered,
  type Receipt,
  type Sink,
  TrestleError,
} from 'trestle/contract'
import { Addresses } from './addresses.ts'
import { NatsClient } from './client.ts'
import { CorePublisher } from './core-publisher.ts'
import { ObjectPublisher } from './object-publisher.ts'
import type { NatsOptions } from './options.ts'
import { Publisher } from './publisher.ts'
import { ReadBack } from './read-back.ts'
import { needKeyValues, needObjects, needStream } from './streams.ts'

/** Sends one batch whose addresses are known: a place without address is left alone, the others get their Receipts. */
type Send = (batch: readonly Delivery[], addresses: readonly (string | null)[], receipts: Receipt[]) => Promise<void>

/** NATS as a sink: finds the address of each delivery and lets the publisher of its mode send it. */
export class NatsSink implements Sink {
  readonly ordering = 'key'
  readonly limits: BatchLimits
  readonly #options: NatsOptions
  readonly #context: ConnectorContext
  #client: NatsClient | null = null
  #addresses: Addresses
  #back: ReadBack | null = null
  #send: Send | null = null
  #publisher: Publisher | null = null
  #closed = false

  constructor(options: NatsOptions, context: ConnectorContext) {
    this.#options = options
    this.#context = context
    this.#addresses = new Addresses(options)
    this.limits = { count: options.batch_count, bytes: options.batch_bytes, lingerMs: options.linger_ms }
  }

  async open(): Promise<void> {
    const { mode } = this.#options
    const { hub } = this.#context
    const client = await NatsClient.open(this.#options, this.#context)
    if (this.#closed) {
      await client.close()
      throw new TrestleError('E601', 'the sink was closed while it opened')
    }
    this.#client = client
    if (client.connection.info?.headers !== true) throw tooOld(client)
    if (mode === 'core') {
      const publisher = new CorePublisher(client, this.#options, hub)
      this.#send = (batch, subjects, receipts) => publisher.send(batch, subjects, receipts)
    } else if (mode === 'object') {
      const store = await needObjects(client, this.#options)
      const publisher = new ObjectPublisher(client, store, this.#addresses, hub)
      this.#send = (batch, _, receipts) => publisher.send(batch, receipts)
    } else await this.#openStream(client, hub)
  }

  async #openStream(client: NatsClient, hub: string): Promise<void> {
    const publisher = new Publisher(client, this.#options, hub)
    this.#publisher = publisher
    await publisher.open()
    if (this.#options.mode === 'kv') {
      const name = this.#options.bucket?.name
      const before = await this.#unlessForbidden(() => needKeyValues(client, this.#options))
      this.#addresses = new Addresses(this.#options, before ?? `$KV.${name}.`)
    } else {
      const info = await this.#unlessForbidden(async () => {
        const needed = await needStream(client, this.#options)
        if (needed === null) await client.manager()
        return needed
      })
      if (info !== null) {
        this.#back = await ReadBack.of(client, this.#options, info, hub).catch((thrown: TrestleError) => {
          // A stream of which one may only write: the duplicate window has to do.
          this.#context.log('warn', 'nats.not-read-back', { stream: info.config.name, message: thrown.message })
          return null
        })
      }
    }
    this.#send = (batch, subjects, receipts) => publisher.send(batch, subjects, receipts)
  }

  /** A user who may publish, but not ask what is there, finds out by publishing. */
  async #unlessForbidden<T>(look: () => Promise<T | null>): Promise<T | null> {
    try {
      return await look()
    } catch (thrown) {
      const error = thrown as TrestleError
      if (error.code !== 'E603' || !String(error.detail?.place).startsWith('$JS.')) throw thrown
      this.#context.log('warn', 'nats.not-checked', { message: error.message })
      return null
    }
  }

  async deliver(batch: readonly Delivery[]): Promise<readonly Receipt[]> {
    const client = this.#client
    const send = this.#send
    if (client === null || send === null) throw new TrestleError('E601', 'the sink is not open')
    if (client.lost !== null) throw client.lost
    const receipts = new Array<Receipt>(batch.length)
    await send(batch, this.#sort(batch, receipts), receipts)
    return receipts
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#closed = true
    this.#client = null
    this.#send = null
    this.#publisher?.close()
    this.#publisher = null
    await client?.close()
  }

  /** The address of each delivery; those that have none, or are stored already, get their Receipts here. */
  #sort(batch: readonly Delivery[], receipts: Receipt[]): (string | null)[] {
    const addresses = new Array<string | null>(batch.length).fill(null)
    if (this.#options.mode === 'object') return addresses
    for (let at = 0; at < batch.length; at++) {
      const delivery = batch[at]!
      const stored = this.#back?.find(delivery) ?? null
      const address = stored === null ? this.#addresses.of(delivery) : null
      if (stored !== null) receipts[at] = stored
      else if (typeof address === 'string') addresses[at] = address
      else receipts[at] = notDelivered(address!)
    }
    return addresses
  }
}

const tooOld = (client: NatsClient): TrestleError =>
  new TrestleError('E611', `${client.place}: nats-server ${client.connection.info?.version} has no headers`, {
    detail: { place: client.place, advice: 'nats-server 2.2 or newer is needed, with headers allowed' },
  })
