import type { CursorFile } from '../outbox/cursor.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { BridgeTiming } from './boundary.ts'

interface Kept {
  readonly name: string
  readonly outbox: Outbox
  readonly cursor: CursorFile
  settled: number
  position: number
  writtenMs: number
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
  readonly #onLowWater: (position: number) => void
  readonly #onError: (sink: string, error: Error) => void
  #lowWater = 0
  /** A sink whose cursor could not be opened holds everything. */
  #blocked = false
  #timer: NodeJS.Timeout | null = null
  #closed = false

  constructor(options: {
    timing: BridgeTiming
    onLowWater: (position: number) => void
    onError: (sink: string, error: Error) => void
  }) {
    this.#timing = options.timing
    this.#onLowWater = options.onLowWater
    this.#onError = options.onError
  }

  add(name: string, outbox: Outbox, cursor: CursorFile): void {
    const settled = outbox.settledCount
    const position = cursor.found?.position ?? 0
    const kept = { name, outbox, cursor, settled, position, unsynced: -1, syncing: false, safePosition: position }
    this.#kept.push({ ...kept, writtenMs: performance.now(), syncedMs: 0 })
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
      kept.outbox.peek()
      const moved = kept.outbox.position !== kept.position
      const due = kept.outbox.settledCount !== kept.settled || (moved && nowMs - kept.writtenMs >= cursorMoveMs)
      if (due) this.#write(kept, nowMs)
      if (kept.unsynced >= 0 && !kept.syncing && nowMs - kept.syncedMs >= cursorSyncMs)
        this.#sync(kept).catch((thrown) => this.#onError(kept.name, thrown as Error))
      return moved || kept.unsynced >= 0 || kept.outbox.settledCount !== kept.settled
    } catch (thrown) {
      this.#onError(kept.name, thrown as Error)
      return true
    }
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
