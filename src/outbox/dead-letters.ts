import { existsSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { TrestleError } from '../contract/error.ts'
import type { DeadLetter, DeadLetterShelf } from './dead-letter.ts'
import { fromRow, type KeptLetter, type LetterRow, type LetterSummary, summaryOf, toRow } from './dead-letter-row.ts'

/** Which dead letters are meant; absent fields ask for nothing. */
export interface DeadLetterFilter {
  sink?: string | undefined
  rule?: string | undefined
  ids?: readonly string[] | undefined
  /** Only those that come after the one with this id. */
  after?: string | undefined
  limit?: number | undefined
}

const schema = `
  CREATE TABLE IF NOT EXISTS letters (
    position INTEGER NOT NULL, entry INTEGER NOT NULL, sink TEXT NOT NULL, rule TEXT NOT NULL, time INTEGER NOT NULL,
    code TEXT NOT NULL, error TEXT NOT NULL, attempts INTEGER NOT NULL, topic TEXT NOT NULL, client TEXT NOT NULL,
    payload BLOB NOT NULL, message TEXT NOT NULL, shaped BLOB, owed TEXT NOT NULL,
    PRIMARY KEY (position, entry)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS letters_by_sink ON letters (sink, position, entry);
  CREATE INDEX IF NOT EXISTS letters_by_rule ON letters (rule, position, entry);`

/** What one row counts for in the store's size: its texts and bytes, and a little for its keys. *Unit*: bytes. */
const rowBytes = `(octet_length(payload) + ifnull(octet_length(shaped), 0) + octet_length(message) + octet_length(owed) +
  octet_length(topic) + octet_length(error) + 100)`

/**
 * What cannot be delivered, kept with all that belongs to it, in `data/dead-letters.sqlite`. Lists and replays go by
 * journal order. Written in full synchronous mode: when `putMany` returns, a power cut cannot take it away. Once it holds
 * `maxBytes` it takes nothing more until some is discarded: what it refuses is still owed, and waits in the journal.
 */
export class DeadLetters implements DeadLetterShelf {
  readonly #path: string
  readonly #maxBytes: number
  #database: DatabaseSync | null = null
  #insert: StatementSync | null = null
  /** Kept here because counting a large table on each status would cost. */
  readonly #counts = new Map<string, number>()
  #sizeBytes = 0

  /** Opens the file only when there is one, or something to keep. */
  constructor(path: string, maxBytes: number) {
    this.#path = path
    this.#maxBytes = maxBytes
    if (existsSync(path)) this.#open()
  }

  /** Size of what is kept, without the file's own overhead. *Unit*: bytes. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** *Errors*: E406 when it is full. The last that go in may go over the limit, so that a large batch is not stuck for ever. */
  putMany(letters: readonly DeadLetter[]): void {
    if (letters.length === 0) return
    const database = this.#open()
    if (this.#sizeBytes >= this.#maxBytes) throw full(this.#maxBytes)
    const added = new Map<string, number>()
    let addedBytes = 0
    this.#guard(() =>
      inTransaction(database, () => {
        for (const letter of letters) {
          const row = this.#insert!.get(toRow(letter) as unknown as Record<string, string>)
          if (row === undefined) continue
          added.set(letter.delivery.sink, (added.get(letter.delivery.sink) ?? 0) + 1)
          addedBytes += Number(row['bytes'])
        }
      }),
    )
    this.#sizeBytes += addedBytes
    for (const [sink, count] of added) this.#counts.set(sink, this.count(sink) + count)
  }

  keptAfter(sink: string, position: number): ReadonlySet<string> {
    const kept = new Set<string>()
    if (this.#database === null) return kept
    const statement = this.#database.prepare('SELECT position, entry FROM letters WHERE sink = ? AND position > ?')
    for (const row of this.#guard(() => statement.all(sink, position))) kept.add(`${row['position']}-${row['entry']}`)
    return kept
  }

  /** In journal order; at most `limit` (100). */
  list(filter: DeadLetterFilter): LetterSummary[] {
    return this.#rows(filter, 100).map(summaryOf)
  }

  /** One with its bytes; null when there is none of this id. *Errors*: E703 for an id that cannot be one. */
  show(id: string): KeptLetter | null {
    return this.take({ ids: [id] })[0] ?? null
  }

  /** Whole letters in journal order; they stay where they are until discarded. At most `limit` (100). */
  take(filter: DeadLetterFilter): KeptLetter[] {
    return this.#rows(filter, 100).map(fromRow)
  }

  /** Id of the newest that the filter finds (its limit aside); null when there is none. */
  last(filter: DeadLetterFilter): string | null {
    if (this.#database === null) return null
    const { where, values } = conditions(filter)
    const text = `SELECT position, entry FROM letters ${where} ORDER BY position DESC, entry DESC LIMIT 1`
    const row = this.#database.prepare(text).get(...values)
    return row === undefined ? null : `${row['position']}-${row['entry']}`
  }

  /** Removes what the filter finds, all of it unless it has a limit. Answers how many. */
  discard(filter: DeadLetterFilter): number {
    if (this.#database === null) return 0
    const { where, values } = conditions(filter)
    const limited = filter.limit === undefined ? '' : ` ORDER BY position, entry LIMIT ${Math.max(0, filter.limit | 0)}`
    const keys = `SELECT position, entry FROM letters ${where}${limited}`
    const text = `DELETE FROM letters WHERE (position, entry) IN (${keys}) RETURNING sink, ${rowBytes} AS bytes`
    const statement = this.#database.prepare(text)
    return this.#guard(() => {
      let removed = 0
      for (const { sink, bytes } of statement.iterate(...values)) {
        removed++
        this.#sizeBytes -= Number(bytes)
        this.#forget(String(sink))
      }
      return removed
    })
  }

  count(sink: string): number {
    return this.#counts.get(sink) ?? 0
  }

  counts(): Record<string, number> {
    return Object.fromEntries(this.#counts)
  }

  close(): void {
    this.#database?.close()
    this.#database = null
  }

  #rows(filter: DeadLetterFilter, defaultLimit: number): LetterRow[] {
    if (this.#database === null) return []
    const { where, values } = conditions(filter)
    const text = `SELECT * FROM letters ${where} ORDER BY position, entry LIMIT ?`
    const limit = filter.limit ?? (filter.ids === undefined ? defaultLimit : filter.ids.length)
    const statement = this.#database.prepare(text)
    return this.#guard(() => statement.all(...values, limit) as unknown as LetterRow[])
  }

  #open(): DatabaseSync {
    if (this.#database !== null) return this.#database
    return this.#guard(() => {
      const database = new DatabaseSync(this.#path)
      database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 2000; ${schema}`)
      this.#database = database
      this.#insert = database.prepare(
        `INSERT OR IGNORE INTO letters VALUES (:position, :entry, :sink, :rule, :time, :code, :error, :attempts, :topic,
         :client, :payload, :message, :shaped, :owed) RETURNING ${rowBytes} AS bytes`,
      )
      this.#count(database)
      return database
    }, `put ${this.#path} back from a copy, or move it away (with its -wal and -shm): then there are none`)
  }

  #count(database: DatabaseSync): void {
    const text = `SELECT sink, count(*) AS letters, sum(${rowBytes}) AS bytes FROM letters GROUP BY sink`
    for (const { sink, letters, bytes } of database.prepare(text).all()) {
      this.#counts.set(String(sink), Number(letters))
      this.#sizeBytes += Number(bytes)
    }
  }

  /** One of this sink is gone. */
  #forget(sink: string): void {
    const left = this.count(sink) - 1
    if (left > 0) this.#counts.set(sink, left)
    else this.#counts.delete(sink)
  }

  /** SQLite's own words, under our code. */
  #guard<T>(work: () => T, advice?: string): T {
    try {
      return work()
    } catch (thrown) {
      if (thrown instanceof TrestleError) throw thrown
      throw new TrestleError('E504', `dead letters cannot be kept in ${this.#path}: ${(thrown as Error).message}`, {
        cause: thrown,
        detail: { place: this.#path, ...(advice === undefined ? {} : { advice }) },
      })
    }
  }
}

const full = (maxBytes: number): TrestleError =>
  new TrestleError('E406', `the dead letters have reached their limit of ${maxBytes} bytes`, {
    detail: { advice: 'replay or discard some (`trestle dead-letters`), or raise `dead_letters.max_bytes`' },
  })

const inTransaction = (database: DatabaseSync, work: () => void): void => {
  database.exec('BEGIN IMMEDIATE')
  try {
    work()
    database.exec('COMMIT')
  } catch (thrown) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw thrown
  }
}

const conditions = (filter: DeadLetterFilter): { where: string; values: (string | number)[] } => {
  const parts: string[] = []
  const values: (string | number)[] = []
  const add = (part: string, ...given: (string | number)[]): void => {
    parts.push(part)
    values.push(...given)
  }
  if (filter.sink !== undefined) add('sink = ?', filter.sink)
  if (filter.rule !== undefined) add('rule = ?', filter.rule)
  if (filter.after !== undefined) add('(position, entry) > (?, ?)', ...parseId(filter.after))
  if (filter.ids !== undefined)
    add(
      `(position, entry) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))`,
      JSON.stringify(filter.ids.map(parseId)),
    )
  return { where: parts.length === 0 ? '' : `WHERE ${parts.join(' AND ')}`, values }
}

/** `<position>-<index>`, with or without the hub's id before it. */
const parseId = (id: string): [position: number, entry: number] => {
  const found = /(?:^|-)(\d{1,15})-(\d{1,9})$/.exec(id)
  if (found === null) throw new TrestleError('E703', `"${id}" is not the id of a dead letter (<position>-<index>)`)
  return [Number(found[1]), Number(found[2])]
}
