import { createReadStream, existsSync } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { TrestleError } from '../contract/error.ts'
import type { FilterRow } from '../engine/state/filter-table.ts'
import type { GatherRow } from '../engine/state/gather-row.ts'
import { type GatherForm, GatherTable } from '../engine/state/gather-table.ts'
import type { StateTable } from '../engine/state/state.ts'

/**
 * What rules keep, as a file, `state.snapshot`, a line of JSON each:
 *
 * ```
 * {"format": 1, "hub": …, "position": …, "tables": [{"id": …, …}]}   the head
 * [table, …row]                                                      a key, or a window of a key; see FilterRow, GatherRow
 * {"rows": …, "crc": …}                                              the end: CRC-32 of all lines before
 * ```
 *
 * It is written while messages go on, a slice at a time, so that rows are of different moments: each says up to which
 * place in the journal it knows, and whoever reads on from the head's `position` passes over what a row has already. It
 * gets its name when it is whole and on disk, and when all that it has seen is on disk, too.
 */
const format = 1
const fileName = 'state.snapshot'
const draftName = 'state.snapshot.new'
/** The longest turn of the loop that writing and reading may take. */
const maxTurnMs = 2
const chunkBytes = 256 * 1024

interface TableHead {
  readonly id: string
  /** null: what is kept of it is nothing that could be sent on. */
  readonly gathers: GatherForm | null
}

interface Head {
  readonly format: number
  readonly hub: string
  readonly position: number
  readonly tables: readonly TableHead[]
}

/** What a snapshot is of. */
export interface SnapshotFacts {
  readonly hub: string
  /** Every change up to here is in the tables. */
  readonly position: number
}

/** Writes all tables; `isGood` waits until what they have seen is on disk, and says no when it will never be. */
export async function writeSnapshot(
  folder: string,
  { hub, position }: SnapshotFacts,
  tables: readonly StateTable[],
  isGood: () => Promise<boolean>,
): Promise<boolean> {
  await mkdir(folder, { recursive: true })
  const draft = join(folder, draftName)
  const file = await open(draft, 'w', 0o640)
  try {
    const head: Head = { format, hub, position, tables: tables.map(headOf) }
    let text = `${JSON.stringify(head)}\n`
    let crc = 0
    let rows = 0
    const write = async (): Promise<void> => {
      const bytes = Buffer.from(text)
      text = ''
      crc = crc32(bytes, crc)
      await file.write(bytes)
    }
    let turnMs = performance.now()
    for (const [at, table] of tables.entries()) {
      for (const row of table.rows(position)) {
        text += `${JSON.stringify([at, ...row])}\n`
        rows++
        if (text.length >= chunkBytes) await write()
        if ((rows & 63) !== 0 || performance.now() - turnMs < maxTurnMs) continue
        await nextTurn()
        turnMs = performance.now()
      }
    }
    await write()
    text = `${JSON.stringify({ rows, crc })}\n`
    await file.write(Buffer.from(text))
    await file.datasync()
  } finally {
    await file.close()
  }
  if (!(await isGood())) {
    await rm(draft, { force: true })
    return false
  }
  await rename(draft, join(folder, fileName))
  await syncFolder(folder)
  return true
}

const headOf = (table: StateTable): TableHead => ({
  id: table.id,
  gathers: table.kind === 'filter' ? null : table.form,
})

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** What a snapshot held: it is in the tables now. */
export interface ReadSnapshot {
  readonly position: number
  readonly rows: number
  /** Tables that no rule has any more, with their windows; what the journal has of them is still to come. */
  readonly orphans: readonly GatherTable[]
}

/**
 * Reads the snapshot into `tables`; null when there is none. *Errors*: E502 (a newer version), E503 (damage, or it
 * belongs to another journal, whose last position is `durable`).
 */
export async function readSnapshot(
  folder: string,
  { hub, position: durable }: SnapshotFacts,
  tables: ReadonlyMap<string, StateTable>,
): Promise<ReadSnapshot | null> {
  const path = join(folder, fileName)
  if (!existsSync(path)) return null
  const read = await readAll(path, tables).catch((thrown: Error) => {
    throw thrown instanceof TrestleError ? thrown : damaged(path, 'cannot be read', thrown)
  })
  if (read.head.hub !== hub || read.head.position > durable) throw damaged(path, 'does not belong to this journal')
  return { position: read.head.position, rows: read.rows, orphans: read.orphans }
}

async function readAll(path: string, tables: ReadonlyMap<string, StateTable>): Promise<ReturnType<Reading['finish']>> {
  const reading = new Reading(path, tables)
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes })) {
    const bytes: Buffer = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer])
    const end = bytes.lastIndexOf(10) + 1
    rest = bytes.subarray(end)
    await reading.take(bytes.toString('utf8', 0, end))
  }
  return reading.finish()
}

const damaged = (path: string, what: string, cause?: Error): TrestleError =>
  new TrestleError('E503', `the snapshot of what rules keep ${what}`, {
    detail: {
      place: path,
      advice:
        'put the whole data folder back from one copy, or remove the file: rules then know what the journal still holds',
    },
    cause,
  })

/** A snapshot being read, lines at a time. */
class Reading {
  #head: Head | null = null
  #rows = 0
  #crc = 0
  #end: { readonly rows: number; readonly crc: number } | null = null
  #tables: (StateTable | null)[] = []
  readonly #path: string
  readonly #known: ReadonlyMap<string, StateTable>
  readonly #orphans: GatherTable[] = []

  constructor(path: string, known: ReadonlyMap<string, StateTable>) {
    this.#path = path
    this.#known = known
  }

  async take(text: string): Promise<void> {
    let turnMs = performance.now()
    for (let at = 0; at < text.length; ) {
      const end = text.indexOf('\n', at) + 1
      this.#line(text.slice(at, end))
      at = end
      if (performance.now() - turnMs < maxTurnMs) continue
      await nextTurn()
      turnMs = performance.now()
    }
  }

  finish(): { head: Head; rows: number; orphans: readonly GatherTable[] } {
    const end = this.#end
    if (this.#head === null || end === null || end.rows !== this.#rows || end.crc !== this.#crc) {
      throw damaged(this.#path, 'is damaged')
    }
    return { head: this.#head, rows: this.#rows, orphans: this.#orphans }
  }

  #line(line: string): void {
    const read: unknown = JSON.parse(line)
    if (!Array.isArray(read)) {
      if (this.#head !== null) this.#end = read as { rows: number; crc: number }
      else this.#begin(read as Head)
    } else {
      const [at, ...row] = read
      const table = this.#tables[at as number] ?? null
      if (table?.kind === 'filter') table.restore(row as unknown as FilterRow)
      else table?.restore(row as unknown as GatherRow)
      this.#rows++
    }
    if (this.#end === null) this.#crc = crc32(line, this.#crc)
  }

  #begin(head: Head): void {
    if (head.format > format) {
      throw new TrestleError('E502', `${this.#path} was written by a newer version (format ${head.format})`)
    }
    this.#head = head
    this.#tables = head.tables.map(({ id, gathers }) => this.#known.get(id) ?? (gathers && this.#orphan(id, gathers)))
  }

  /** A place for windows that no rule fills any more. */
  #orphan(id: string, form: GatherForm): GatherTable {
    const table = GatherTable.ofForm(id, form)
    this.#orphans.push(table)
    return table
  }
}
