import type { CursorFile } from '../outbox/cursor.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { BridgeTiming } from './boundary.ts'

/** What is to be kept of one sink. */
export interface KeptSink {
  readonly name: string
  readonly outbox: Outbox
  readonly cursor: CursorFile
  /** Deliveries ever owed to it, cheaply; null when only reading the journal can tell. */
  readonly owedCount: (() => number) | null
}

interface Kept extends KeptSink {
  settled: number
  position: number
  writtenMs: number
  peekedMs: number
  /** Position of what was written and not synced; -1 when all is synced. */
  unsynced: number
  syncing: boolean
  syncedMs: number
  safePosition: number
}

/**
 * Keeps the cursors of all sinks on disk and says how far the journal is no longer needed.
 *
 * Written soon after they change, synced now and then; only what is synced counts for the low-water mark, because
 * segments below it are gone for good. A process that is killed between costs deliveries that are sent once more.
 */
export class CursorKeeper {
  readonly #kept: Kept[] = []
  readonly #timing: BridgeTiming
  readonly #tail: () => number
  readonly #onLowWater: (position: number) => void
  readonly #onError: (sink: string, error: Error) => void
  #lowWater = 0
  /** A sink whose cursor could not be opened holds everything. */
  #blocked = false
  #timer: NodeJS.Timeout | null = null
  #closed = false

  constructor(options: {
    timing: BridgeTiming
    tail: () => number
    onLowWater: (position: number) => void
    onError: (sink: string, error: Error) => void
  }) {
    this.#timing = options.timing
    this.#tail = options.tail
    this.#onLowWater = options.onLowWater
    this.#onError = options.onError
  }

  add(sink: KeptSink): void {
    const position = sink.cursor.found?.position ?? 0
    const nowMs = performance.now()
    this.#kept.push({
      ...sink,
      settled: sink.outbox.settledCount,
      position,
      writtenMs: nowMs,
      peekedMs: Number.NEGATIVE_INFINITY,
      unsynced: -1,
      syncing: false,
      syncedMs: 0,
      safePosition: position,
    })
  }

  /** There is a sink of which nothing is known: no segment may go. */
  block(): void {
    this.#blocked = true
  }

  /** Tells what the last run left, and looks for what was appended since. */
  start(): void {
    this.#tellLowWater()
    this.touch()
  }

  /** Something may have changed. */
  touch(): void {
    if (!this.#closed) this.#timer ??= setTimeout(() => this.#tick(), this.#timing.cursorWriteMs)
  }

  /** Writes and syncs all there is. */
  async flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    await Promise.all(
      this.#kept.map(async (kept) => {
        try {
          // A sync under way holds the file; what it does not cover is written after it.
          await kept.cursor.sync()
          this.#write(kept, performance.now())
          await this.#sync(kept)
        } catch (thrown) {
          this.#onError(kept.name, thrown as Error)
        }
      }),
    )
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.flush()
    for (const { cursor, outbox } of this.#kept) {
      outbox.close()
      await cursor.close()
    }
  }

  #tick(): void {
    this.#timer = null
    const nowMs = performance.now()
    let more = false
    for (const kept of this.#kept) more = this.#keep(kept, nowMs) || more
    if (more) this.touch()
  }

  /** True when there is something left to do for it. */
  #keep(kept: Kept, nowMs: number): boolean {
    const { cursorMoveMs, cursorSyncMs } = this.#timing
    try {
      const behind = this.#peek(kept, nowMs)
      const moved = kept.outbox.position !== kept.position
      const due = kept.outbox.settledCount !== kept.settled || (moved && nowMs - kept.writtenMs >= cursorMoveMs)
      if (due) this.#write(kept, nowMs)
      if (kept.unsynced >= 0 && !kept.syncing && nowMs - kept.syncedMs >= cursorSyncMs)
        this.#sync(kept).catch((thrown) => this.#onError(kept.name, thrown as Error))
      return behind || moved || kept.unsynced >= 0 || kept.outbox.settledCount !== kept.settled
    } catch (thrown) {
      this.#onError(kept.name, thrown as Error)
      return true
    }
  }

  /**
   * Looks what is next for a sink, as nobody may be claiming. One that is owed nothing more is only moved on past what
   * others are owed: that costs reading, and serves the low-water mark alone, so it is done seldom. True when it is behind.
   */
  #peek(kept: Kept, nowMs: number): boolean {
    const { outbox, owedCount, peekedMs } = kept
    if (!outbox.isEmpty) return false
    const owed = owedCount?.() ?? Number.POSITIVE_INFINITY
    if (outbox.hasMore(owed) || nowMs - peekedMs >= this.#timing.cursorMoveMs) {
      kept.peekedMs = nowMs
      outbox.peek()
    }
    return outbox.isEmpty && outbox.position < this.#tail()
  }

  #write(kept: Kept, nowMs: number): void {
    const state = kept.outbox.snapshot()
    if (!kept.cursor.write(state)) return
    kept.settled = state.settled
    kept.position = state.position
    kept.unsynced = state.position
    kept.writtenMs = nowMs
  }

  async #sync(kept: Kept): Promise<void> {
    const position = kept.unsynced
    if (position < 0) return
    kept.unsynced = -1
    kept.syncing = true
    try {
      await kept.cursor.sync()
    } catch (thrown) {
      kept.unsynced = position
      throw thrown
    } finally {
      kept.syncing = false
      kept.syncedMs = performance.now()
    }
    kept.safePosition = position
    this.#tellLowWater()
  }

  #tellLowWater(): void {
    if (this.#blocked) return
    let lowest = Number.POSITIVE_INFINITY
    for (const { safePosition } of this.#kept) lowest = Math.min(lowest, safePosition)
    if (lowest === Number.POSITIVE_INFINITY || lowest <= this.#lowWater) return
    this.#lowWater = lowest
    this.#onLowWater(lowest)
  }
}
