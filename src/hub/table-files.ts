import { readFileSync, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  hasColumnsOf,
  maxTableBytes,
  readTable,
  type Table,
  type TableFault,
  type TableForm,
  type TableSource,
  tableSteps,
} from '../engine/tables/table.ts'

/** What became of a table's file that has changed. */
export interface TableChange {
  readonly file: string
  /** How many rows there are now. */
  readonly rows: number
  /** null: they are in place. */
  readonly fault: TableFault | null
}

interface Opened {
  readonly path: string
  readonly form: TableForm
  /** When and how large the file was when it was last looked at. */
  stamp: string
  /** What was found then. */
  isSound: boolean
  table: Table
}

/** How often files are looked at for changes. *Unit*: ms. */
const lookEveryMs = 1000

/**
 * The files behind the rules' tables. What rules use is what was read last; a changed file is read by `watch`, and its
 * rows take the place of the old ones at once. One that is not sound is told, and the rows stay.
 */
export class TableFiles implements TableSource {
  readonly #opened = new Map<string, Opened>()
  #timer: NodeJS.Timeout | null = null
  #closed = false

  open(form: TableForm, ruleFile: string): Table | (TableFault & { readonly file: string }) {
    const path = resolve(dirname(ruleFile), form.file)
    const key = JSON.stringify([path, form.key, [...form.types]])
    const known = this.#opened.get(key)
    try {
      const stamp = stampOf(statSync(path))
      if (known?.stamp === stamp && known.isSound) return known.table
      const read = readTable(textOf(readFileSync(path)), form)
      if ('message' in read) return { ...read, file: path }
      if (known !== undefined && hasColumnsOf(read, known.table)) {
        // Rules that are in place share the rows with those that may take theirs.
        known.stamp = stamp
        known.isSound = true
        known.table.rows = read.rows
        return known.table
      }
      this.#opened.set(key, { path, form, stamp, isSound: true, table: read })
      return read
    } catch (thrown) {
      return { line: 1, message: messageOf(thrown as NodeJS.ErrnoException), file: path }
    }
  }

  /** From now on, until `close`. */
  watch(told: (change: TableChange) => void, everyMs = lookEveryMs): void {
    if (this.#timer !== null || this.#closed) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.look(told).then(() => this.watch(told, everyMs))
    }, everyMs)
    this.#timer.unref()
  }

  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  /** Reads what has changed since it was last looked at. */
  async look(told: (change: TableChange) => void): Promise<void> {
    for (const opened of this.#opened.values()) {
      const change = await readAnew(opened)
      if (change !== null) told(change)
    }
  }
}

/** null: nothing has changed. */
async function readAnew(opened: Opened): Promise<TableChange | null> {
  const { path, form, table } = opened
  let stamp = 'gone'
  let fault: TableFault | null = null
  try {
    stamp = stampOf(await stat(path))
    if (stamp === opened.stamp) return null
    const read = await readBetween(textOf(await readFile(path)), form)
    if ('message' in read) fault = read
    else if (hasColumnsOf(read, table)) table.rows = read.rows
    else fault = { line: 1, message: 'a column that the rules know is gone' }
  } catch (thrown) {
    if (stamp === opened.stamp) return null
    fault = { line: 1, message: messageOf(thrown as NodeJS.ErrnoException) }
  }
  // A fault is told once, until the file changes again.
  opened.stamp = stamp
  opened.isSound = fault === null
  return { file: path, rows: table.rows.keyed.size, fault }
}

/** How long messages may wait for a table. *Unit*: ms. */
const sliceMs = 4
/** Looking at the clock is dearer than a row. */
const rowsPerLook = 32

/** Reads a table in slices, between which messages have their turn. */
async function readBetween(text: string, form: TableForm): Promise<Table | TableFault> {
  const steps = tableSteps(text, form)
  let untilMs = performance.now() + sliceMs
  for (let row = 1; ; row++) {
    const { done, value } = steps.next()
    if (done === true) return value
    if (row % rowsPerLook !== 0 || performance.now() < untilMs) continue
    await nextTurn()
    untilMs = performance.now() + sliceMs
  }
}

function stampOf({ mtimeMs, size, ino }: { mtimeMs: number; size: number; ino: number }): string {
  if (size > maxTableBytes) throw new Error(`the file is larger than ${maxTableBytes} bytes`)
  return `${ino} ${mtimeMs} ${size}`
}

const messageOf = ({ code, message }: NodeJS.ErrnoException): string =>
  code === 'ENOENT' ? 'there is no such file' : message

const textOf = (bytes: Uint8Array): string => new TextDecoder('utf-8', { fatal: true }).decode(bytes)
