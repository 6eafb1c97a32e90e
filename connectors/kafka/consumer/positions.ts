import { type ConnectorContext, TrestleError } from 'trestle/contract'
import type { KafkaSourceOptions } from '../source-options.ts'
import { beginning, type Cluster, end, type Wanted } from './cluster.ts'
import type { Coordinator, StoredOffset } from './coordinator.ts'
import type { Feed } from './feed.ts'
import type { Partitions } from './member-protocol.ts'
import { Progress } from './progress.ts'
import { parseStart, type Start } from './start.ts'

/**
 * What an earlier source of this process left: handed in, perhaps answered since, perhaps not stored. A new one goes on
 * there instead of reading twice, unless somebody else has moved what is stored. Keyed by folder, group and partition.
 */
const leftBehind = new Map<string, Progress>()
/** Partitions begun in this process. */
const begun = new Set<string>()

/** Finds out where to begin with partitions. */
export class Positions {
  readonly #options: KafkaSourceOptions
  readonly #context: ConnectorContext
  readonly #coordinator: Coordinator
  readonly #cluster: Cluster
  readonly #start: Start

  /** *Errors*: E104, a start that cannot be. */
  constructor(options: KafkaSourceOptions, context: ConnectorContext, coordinator: Coordinator, cluster: Cluster) {
    this.#options = options
    this.#context = context
    this.#coordinator = coordinator
    this.#cluster = cluster
    const start = parseStart(options.start)
    if (start === null) throw new TrestleError('E104', `start: ${options.start} is not a time`)
    this.#start = start
  }

  /**
   * Where each begins. `isLater` says which topics and partitions came while the source was running.
   *
   * *Errors*: those of the connection; E604, nothing is stored and `start: stored`.
   */
  async of(partitions: Partitions, isLater: (topic: string, index: number) => boolean): Promise<Map<string, Progress>> {
    const progress = new Map<string, Progress>()
    const unknown: StoredOffset[] = []
    for (const stored of await this.#coordinator.stored(partitions)) {
      const { topic, index, offset } = stored
      const key = this.#key(topic, index)
      const left = leftBehind.get(key)
      leftBehind.delete(key)
      if (left !== undefined && (offset === left.committed || offset === left.attempted)) {
        await left.rest(this.#options.settle_wait_ms)
        progress.set(`${topic}:${index}`, new Progress(left.done, offset))
      } else if (offset >= 0 && (this.#options.resume || begun.has(key))) {
        progress.set(`${topic}:${index}`, new Progress(offset, offset))
      } else unknown.push(stored)
      begun.add(key)
    }
    if (unknown.length > 0) await this.#begin(unknown, isLater, progress)
    return progress
  }

  /** Keeps what is known of a partition that is no longer read here. */
  leave({ topic, index, progress }: Feed): void {
    leftBehind.set(this.#key(topic, index), progress)
  }

  async #begin(
    unknown: readonly StoredOffset[],
    isLater: (topic: string, index: number) => boolean,
    progress: Map<string, Progress>,
  ): Promise<void> {
    const wanted: Wanted[] = []
    for (const { topic, index } of unknown) {
      const start = isLater(topic, index) ? fromBeginning : this.#start
      if (start.kind === 'stored') throw this.#nothingStored(topic, index)
      if (start.kind === 'moment') wanted.push({ topic, index, timeMs: start.timeMs })
    }
    const moments = await this.#cluster.offsets(wanted)
    const first = await this.#bounds(wanted, beginning)
    const last = await this.#bounds(wanted, end)
    for (const { topic, index, offset: stored } of unknown) {
      const place = `${topic}:${index}`
      const start = isLater(topic, index) ? fromBeginning : this.#start
      let offset = start.kind === 'offset' ? start.offset : moments.get(place)!
      if (start.kind === 'moment' && start.count !== 0) {
        offset = Math.min(Math.max(offset + start.count, first.get(place)!), last.get(place)!)
      }
      progress.set(place, new Progress(offset, stored))
    }
  }

  /** The ends of the logs, where a start counts from one of them. */
  async #bounds(wanted: readonly Wanted[], timeMs: number): Promise<Map<string, number>> {
    if (this.#start.kind !== 'moment' || this.#start.count === 0) return new Map()
    return this.#cluster.offsets(wanted.map((one) => ({ ...one, timeMs })))
  }

  #nothingStored(topic: string, index: number): TrestleError {
    const message = `group ${this.#options.group} has stored no offset for ${topic}-${index}`
    return new TrestleError('E604', message, { detail: { advice: 'set start to where it shall begin' } })
  }

  #key(topic: string, index: number): string {
    return `${this.#context.folder}\0${this.#options.group}\0${topic}\0${index}`
  }
}

const fromBeginning: Start = { kind: 'moment', timeMs: beginning, count: 0 }
