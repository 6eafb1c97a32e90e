import { createHash } from 'node:crypto'

/** A value as it is kept for comparing: a scalar as it is, anything else as text that begins with a NUL. */
export type StoredValue = number | string | boolean | null

/** Longer texts are kept as their hash. *Unit*: characters. */
const maxTextLength = 256
/** What is larger is not compared: writing it out would take too long. *Unit*: characters of JSON. */
export const maxComparedLength = 64 * 1024

/** Equal values give equal stored values, whatever the order of a map's fields; undefined when it is too large. */
export function storedValue(value: unknown): StoredValue | undefined {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : `\0n${value}`
  if (typeof value === 'bigint') return `\0n${value}`
  if (typeof value === 'string') {
    if (value.length > maxComparedLength) return undefined
    return bounded(value.startsWith('\0') ? `\0s${value}` : ownText(value))
  }
  const text = boundedJson(value, maxComparedLength)
  return text === null ? undefined : bounded(`\0j${text}`)
}

/**
 * The same text, on its own. V8 makes a part of a longer text that refers to the whole, which would then be kept with it; shorter ones
 * than this it copies.
 */
export const ownText = (text: string): string =>
  text.length < 13 ? text : (JSON.parse(JSON.stringify(text)) as string)

const bounded = (text: string): string =>
  text.length <= maxTextLength ? text : `\0h${createHash('sha256').update(text).digest('base64')}`

/**
 * A value as JSON with the fields of maps in the order of their names, bytes as base64, integers in full; null when it
 * is longer than `maxLength` or cannot be written: it ends there, however much there is.
 */
export function boundedJson(value: unknown, maxLength: number): string | null {
  const writer = new BoundedWriter(maxLength)
  return writer.write(value) ? writer.text : null
}

class BoundedWriter {
  text = ''
  readonly #maxLength: number
  #depth = 0

  constructor(maxLength: number) {
    this.#maxLength = maxLength
  }

  write(value: unknown): boolean {
    if (typeof value === 'string') return value.length <= this.#maxLength && this.#put(JSON.stringify(value))
    if (typeof value === 'bigint' || typeof value === 'boolean' || value === null) return this.#put(String(value))
    if (typeof value === 'number') return Number.isFinite(value) && this.#put(String(value))
    if (typeof value !== 'object' || this.#depth === 64) return false
    if (value instanceof Uint8Array)
      return value.length <= this.#maxLength && this.#put(`"${Buffer.from(value).toString('base64')}"`)
    const { toJSON } = value as { toJSON?: unknown }
    if (typeof toJSON === 'function') return this.write(toJSON.call(value))
    this.#depth++
    const written = Array.isArray(value) ? this.#list(value) : this.#map(value as Readonly<Record<string, unknown>>)
    this.#depth--
    return written
  }

  #list(list: readonly unknown[]): boolean {
    if (!this.#put('[')) return false
    for (let at = 0; at < list.length; at++) {
      if ((at > 0 && !this.#put(',')) || !this.write(list[at])) return false
    }
    return this.#put(']')
  }

  #map(map: Readonly<Record<string, unknown>>): boolean {
    const names = Object.keys(map)
    if (names.length > this.#maxLength || !this.#put('{')) return false
    let first = true
    for (const name of names.sort()) {
      if (map[name] === undefined) continue
      if (!this.#put(`${first ? '' : ','}${JSON.stringify(name)}:`) || !this.write(map[name])) return false
      first = false
    }
    return this.#put('}')
  }

  #put(piece: string): boolean {
    this.text += piece
    return this.text.length <= this.#maxLength
  }
}
