import { isUtf8 } from 'node:buffer'
import { type Delivery, TrestleError } from 'trestle/contract'

/*
 * Rows end in CR LF; a field with a comma, a quote or a line end stands in quotes, its own quotes doubled.
 * Source: RFC 4180 §2.
 */

/** The first row: the names of the columns. */
export const csvHeader = (columns: readonly string[]): string => `${columns.map(quoted).join(',')}\r\n`

/** *Errors*: E606 for a column of the payload's fields where the payload is no JSON object. */
export function printRow(columns: readonly string[], delivery: Delivery): string {
  let fields: Record<string, unknown> | null = null
  let row = ''
  for (const [at, column] of columns.entries()) {
    if (at > 0) row += ','
    if (column.startsWith('payload.')) {
      fields ??= fieldsOf(delivery)
      row += quoted(textOf(fieldAt(fields, column.slice('payload.'.length))))
    } else row += quoted(cellOf(column, delivery))
  }
  return `${row}\r\n`
}

function cellOf(column: string, { id, key, headers, payload, message }: Delivery): string {
  if (column === 'id') return id
  if (column === 'time') return new Date(message.timeMs).toISOString()
  if (column === 'topic') return message.topic
  if (column === 'client') return message.client
  if (column === 'key') return key ?? ''
  if (column === 'payload') return plainText(payload)
  const name = column.slice('header.'.length)
  const found = headers.find(([given]) => given === name)
  return found === undefined ? '' : typeof found[1] === 'string' ? found[1] : plainText(found[1])
}

/** Readable text as it is, else base64. */
function plainText(value: Uint8Array): string {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  return isUtf8(bytes) ? bytes.toString() : bytes.toString('base64')
}

function fieldsOf({ payload, message }: Delivery): Record<string, unknown> {
  let value: unknown = null
  try {
    value = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString())
  } catch {
    // Not JSON: it has no fields, which is told below.
    value = null
  }
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  throw new TrestleError('E606', 'a column names a field of the payload, which is no JSON object', {
    detail: { place: message.topic, advice: 'use the column `payload`, or format jsonl' },
  })
}

function fieldAt(fields: Record<string, unknown>, path: string): unknown {
  let value: unknown = fields
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return null
    value = (value as Record<string, unknown>)[name]
  }
  return value
}

const textOf = (value: unknown): string =>
  value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value)

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
