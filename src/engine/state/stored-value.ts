import { createHash } from 'node:crypto'
import { isMap } from '../expression/value.ts'

/** A value as it is kept for comparing: a scalar as it is, anything else as text that begins with a NUL. */
export type StoredValue = number | string | boolean | null

/** Longer texts are kept as their hash. *Unit*: characters. */
const maxTextLength = 256

/** Equal values give equal stored values, whatever the order of a map's fields. */
export function storedValue(value: unknown): StoredValue {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : `\0n${value}`
  if (typeof value === 'bigint') return `\0n${value}`
  if (typeof value === 'string') return value.startsWith('\0') ? bounded(`\0s${value}`) : bounded(value)
  return bounded(`\0j${canonical(value)}`)
}

const bounded = (text: string): string =>
  text.length <= maxTextLength ? text : `\0h${createHash('sha256').update(text).digest('base64')}`

/** JSON with the fields of maps in the order of their names; bytes in base64. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_name, part: unknown) => {
    if (typeof part === 'bigint') return `\0n${part}`
    if (part instanceof Uint8Array) return `\0b${Buffer.from(part).toString('base64')}`
    if (!isMap(part)) return part
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
