import { type ConnectorContext, TrestleError } from 'trestle/contract'
import { fromKafkaCode } from '../errors.ts'
import type { KafkaSourceOptions } from '../source-options.ts'
import { beginning, type Cluster, end } from './cluster.ts'
import type { Committer } from './committer.ts'
import { Feed, type Feeds } from './feed.ts'
import type { Fetcher } from './fetcher.ts'
import type { Partitions } from './member-protocol.ts'
import type { Positions } from './positions.ts'

export interface ReadingParts {
  options: KafkaSourceOptions
  context: ConnectorContext
  feeds: Feeds
  cluster: Cluster
  positions: Positions
  committer: Committer
  fetcher: Fetcher
  /** It came while the source was open. */
  isLater(topic: string, index: number): boolean
  failed(error: TrestleError): void
}

const outOfRange = 1

/** Begins to read partitions, gives them up in an orderly way, and decides where to go on when one cannot be read. */
export class Reading {
  readonly #parts: ReadingParts
  #left = false

  constructor(parts: ReadingParts) {
    this.#parts = parts
  }

  /** *Errors*: those of the connection; E603, E604, E607. */
  async begin(partitions: Partitions): Promise<void> {
    const { cluster, committer, feeds, fetcher, isLater, positions } = this.#parts
    if (partitions.size === 0) return
    await cluster.look([...partitions.keys()])
    const progress = await positions.of(partitions, isLater)
    if (this.#left) return
    const begun: Feed[] = []
    for (const [topic, indexes] of partitions) {
      for (const index of indexes) {
        const feed = new Feed(topic, index, progress.get(`${topic}:${index}`)!, Date.now())
        feeds.add(feed)
        begun.push(feed)
      }
    }
    fetcher.follow()
    // An end is where it is now, also for who comes after a restart before the first record.
    await committer.commit(begun)
  }

  /** Stops reading these, waits for their answers as long as is allowed, and stores how far they came. */
  async revoke(partitions: Partitions): Promise<void> {
    const { committer, context, options } = this.#parts
    const feeds = this.#stop(partitions)
    const rested = await Promise.all(feeds.map(({ progress }) => progress.rest(options.settle_wait_ms)))
    const open = feeds.filter((_, at) => !rested[at]).map(({ place }) => place)
    if (open.length > 0) context.log('warn', 'kafka.given-away-unanswered', { partitions: open.join(' ') })
    await committer.commit(feeds)
  }

  /** Others may read them already: nothing is stored any more. */
  drop(): void {
    const feeds = this.#stop(null)
    if (feeds.length > 0) this.#parts.context.log('warn', 'kafka.partitions-lost', { count: feeds.length })
  }

  /** The source ends. */
  leave(): void {
    this.#left = true
    this.#stop(null)
  }

  /** Goes on where the option says; the log no longer has what was asked for, or not yet. */
  async outOfRange(feed: Feed): Promise<void> {
    const { cluster, context, options } = this.#parts
    if (options.on_out_of_range === 'fail') throw fromKafkaCode(outOfRange, null, `${feed.place}@${feed.fetchOffset}`)
    const timeMs = options.on_out_of_range === 'end' ? end : beginning
    const { topic, index, fetchOffset, place } = feed
    const offsets = await cluster.offsets([{ topic, index, timeMs }])
    const offset = offsets.get(`${topic}:${index}`)!
    if (feed.stopped) return
    const skipped = offset > fetchOffset ? offset - fetchOffset : 0
    context.log('warn', 'kafka.out-of-range', { partition: place, offset: fetchOffset, now: offset, skipped })
    feed.seek(offset)
  }

  /** Fetches it once more; when it still cannot be read, stops or skips, as the option says. */
  unreadable(feed: Feed, offset: number, error: TrestleError): void {
    const { context, failed, fetcher, options } = this.#parts
    if (feed.stopped) return
    if (feed.doubted !== offset) {
      feed.doubted = offset
      feed.seek(feed.progress.next)
      fetcher.wake()
      return
    }
    const message = `${feed.place}@${offset}: ${error.message}`
    if (options.on_corrupt === 'fail') {
      feed.stop()
      failed(new TrestleError(error.code, message, { retry: error.retry, detail: error.detail, cause: error }))
      return
    }
    const batch = feed.queue[0]
    const next = batch?.baseOffset === offset ? batch.lastOffset + 1 : offset + 1
    context.log('warn', 'kafka.skipped-corrupt', { partition: feed.place, offset, now: next, why: error.message })
    feed.seek(Math.max(next, feed.progress.next))
    fetcher.wake()
  }

  #stop(partitions: Partitions | null): Feed[] {
    const { feeds, positions } = this.#parts
    const stopped = feeds.take(partitions)
    for (const feed of stopped) {
      feed.stop()
      positions.leave(feed)
    }
    return stopped
  }
}
