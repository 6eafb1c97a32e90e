import type { KafkaSourceOptions } from '../source-options.ts'
import { difference } from './assignors.ts'
import type { Cluster } from './cluster.ts'
import type { Partitions } from './member-protocol.ts'

/**
 * Topic to number of partitions at the first look of this process, by source: what is there later and not in it came
 * while the source ran.
 */
const firstLooks = new Map<string, ReadonlyMap<string, number>>()

/** Which topics the source reads: those that are named, and those that fit its patterns as time goes on. */
export class Selection {
  readonly #cluster: Cluster
  readonly #options: KafkaSourceOptions
  readonly #key: string
  /** Topic to number of partitions at the last look. */
  #counts = new Map<string, number>()

  constructor(cluster: Cluster, options: KafkaSourceOptions, folder: string) {
    this.#cluster = cluster
    this.#options = options
    this.#key = [folder, options.group, ...options.topics].join('\0')
  }

  /** The partitions are named, not shared with a group. */
  get isByHand(): boolean {
    const { start_partition, stop_partition } = this.#options
    return start_partition !== undefined || stop_partition !== undefined
  }

  get topics(): readonly string[] {
    return [...this.#counts.keys()]
  }

  /** *Errors*: those of the connection; E603 and E604 of a topic that is named. */
  async look(): Promise<void> {
    const counts = new Map<string, number>()
    for (const [topic, { leaders }] of await this.#cluster.select(this.#options.topics)) {
      counts.set(topic, leaders.length)
    }
    this.#counts = counts
    if (!firstLooks.has(this.#key)) firstLooks.set(this.#key, counts)
  }

  /** How many partitions topics have, also those of other members. */
  async counts(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const found = await this.#cluster.look(topics)
    return new Map(
      [...found].filter(([, { leaders }]) => leaders.length > 0).map(([name, { leaders }]) => [name, leaders.length]),
    )
  }

  /** It came while the source was running. */
  isLater(topic: string, index: number): boolean {
    return index >= (firstLooks.get(this.#key)?.get(topic) ?? 0)
  }

  /** What is to be read by hand and is not read yet. */
  missing(read: Partitions): Map<string, number[]> {
    const { start_partition = 0, stop_partition = -1 } = this.#options
    const wanted = new Map<string, number[]>()
    for (const [topic, count] of this.#counts) {
      const last = stop_partition < 0 ? count - 1 : Math.min(stop_partition, count - 1)
      const indexes = Array.from({ length: Math.max(0, last - start_partition + 1) }, (_, at) => start_partition + at)
      if (indexes.length > 0) wanted.set(topic, indexes)
    }
    return difference(wanted, read)
  }
}
