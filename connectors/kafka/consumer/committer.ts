import { TrestleError } from 'trestle/contract'
import type { Coordinator, Membership, StoredOffset } from './coordinator.ts'
import type { Feed, Feeds } from './feed.ts'

/** A coordinator that is not reached so many times in a row is lost. */
const maxMisses = 5

/** Stores in the group what the hub has answered: now and then, and at once when a partition is given away. */
export class Committer {
  readonly #coordinator: Coordinator
  readonly #feeds: Feeds
  readonly #membership: () => Membership
  readonly #failed: (error: TrestleError) => void
  #timer: NodeJS.Timeout | null = null
  /** One request at a time: an older one must not come after a newer. */
  #committing: Promise<void> = Promise.resolve()
  #waiting = false
  #misses = 0

  constructor(
    coordinator: Coordinator,
    feeds: Feeds,
    membership: () => Membership,
    failed: (error: TrestleError) => void,
  ) {
    this.#coordinator = coordinator
    this.#feeds = feeds
    this.#membership = membership
    this.#failed = failed
  }

  start(everyMs: number): void {
    this.#timer = setInterval(() => this.#tick(), Math.max(1, everyMs))
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  /** Stores how far these are answered. *Errors*: those of the connection; E603. */
  commit(feeds: Iterable<Feed>): Promise<void> {
    const committing = this.#committing.then(() => this.#store(feeds))
    this.#committing = committing.catch(() => {
      // Who asked for it hears of it; the next one is not concerned.
    })
    return committing
  }

  #tick(): void {
    if (this.#waiting) return
    this.#waiting = true
    this.commit(this.#feeds.all)
      .then(
        () => {
          this.#misses = 0
        },
        (thrown: unknown) => {
          const error = TrestleError.from(thrown, 'E608')
          const isLost = error.code !== 'E601' || ++this.#misses >= maxMisses
          if (isLost && this.#timer !== null) this.#failed(error)
        },
      )
      .finally(() => {
        this.#waiting = false
      })
  }

  async #store(feeds: Iterable<Feed>): Promise<void> {
    const moved = new Map<StoredOffset, Feed>()
    for (const feed of feeds) {
      const { done, committed } = feed.progress
      if (done !== committed) moved.set({ topic: feed.topic, index: feed.index, offset: done }, feed)
    }
    if (moved.size === 0) return
    for (const [{ offset }, { progress }] of moved) progress.attempted = offset
    for (const stored of await this.#coordinator.commit(this.#membership(), [...moved.keys()])) {
      moved.get(stored)!.progress.committed = stored.offset
    }
  }
}
