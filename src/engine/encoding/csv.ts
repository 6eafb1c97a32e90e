import { textOf } from '../expression/payload.ts'
import { isMap, kindOf, type MapValue, ownField, setField } from '../expression/value.ts'
import type { Codec } from './codec.ts'
import { type CsvLine, csvLines } from './csv-lines.ts'

/** What a column holds. */
export type CsvType = 'text' | 'number' | 'int' | 'bool'

export interface CsvForm {
  /** By name, in their order; null: the first line names them, and all are text. */
  readonly columns: ReadonlyMap<string, CsvType> | null
  readonly delimiter: string
  /** The first line is the names. Always so when there are no `columns`. */
  readonly header: boolean
  /** `one`: the payload is one line, and the data its object; else a list of objects. */
  readonly lines: 'one' | 'many'
}

/** Most lines of one payload. */
export const maxLines = 10_000
const maxColumns = 1_000

/** Comma-separated values. *Source*: RFC 4180; lines may also end in a lone line feed. */
export const csvCodec = (form: CsvForm): Codec => ({
  decode(bytes) {
    const lines = readLines(textOf(bytes), form.delimiter)
    const [first] = lines
    const names = first?.cells ?? []
    const columns = form.columns ?? new Map(names.map((name) => [name, 'text' as const]))
    if (form.columns === null && columns.size !== names.length) throw new Error('two columns share a name')
    if (form.columns !== null && form.header) checkHeader(names, columns)
    const rows = form.header || form.columns === null ? lines.slice(1) : lines
    const objects = rows.map((row) => objectOf(row, columns))
    if (form.lines === 'many') return objects
    if (objects.length !== 1) throw new Error(`it has ${objects.length} lines, not one`)
    return objects[0]
  },
  encode(value) {
    const rows = Array.isArray(value) ? value : [value]
    const names = form.columns === null ? namesOf(rows[0]) : [...form.columns.keys()]
    const lines = rows.map((row: unknown) => {
      if (!isMap(row)) throw new Error(`a line is made of an object, not of ${kindOf(row)}`)
      return names.map((name) => cellOf(ownField(row, name), form.delimiter)).join(form.delimiter)
    })
    if (form.header) lines.unshift(names.map((name) => cellOf(name, form.delimiter)).join(form.delimiter))
    return Buffer.from(lines.map((line) => `${line}\n`).join(''))
  },
})

function readLines(text: string, delimiter: string): CsvLine[] {
  const lines: CsvLine[] = []
  for (const line of csvLines(text, delimiter)) {
    if (lines.push(line) > maxLines + 1) throw new Error(`it has more than ${maxLines} lines`)
    if (line.cells.length > maxColumns) throw new Error(`it has more than ${maxColumns} columns`)
  }
  return lines
}

function checkHeader(cells: readonly string[], columns: ReadonlyMap<string, CsvType>): void {
  const names = [...columns.keys()]
  if (cells.length !== names.length || cells.some((name, at) => name !== names[at])) {
    throw new Error(`its first line must name the columns ${names.join(', ')}`)
  }
}

/** A line as an object of its columns. */
export function objectOf({ cells, line }: CsvLine, columns: ReadonlyMap<string, CsvType>): MapValue {
  if (cells.length !== columns.size) {
    throw new Error(`line ${line} has ${cells.length} cells, and there are ${columns.size} columns`)
  }
  const row: MapValue = {}
  let at = 0
  for (const [name, type] of columns) setField(row, name, cellValue(cells[at++]!, type, name, line))
  return row
}

/** An empty cell that is not text is null. */
function cellValue(cell: string, type: CsvType, name: string, line: number): unknown {
  if (type === 'text') return cell
  const text = cell.trim()
  if (text === '') return null
  if (type === 'bool' && /^(true|false|1|0)$/i.test(text)) return /^(true|1)$/i.test(text)
  if (type === 'number' && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text)
  if (type === 'int' && /^[+-]?\d{1,18}$/.test(text)) {
    const value = Number(text)
    return Number.isSafeInteger(value) ? value : BigInt(text)
  }
  throw new Error(`${name} in line ${line} must be ${type}, and is ${JSON.stringify(cell.slice(0, 40))}`)
}

function namesOf(row: unknown): string[] {
  if (!isMap(row)) throw new Error(`a line is made of an object, not of ${kindOf(row)}`)
  return Object.keys(row)
}

/** What is missing or null is an empty cell. */
function cellOf(value: unknown, delimiter: string): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'object' && !(value instanceof Uint8Array)) {
    throw new Error(`${kindOf(value)} cannot be a cell`)
  }
  const text = value instanceof Uint8Array ? Buffer.from(value).toString('base64') : String(value)
  return text.includes(delimiter) || /["\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
