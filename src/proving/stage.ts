import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FileSystemPort, nodeFileSystem } from '../journal/file-system.ts'
import { Journal } from '../journal/journal.ts'
import { deadLetterSink, type JournalRecord } from '../journal/port.ts'
import { JournalReader } from '../journal/reader.ts'
import { readHead, readTail } from '../journal/tail.ts'
import type { OwedReader } from '../outbox/window.ts'

/** The disk of examples: written at once, so that nothing but the clock they share decides what comes next. */
const promptFiles: FileSystemPort = {
  ...nodeFileSystem,
  write(fd, bytes, offset, length, at, done) {
    let written = 0
    let error: Error | null = null
    try {
      written = fs.writeSync(fd, bytes, offset, length, at)
    } catch (thrown) {
      error = thrown as Error
    }
    queueMicrotask(() => done(error, written))
  },
  // What a power cut takes from examples is no loss.
  syncFolder: async () => {},
}

/**
 * The journal that all examples of a run share, in a folder of its own that goes with the run; each example reads on
 * where the one before it ended.
 */
export class Stage {
  readonly journal: Journal
  readonly #folder: string
  readonly #readers = new Map<string, JournalReader>()
  /** Told of each commit. */
  onDurable: () => void = () => {}

  static async open(sinks: readonly string[], rules: readonly string[]): Promise<Stage> {
    const folder = fs.mkdtempSync(join(tmpdir(), 'trestle-test-'))
    let made: Stage | null = null
    const journal = await Journal.open({
      folder: join(folder, 'journal'),
      sinks: [...sinks, deadLetterSink],
      rules,
      maxBytes: 1024 * 1024 * 1024,
      segmentBytes: 4 * 1024 * 1024,
      spacingMs: 0,
      sync: 'os',
      files: promptFiles,
      onDurable: () => made?.onDurable(),
    })
    made = new Stage(folder, journal)
    return made
  }

  private constructor(folder: string, journal: Journal) {
    this.#folder = folder
    this.journal = journal
  }

  /** What an outbox reads from, beginning here. It outlives the outbox. */
  reader(sink: string): OwedReader & { readonly lastOrdinal: number } {
    let reader = this.#readers.get(sink)
    if (reader === undefined) {
      const { tail } = this.journal
      reader = new JournalReader({
        folder: join(this.#folder, 'journal'),
        sink,
        after: this.journal.durable,
        tail: () => readTail(tail),
        head: () => readHead(tail),
      })
      this.#readers.set(sink, reader)
    }
    return new Leased(reader)
  }

  /** Between two examples: what one has left lying is not the next one's. */
  clear(): void {
    for (const reader of this.#readers.values()) while (reader.read(512, 1024 * 1024).length > 0);
    this.journal.release(this.journal.durable)
    this.onDurable = () => {}
  }

  async close(): Promise<void> {
    for (const reader of this.#readers.values()) reader.close()
    await this.journal.close()
    fs.rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** A reader that is given back instead of closed. */
class Leased implements OwedReader {
  readonly #reader: JournalReader
  readonly startOrdinal: number

  constructor(reader: JournalReader) {
    this.#reader = reader
    this.startOrdinal = reader.lastOrdinal
  }

  get lastOrdinal(): number {
    return this.#reader.lastOrdinal
  }

  get position(): number {
    return this.#reader.position
  }

  read(maxCount: number, maxBytes: number): JournalRecord[] {
    return this.#reader.read(maxCount, maxBytes)
  }

  close(): void {}
}
