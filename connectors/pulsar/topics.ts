import type { TrestleError } from 'trestle/contract'
import { asLater, fromFault } from './errors.ts'
import { hashes } from './hashing.ts'
import type { PulsarOptions } from './options.ts'
import type { Outlet } from './outlet.ts'
import type { PulsarClient } from './protocol/client.ts'
import { PulsarFault } from './protocol/fault.ts'
import { parseTopicName, partitionName } from './protocol/topic-name.ts'

/** A topic as rules name it, and where what goes to it is written. */
export interface Topic {
  readonly name: string
  /** One for each partition, or one for the topic itself. */
  outlets: Outlet[]
  /** Why nothing can be written to it now. */
  fault: TrestleError | null
  /** When it must be asked for again. *Unit*: ms since the epoch. */
  staleMs: number
}

/** Partitions may be added at any time. */
const freshForMs = 60_000
const faultForMs = 500

/** What is known of the topics; it asks the brokers for what is not known or no longer fresh. */
export class Topics {
  readonly #client: PulsarClient
  readonly #now: () => number
  readonly #hash: (text: string) => number
  readonly #makeOutlet: (topic: string) => Outlet
  readonly #known = new Map<string, Topic>()
  /** By full name: two names of a rule may mean the same. */
  readonly #outlets = new Map<string, Outlet>()

  constructor(
    client: PulsarClient,
    hashing: PulsarOptions['hashing'],
    now: () => number,
    makeOutlet: (topic: string) => Outlet,
  ) {
    this.#client = client
    this.#hash = hashes[hashing]
    this.#now = now
    this.#makeOutlet = makeOutlet
  }

  /** The topic when it is known and fresh, even if what is known is a fault. */
  fresh(name: string, nowMs: number): Topic | undefined {
    const topic = this.#known.get(name)
    return topic !== undefined && topic.staleMs > nowMs ? topic : undefined
  }

  /** The topic after `learn`. */
  get(name: string): Topic {
    return this.#known.get(name)!
  }

  /** Asks the brokers. *Errors*: those of the connection; a topic's own fault stays with the topic. */
  async learn(names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.#learn(name)))
  }

  /** Where a message of this key goes. */
  outletOf(topic: Topic, key: string): Outlet {
    const { outlets } = topic
    return outlets.length === 1 ? outlets[0]! : outlets[this.#hash(key) % outlets.length]!
  }

  /** Forgets the topics that lead to this outlet, which was closed. */
  forget(outlet: Outlet): void {
    this.#outlets.delete(outlet.topic)
    for (const [name, { outlets }] of this.#known) if (outlets.includes(outlet)) this.#known.delete(name)
  }

  async #learn(name: string): Promise<void> {
    let topic = this.#known.get(name)
    if (topic === undefined) {
      topic = { name, outlets: [], fault: null, staleMs: 0 }
      this.#known.set(name, topic)
    }
    try {
      const { full, partition } = parseTopicName(name)
      const count = partition >= 0 ? 0 : await this.#client.partitionsOf(full)
      const names = count === 0 ? [full] : Array.from({ length: count }, (_, index) => partitionName(full, index))
      topic.outlets = names.map((one) => this.#outlet(one))
      topic.fault = null
      topic.staleMs = this.#now() + freshForMs
    } catch (thrown) {
      const isItsOwn = thrown instanceof PulsarFault && (thrown.kind === 'server' || thrown.kind === 'usage')
      if (!isItsOwn) throw thrown
      topic.fault = asLater(fromFault(thrown, name))
      topic.staleMs = this.#now() + faultForMs
    }
  }

  #outlet(full: string): Outlet {
    let outlet = this.#outlets.get(full)
    if (outlet === undefined) {
      outlet = this.#makeOutlet(full)
      this.#outlets.set(full, outlet)
    }
    return outlet
  }
}
