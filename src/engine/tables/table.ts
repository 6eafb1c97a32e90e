import { type CsvType, cellValue, readLines } from '../encoding/csv.ts'
import { dyn, mapOf, type Type } from '../expression/type.ts'
import { isMap, kindOf, type MapValue, ownField, setField } from '../expression/value.ts'

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

/** Rows by their key, as they are now: a new file takes the place of the old between two messages. */
export interface Table {
  rows: MapValue
  readonly type: Type
}

/** Where rules get their tables from. */
export interface TableSource {
  /** The table of a rule; the same one for all rules that say the same of the same file. */
  open(form: TableForm, ruleFile: string): Table | (TableFault & { readonly file: string })
}

/** *Unit*: bytes. */
export const maxTableBytes = 4 * 1024 * 1024
export const maxTableRows = 50_000

/** The rows of a file's text. A row whose key stands there twice is a fault. */
export function readTable(text: string, form: TableForm): Table | TableFault {
  try {
    return /\.json$/i.test(form.file) ? readJson(text, form.key) : readCsv(text, form)
  } catch (thrown) {
    if (thrown instanceof RowError) return { line: thrown.line, message: thrown.message }
    const line = /line (\d+)/.exec((thrown as Error).message)?.[1] ?? '1'
    return { line: Number(line), message: (thrown as Error).message }
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

function readCsv(text: string, { key, types }: TableForm): Table {
  // Empty lines count nothing here, so a later line's number may be too small by as many.
  const [names = [], ...lines] = readLines(text, delimiterOf(text), maxTableRows)
  if (new Set(names).size < names.length) throw new RowError(1, 'two columns share a name')
  if (key === null) throw new RowError(1, 'a CSV table needs a `key`: the column that its rows are found by')
  const keyAt = names.indexOf(key)
  const columns = `the columns are ${names.join(', ')}`
  if (keyAt === -1) throw new RowError(1, `there is no column \`${key}\`; ${columns}`)
  for (const name of types.keys()) {
    if (!names.includes(name)) throw new RowError(1, `there is no column \`${name}\`; ${columns}`)
  }
  const kinds = names.map((name) => types.get(name) ?? 'text')
  const rows: MapValue = Object.create(null)
  for (const [at, cells] of lines.entries()) {
    const line = at + 2
    if (cells.length !== names.length) {
      throw new RowError(line, `this line has ${cells.length} cells, and there are ${names.length} columns`)
    }
    const row: MapValue = {}
    for (const [column, name] of names.entries()) {
      setField(row, name, cellValue(cells[column]!, kinds[column]!, name, line))
    }
    addRow(rows, cells[keyAt]!, row, line)
  }
  const fields = new Map(
    names.map((name, at): [string, Type] => [name, kinds[at] === 'text' ? { kind: 'string' } : dyn]),
  )
  return { rows, type: mapOf({ kind: 'record', fields, open: false, owner: 'the table' }) }
}

/** Spreadsheets of many countries write semicolons. */
function delimiterOf(text: string): string {
  const [first = ''] = text.split('\n', 1)
  return [',', ';', '\t'].reduce((best, one) => (first.split(one).length > first.split(best).length ? one : best))
}

function readJson(text: string, key: string | null): Table {
  const value: unknown = JSON.parse(text)
  const rows: MapValue = Object.create(null)
  if (Array.isArray(value)) {
    if (key === null) throw new RowError(1, 'a list needs a `key`: the field that its rows are found by')
    if (value.length > maxTableRows) throw new RowError(1, `it has more than ${maxTableRows} rows`)
    for (const [at, row] of value.entries()) {
      const found = isMap(row) ? ownField(row, key) : undefined
      if (typeof found !== 'string' && typeof found !== 'number') {
        throw new RowError(1, `row ${at} has no \`${key}\` that is text or a number`)
      }
      addRow(rows, String(found), row, 1)
    }
    return { rows, type: mapOf(dyn) }
  }
  if (!isMap(value)) throw new RowError(1, `a table is a list or an object of rows, not ${kindOf(value)}`)
  const entries = Object.entries(value)
  if (entries.length > maxTableRows) throw new RowError(1, `it has more than ${maxTableRows} rows`)
  for (const [name, row] of entries) addRow(rows, key === null ? name : String((row as MapValue)[key]), row, 1)
  return { rows, type: mapOf(dyn) }
}

function addRow(rows: MapValue, key: string, row: unknown, line: number): void {
  if (Object.hasOwn(rows, key)) throw new RowError(line, `the key ${JSON.stringify(key.slice(0, 80))} stands twice`)
  setField(rows, key, row)
}
