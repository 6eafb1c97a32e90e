import type { JournalRecord, OwedTotal } from './port.ts'

export interface JournalReaderOptions {
  /** The journal's own folder, as in JournalOptions. */
  readonly folder: string
  readonly sink: string
  /** Everything up to and including this position is skipped; 0 starts at the oldest record there is. */
  readonly after: number
  /** The last durable position (`() => readTail(shared)`). */
  readonly tail: () => number
}

export class JournalReader {
  /** Deliveries owed to this sink up to where reading starts. */
  readonly startOrdinal: number = 0

  constructor(_options: JournalReaderOptions) {
    throw new Error('in the making')
  }

  /** Everything up to here has been read or skipped. Starts at `after`, or just below the oldest record, or at the tail when `after` lies beyond it. */
  get position(): number {
    return 0
  }

  /** Ordinal of the last delivery read; `startOrdinal` before the first. */
  get lastOrdinal(): number {
    return 0
  }

  /**
   * The next records that are owed to the sink, in order, until about `maxCount` records or `maxBytes` bytes; `[]` when
   * it has caught up with the tail. `owed` holds only this sink's entries. Payloads are views into the chunk read,
   * which is never written again. *Errors*: E503.
   */
  read(_maxCount: number, _maxBytes: number): JournalRecord[] {
    return []
  }

  /** What was owed to this sink and is not read yet, given what was ever owed to it (`readOwed`). */
  unread(total: OwedTotal): OwedTotal {
    return total
  }

  close(): void {}
}
