import { join } from 'node:path'
import { TrestleError } from '../contract/error.ts'
import { JournalReader, type JournalReaderOptions } from '../journal/reader.ts'
import { owedBefore } from '../journal/segment-reader.ts'
import { readHead, readOwed, readTail } from '../journal/tail.ts'
import { CursorFile, cursorAfter } from './cursor.ts'
import { Outbox, type OutboxOptions } from './outbox.ts'
import type { OwedReader } from './window.ts'

export interface OpenOutboxOptions extends Omit<OutboxOptions, 'start' | 'reader'> {
  sink: string
  hub: string
  journalFolder: string
  cursorFolder: string
  tail: SharedArrayBuffer
  /** Deliveries ever owed to the sink, cheaply; null when only reading the journal can tell. */
  owedCount: (() => number) | null
  /** Reads the journal; tests hand in another. */
  makeReader?: (options: JournalReaderOptions) => OwedReader
}

/** An outbox and the file that keeps its place. */
export interface OpenedOutbox {
  outbox: Outbox
  cursor: CursorFile
}

/** The last durable position, as the journal publishes it. */
export const tailOf =
  (shared: SharedArrayBuffer): (() => number) =>
  () =>
    readTail(shared)

/** Deliveries ever owed to the sink at `place` of the tail's sinks; null for one that is not among them. */
export const owedCountOf = (shared: SharedArrayBuffer, place: number): (() => number) | null =>
  place < 0 ? null : () => readOwed(shared, place).messages

/** Payload bytes ever owed to the sink at `place` of the tail's sinks. */
export const owedBytesOf = (shared: SharedArrayBuffer, place: number): number => readOwed(shared, place).bytes

/**
 * Opens the outbox of one sink where its cursor says; without a cursor, at the oldest record there is.
 * *Errors*: E501, E502 and E503 of the cursor and the journal; E503 also when the cursor belongs to another journal.
 */
export function openOutbox(options: OpenOutboxOptions): OpenedOutbox {
  const {
    sink,
    hub,
    journalFolder,
    cursorFolder,
    owedCount,
    makeReader = (wanted) => new JournalReader(wanted),
  } = options
  const tail = tailOf(options.tail)
  const cursor = new CursorFile(join(cursorFolder, `${encodeURIComponent(sink)}.cursor`))
  const start = cursor.found ?? cursorAfter(hub, sink, owedBefore(journalFolder, sink))
  // Going on would pass over what this journal owes: a cursor of another one counts other positions.
  if (start.hub !== hub || start.position > tail()) {
    void cursor.close()
    throw new TrestleError('E503', `cursor of ${sink} does not belong to this journal`, {
      detail: {
        place: cursor.path,
        advice: 'restore the journal, or remove the cursor to send what the journal holds',
      },
    })
  }
  const reader = makeReader({
    folder: journalFolder,
    sink,
    after: start.position,
    tail,
    head: () => readHead(options.tail),
    ...(owedCount === null ? {} : { owed: owedCount }),
  })
  return { cursor, outbox: new Outbox({ ...options, start, reader }) }
}
