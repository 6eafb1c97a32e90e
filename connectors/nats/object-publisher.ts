import type { ObjectStore } from '@nats-io/obj'
import { headers as newHeaders } from '@nats-io/transport-node'
import { asciiHeadersOf, type Delivery, notDelivered, type Receipt } from 'trestle/contract'
import type { Addresses } from './addresses.ts'
import type { NatsClient } from './client.ts'
import { fromThrown } from './errors.ts'
import { runsOf } from './runs.ts'

/** Runs under way at once: each object is a few round trips. */
const maxAtOnce = 8

/**
 * Puts each delivery as an object of a bucket; the same name again replaces it. `delivered` means that the stream behind
 * the bucket has all of its pieces and its description.
 */
export class ObjectPublisher {
  readonly #client: NatsClient
  readonly #store: ObjectStore
  readonly #addresses: Addresses
  readonly #hub: string

  constructor(client: NatsClient, store: ObjectStore, addresses: Addresses, hub: string) {
    this.#client = client
    this.#store = store
    this.#addresses = addresses
    this.#hub = hub
  }

  async send(batch: readonly Delivery[], receipts: Receipt[]): Promise<void> {
    const names = batch.map((delivery) => this.#addresses.nameOf(delivery))
    const runs = runsOf(batch, names)
    const worker = async (): Promise<void> => {
      for (let run = runs.pop(); run !== undefined; run = runs.pop())
        await this.#putRun(run.places, batch, names, receipts)
    }
    await Promise.all(Array.from({ length: maxAtOnce }, worker))
  }

  async #putRun(places: number[], batch: readonly Delivery[], names: string[], receipts: Receipt[]): Promise<void> {
    for (const [at, place] of places.entries()) {
      try {
        receipts[place] = await this.#put(batch[place]!, names[place]!)
      } catch (thrown) {
        const receipt = notDelivered(this.#client.lost ?? fromThrown(thrown, names[place]!))
        receipts[place] = receipt
        if (receipt.outcome === 'refused') continue
        for (const later of places.slice(at)) receipts[later] = receipt
        return
      }
    }
  }

  async #put(delivery: Delivery, name: string): Promise<Receipt> {
    const headers = newHeaders()
    for (const [header, value] of asciiHeadersOf(delivery, this.#hub)) headers.append(header, value)
    const info = await this.#store.putBlob({ name, headers }, delivery.payload)
    return { outcome: 'delivered', error: null, place: `${info.bucket}/${info.name}` }
  }
}
