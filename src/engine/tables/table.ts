import { type CsvType, objectOf } from '../encoding/csv.ts'
import { CsvError, csvLines } from '../encoding/csv-lines.ts'
import { dyn, mapOf, string, type Type } from '../expression/type.ts'
import { isMap, KeyedMap, kindOf, ownField } from '../expression/value.ts'

/** What a rule says of a table. */
export interface TableForm {
  /** As it is written: relative to the rule's own file, or absolute. */
  readonly file: string
  /** The column whose values the rows are found by; null: a JSON object, by its names. */
  readonly key: string | null
  /** Columns of a CSV file that are not text. */
  readonly types: ReadonlyMap<string, CsvType>
}

/** What is wrong with a table's file. *Shape*: `line` counts from 1. */
export interface TableFault {
  readonly line: number
  readonly message: string
}

/**
 * Rows by their key, as they are now: a new file takes the place of the old between two messages. *Shape*: a map, as
 * going through the names of an object of that size takes longer than an expression may.
 */
export interface Table {
  rows: KeyedMap
  readonly type: Type
}

/** Where rules get their tables from. */
export interface TableSource {
  /** The table of a rule; the same one for all rules that say the same of the same file. */
  open(form: TableForm, ruleFile: string): Table | (TableFault & { readonly file: string })
}

/** *Unit*: bytes. */
export const maxTableBytes = 4 * 1024 * 1024
/** JSON cannot be read in pieces of time. *Unit*: characters. */
export const maxJsonLength = 1024 * 1024
export const maxTableRows = 50_000

/** The rows of a file's text. A row whose key stands there twice is a fault. */
export function readTable(text: string, form: TableForm): Table | TableFault {
  const steps = tableSteps(text, form)
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

/** The same, a row at a time: whoever has other things to do may do them between two steps. */
export function* tableSteps(text: string, form: TableForm): Generator<void, Table | TableFault> {
  try {
    return yield* /\.json$/i.test(form.file) ? readJson(text, form.key) : readCsv(text, form)
  } catch (thrown) {
    const { message } = thrown as Error
    if (thrown instanceof RowError || thrown instanceof CsvError) return { line: thrown.line, message }
    return { line: Number(/line (\d+)/.exec(message)?.[1] ?? '1'), message }
  }
}

/** Whether `next` has every column of `table`, so that rules compiled with the one can go on with the other. */
export function hasColumnsOf(next: Table, table: Table): boolean {
  const [known, found] = [rowFieldsOf(table.type), rowFieldsOf(next.type)]
  return known === null || found === null || [...known.keys()].every((name) => found.has(name))
}

const rowFieldsOf = (type: Type): ReadonlyMap<string, Type> | null =>
  type.kind === 'map' && type.of.kind === 'record' ? type.of.fields : null

class RowError extends Error {
  readonly line: number

  constructor(line: number, message: string) {
    super(message)
    this.line = line
  }
}

function* readCsv(text: string, { key, types }: TableForm): Generator<void, Table> {
  const lines = csvLines(text, delimiterOf(text))
  const names = lines.next().value?.cells ?? []
  if (new Set(names).size < names.length) throw new RowError(1, 'two columns share a name')
  if (key === null) throw new RowError(1, 'a CSV table needs a `key`: the column that its rows are found by')
  const keyAt = names.indexOf(key)
  for (const name of [key, ...types.keys()]) {
    if (names.includes(name)) continue
    throw new RowError(1, `there is no column \`${name}\`; the columns are ${names.join(', ')}`)
  }
  const columns = new Map(names.map((name) => [name, types.get(name) ?? 'text']))
  const rows = new Map<string, unknown>()
  let count = 0
  for (const line of lines) {
    if (++count > maxTableRows) throw new RowError(line.line, `it has more than ${maxTableRows} rows`)
    addRow(rows, line.cells[keyAt]!, objectOf(line, columns), line.line)
    yield
  }
  const fields = new Map([...columns].map(([name, type]): [string, Type] => [name, type === 'text' ? string : dyn]))
  return { rows: new KeyedMap(rows), type: mapOf({ kind: 'record', fields, open: false, owner: 'the table' }) }
}

/** Spreadsheets of many countries write semicolons. */
function delimiterOf(text: string): string {
  const [first = ''] = text.split('\n', 1)
  return [',', ';', '\t'].reduce((best, one) => (first.split(one).length > first.split(best).length ? one : best))
}

function* readJson(text: string, key: string | null): Generator<void, Table> {
  if (text.length > maxJsonLength) throw new RowError(1, `JSON is taken up to ${maxJsonLength} characters; use CSV`)
  const value: unknown = JSON.parse(text)
  if (!Array.isArray(value) && !isMap(value)) {
    throw new RowError(1, `a table is a list or an object of rows, not ${kindOf(value)}`)
  }
  if (Array.isArray(value) && key === null) {
    throw new RowError(1, 'a list needs a `key`: the field that its rows are found by')
  }
  const entries = Object.entries(value)
  if (entries.length > maxTableRows) throw new RowError(1, `it has more than ${maxTableRows} rows`)
  const rows = new Map<string, unknown>()
  for (const [name, row] of entries) {
    const found = key === null ? name : isMap(row) ? ownField(row, key) : undefined
    if (typeof found !== 'string' && typeof found !== 'number') {
      throw new RowError(1, `row ${name} has no \`${key}\` that is text or a number`)
    }
    addRow(rows, String(found), row, 1)
    yield
  }
  return { rows: new KeyedMap(rows), type: mapOf(dyn) }
}

function addRow(rows: Map<string, unknown>, key: string, row: unknown, line: number): void {
  if (rows.has(key)) throw new RowError(line, `the key ${JSON.stringify(key.slice(0, 80))} stands twice`)
  rows.set(key, row)
}
