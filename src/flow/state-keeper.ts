/**
 * Keeps what rules keep: `once`, `changed`, `at_most` and `window` know after a crash what they knew before it.
 *
 * Promises: every change is in the record of the message that made it, so nothing acknowledged is forgotten and nothing
 * counts twice; a snapshot is written now and then, while messages go on, so that what is owed to the state holds
 * no more of the journal than since the last; after a write that failed, what was never on disk is forgotten, too. Does not
 * decide anything: `engine/state` does.
 *
 * `state-notes` is a change as a record owes it, `state-snapshot` the file, `window-closer` ends windows in time.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { CompiledRule } from '../engine/compile.ts'
import { tablesOf } from '../engine/state/carry-over.ts'
import { GatherTable } from '../engine/state/gather-table.ts'
import type { StateTable } from '../engine/state/state.ts'
import { JournalReader } from '../journal/reader.ts'
import { readHead, readTail } from '../journal/tail.ts'
import { readNote, stateSink } from './state-notes.ts'
import { readSnapshot, writeSnapshot } from './state-snapshot.ts'

/** Where it keeps, and who is told. */
export interface StateKeeperOptions {
  /** The snapshot's own folder. */
  readonly folder: string
  readonly journalFolder: string
  readonly hub: string
  readonly tail: SharedArrayBuffer
  /** Notes ever owed to the state. */
  readonly owed: () => number
  /** The place up to which the state needs no record of the journal has moved. */
  readonly onLowWater: () => void
  /** A snapshot could not be written; it is tried again. */
  readonly onError: (error: Error) => void
  readonly snapshotEveryMs?: number
}

/** What a start has found. */
export interface Restored {
  readonly keys: number
  /** Changes read from the journal behind the snapshot. */
  readonly replayed: number
  /** Windows that no rule has any more. */
  readonly orphans: readonly GatherTable[]
}

const defaultSnapshotEveryMs = 30_000
/** So many changes are worth a snapshot before its time. */
const manyChanges = 500_000
/** After reading back has failed. */
const againMs = 1000
/** Writing snapshots takes no more than this part of the time. */
const dutyFactor = 20
/** The longest turn of the loop that reading back may take. */
const maxTurnMs = 4

export class StateKeeper {
  readonly #options: StateKeeperOptions
  #rules: readonly CompiledRule[] = []
  /** Windows of rules that are no more, until they are closed. */
  #left: readonly GatherTable[] = []
  /** Place of the last snapshot; what came up to there is in it. */
  #position = 0
  /** Place of the oldest change since; 0: there is none. */
  #oldest = 0
  /** As `#oldest`, for the snapshot that is being written. */
  #oldestNext = 0
  /** Place of the last change. */
  #last = 0
  #changes = 0
  #writing: Promise<void> | null = null
  #timer: NodeJS.Timeout | null = null
  #notBeforeMs = 0
  /** Changes with each journal fault: what was begun before it is void. */
  #epoch = 0
  #loading: Promise<unknown> | null = null
  /** What rules keep is known. */
  #known = false
  #closed = false

  constructor(options: StateKeeperOptions) {
    this.#options = options
  }

  /** Up to here the state needs no record any more. */
  get lowWater(): number {
    if (!this.#known) return this.#position
    return this.#oldest === 0 ? Number.POSITIVE_INFINITY : Math.max(this.#position, this.#oldest - 1)
  }

  /** What rules keep is known: they may decide, and windows may be closed. */
  get isReady(): boolean {
    return this.#known
  }

  /** Reads back what the rules kept. *Errors*: E502, E503. */
  async open(rules: readonly CompiledRule[]): Promise<Restored> {
    this.#rules = rules
    const restored = await this.#load(this.#epoch)
    this.#left = restored.orphans
    await this.#write()
    return restored
  }

  /** Other rules keep from now on; `left` are windows of those before. */
  use(rules: readonly CompiledRule[], left: readonly GatherTable[]): void {
    this.#rules = rules
    this.#left = [...this.#left.filter(({ keys }) => keys > 0), ...left]
    for (const { state } of rules) if (state !== null) state.isReady = this.#known
    if (this.#tables().size > 0) this.#schedule(0)
  }

  /** A change is on its way to the disk. */
  changed(position: number): void {
    if (this.#oldest === 0) this.#oldest = position
    if (this.#oldestNext === 0) this.#oldestNext = position
    this.#last = position
    this.#changes++
    if (this.#timer === null) this.#schedule(this.#options.snapshotEveryMs ?? defaultSnapshotEveryMs)
    else if (this.#changes === manyChanges) this.#schedule(0)
  }

  /**
   * The journal could not write: what is not on disk never happened. All is read back before anything is decided; answers
   * the windows that are left of rules that are no more.
   */
  forgetUnwritten(): Promise<readonly GatherTable[]> {
    const epoch = ++this.#epoch
    if (this.#tables().size === 0) return Promise.resolve([])
    this.#known = false
    for (const { state } of this.#rules) if (state !== null) state.isReady = false
    const before = this.#loading ?? Promise.resolve()
    const loading = before.then(() => this.#loadUntilDone(epoch))
    this.#loading = loading
    return loading
  }

  async #loadUntilDone(epoch: number): Promise<readonly GatherTable[]> {
    while (!this.#closed && epoch === this.#epoch && !this.#known) {
      try {
        const { orphans } = await this.#load(epoch)
        this.#left = [...this.#left, ...orphans]
        return orphans
      } catch (error) {
        this.#options.onError(error as Error)
        await new Promise((resolve) => setTimeout(resolve, againMs).unref())
      }
    }
    return []
  }

  /** Writes what there is, so that the next start need not read the journal for it. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#loading
    await this.#writing
    if (this.#known && this.#oldest !== 0) await this.#write()
  }

  #tables(): Map<string, StateTable> {
    const tables = tablesOf(this.#rules)
    for (const table of this.#left) if (!tables.has(table.id)) tables.set(table.id, table)
    return tables
  }

  async #load(epoch: number): Promise<Restored> {
    const { folder, hub, tail } = this.#options
    const tables = this.#tables()
    for (const table of tables.values()) table.clear()
    const read = await readSnapshot(folder, { hub, position: readTail(tail) }, tables)
    const orphans = [...(read?.orphans ?? [])]
    const all = new Map([...tables, ...orphans.map((table) => [table.id, table] as const)])
    this.#position = read?.position ?? 0
    this.#oldest = 0
    this.#last = 0
    const replayed = this.#options.owed() === 0 ? 0 : await this.#replay(all, orphans)
    this.#changes = replayed
    // Another fault came meanwhile: what follows it reads anew.
    if (epoch === this.#epoch) {
      this.#known = true
      for (const { state } of this.#rules) if (state !== null) state.isReady = true
    }
    const keys = [...tables.values()].reduce((sum, table) => sum + table.keys, 0)
    return { keys, replayed, orphans: orphans.filter(({ keys: left }) => left > 0) }
  }

  /** Reads what has happened since the snapshot, windows of unknown rules included; answers how many changes. */
  async #replay(tables: Map<string, StateTable>, orphans: GatherTable[]): Promise<number> {
    const { journalFolder, tail } = this.#options
    const reader = new JournalReader({
      folder: journalFolder,
      sink: stateSink,
      after: this.#position,
      tail: () => readTail(tail),
      head: () => readHead(tail),
    })
    let replayed = 0
    try {
      for (let records = reader.read(512, 1024 * 1024); records.length > 0; records = reader.read(512, 1024 * 1024)) {
        let turnMs = performance.now()
        for (const record of records) {
          for (const owed of record.owed) {
            const note = readNote(record, owed)
            if (note === null) continue
            if (this.#oldest === 0) this.#oldest = record.position
            this.#last = record.position
            if (note.form !== null && !tables.has(note.table)) {
              const orphan = GatherTable.ofForm(note.table, note.form)
              tables.set(orphan.id, orphan)
              orphans.push(orphan)
            }
            tables.get(note.table)?.apply(note.key, note.input, note.message, record.position)
            replayed++
          }
          if (performance.now() - turnMs < maxTurnMs) continue
          await nextTurn()
          turnMs = performance.now()
        }
      }
    } finally {
      reader.close()
    }
    return replayed
  }

  #schedule(afterMs: number): void {
    if (this.#closed) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(
      () => {
        this.#timer = null
        this.#writing ??= this.#write().finally(() => {
          this.#writing = null
        })
      },
      Math.max(afterMs, this.#notBeforeMs - performance.now()),
    )
    this.#timer.unref()
  }

  async #write(): Promise<void> {
    const tables = [...this.#tables().values()]
    if (!this.#known) return this.#schedule(1000)
    if (tables.length === 0 && this.#position === 0 && this.#oldest === 0) return
    const { folder, hub, onError, onLowWater, tail } = this.#options
    const epoch = this.#epoch
    const position = readTail(tail)
    const startedMs = performance.now()
    const before = this.#changes
    // What is on its way to the disk lies behind the snapshot's place.
    this.#oldestNext = this.#last > position ? position + 1 : 0
    try {
      if (!(await writeSnapshot(folder, { hub, position }, tables, () => this.#isWritten(epoch)))) return
    } catch (error) {
      onError(error as Error)
      this.#schedule(5000)
      return
    }
    if (epoch !== this.#epoch) return
    this.#position = position
    this.#oldest = this.#oldestNext
    this.#changes -= before
    if (this.#changes > 0) this.#schedule(this.#options.snapshotEveryMs ?? defaultSnapshotEveryMs)
    const tookMs = performance.now() - startedMs
    this.#notBeforeMs = performance.now() + tookMs * dutyFactor
    onLowWater()
  }

  /** Waits until all that the tables have seen is on disk; false when it never will be. */
  async #isWritten(epoch: number): Promise<boolean> {
    const seen = this.#last
    while (readTail(this.#options.tail) < seen) {
      if (epoch !== this.#epoch) return false
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    return epoch === this.#epoch
  }
}
