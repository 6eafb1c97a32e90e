import type { Partitions } from './member-protocol.ts'
import type { Progress } from './progress.ts'
import type { RawBatch } from './record-batches.ts'
import { RecordCursor } from './record-cursor.ts'

/** One partition that is being read: what was fetched of it, and how far it was handed in. */
export class Feed {
  readonly topic: string
  readonly index: number
  readonly progress: Progress
  /** Fetched and not handed in, oldest first. */
  readonly queue: RawBatch[] = []
  queuedBytes = 0
  /** Stands in the oldest batch, once that is open. */
  readonly cursor = new RecordCursor()
  isOpen = false
  /** Offset of the next fetch. */
  fetchOffset: number
  /** Offset of the fetch that is under way; -1 when its answer is of no use any more. */
  asked = -1
  /** Another offset is being looked for. */
  seeking = false
  /** Node id; -1 while there is none. */
  leader = -1
  /** Where the log ends for a reader, and where it ends at all. */
  endOffset = -1
  highWatermark = -1
  /** When it last got on, or had nothing to get on with. */
  heardMs: number
  /** Since when a transaction that is open holds back what is in the log; told once. */
  openSinceMs: number
  openTold = false
  /** Revoked, lost or failed: nothing of it is handed in any more. */
  stopped = false
  /** What begins at this offset could not be read: it is fetched once more before that is believed. */
  doubted = -1

  constructor(topic: string, index: number, progress: Progress, nowMs: number) {
    this.topic = topic
    this.index = index
    this.progress = progress
    this.fetchOffset = progress.next
    this.heardMs = nowMs
    this.openSinceMs = nowMs
  }

  get place(): string {
    return `${this.topic}-${this.index}`
  }

  enqueue(batches: readonly RawBatch[], nextOffset: number): void {
    for (const batch of batches) {
      this.queue.push(batch)
      this.queuedBytes += batch.bytes.length
    }
    this.fetchOffset = nextOffset
  }

  /** Opens the oldest batch, whose records are these. */
  open(records: Buffer): void {
    this.cursor.open(this.topic, this.queue[0]!, records)
    this.isOpen = true
  }

  /** Is done with the oldest batch. */
  dequeue(): void {
    const batch = this.queue.shift()!
    this.queuedBytes -= batch.bytes.length
    this.progress.skipTo(batch.lastOffset + 1)
    if (batch.lastOffset >= this.doubted) this.doubted = -1
    this.#shut()
  }

  /** Forgets what was fetched; the next fetch begins at `offset`. */
  seek(offset: number): void {
    this.#empty()
    this.fetchOffset = offset
    this.asked = -1
    this.progress.next = offset
  }

  stop(): void {
    this.stopped = true
    this.#empty()
  }

  #empty(): void {
    this.queue.length = 0
    this.queuedBytes = 0
    this.#shut()
  }

  #shut(): void {
    this.isOpen = false
    this.cursor.release()
  }
}

/** The partitions that are being read, by their names. */
export class Feeds {
  readonly #feeds = new Map<string, Feed>()

  get all(): IterableIterator<Feed> {
    return this.#feeds.values()
  }

  get size(): number {
    return this.#feeds.size
  }

  get(topic: string, index: number): Feed | undefined {
    return this.#feeds.get(`${topic}:${index}`)
  }

  add(feed: Feed): void {
    this.#feeds.set(`${feed.topic}:${feed.index}`, feed)
  }

  /** Takes out those of `partitions`, or all. */
  take(partitions: Partitions | null): Feed[] {
    const taken = [...this.#feeds.values()].filter(
      ({ topic, index }) => partitions === null || partitions.get(topic)?.includes(index),
    )
    for (const { topic, index } of taken) this.#feeds.delete(`${topic}:${index}`)
    return taken
  }

  partitions(): Map<string, number[]> {
    const partitions = new Map<string, number[]>()
    for (const { topic, index } of this.#feeds.values()) {
      const indexes = partitions.get(topic)
      if (indexes === undefined) partitions.set(topic, [index])
      else indexes.push(index)
    }
    return partitions
  }
}
