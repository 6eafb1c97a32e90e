import { setOwn } from './binary/own-field.ts'

/** Values beyond JSON that payloads of other formats have: bytes, and integers beyond 2^53. */

/** `JSON.rawJSON` prints a number's digits as they are; TypeScript's library does not know it yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }

/** Deeper than any of our decoders go, and far from the end of the stack. */
const maxDepth = 500

/** Whether such a value is in it. */
export function isRich(value: unknown, depth = 0): boolean {
  if (typeof value === 'bigint') return true
  if (typeof value !== 'object' || value === null || depth > maxDepth) return false
  if (value instanceof Uint8Array) return true
  if (Array.isArray(value)) return value.some((item) => isRich(item, depth + 1))
  for (const name in value) if (isRich((value as Readonly<Record<string, unknown>>)[name], depth + 1)) return true
  return false
}

/** With bytes as base64. */
export const bytesToText = (value: unknown): unknown =>
  mapped(value, (one) => (one instanceof Uint8Array ? base64(one) : one))

/** With integers as the nearest numbers, for who only asks whether they are numbers and how large. */
export const numbersOf = (value: unknown): unknown =>
  mapped(value, (one) => (typeof one === 'bigint' ? Number(one) : one))

/** As `JSON.stringify` prints it in full. */
export const printable = (value: unknown): unknown =>
  mapped(value, (one) =>
    one instanceof Uint8Array ? base64(one) : typeof one === 'bigint' ? rawJSON(String(one)) : one,
  )

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')

/** A copy in which bytes and all that is no object or list have been mapped. */
function mapped(value: unknown, to: (value: unknown) => unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return to(value)
  if (Array.isArray(value)) return value.map((item) => mapped(item, to))
  // Times print themselves.
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return (value as { toJSON(): unknown }).toJSON()
  const made: Record<string, unknown> = {}
  for (const [name, item] of Object.entries(value)) setOwn(made, name, mapped(item, to))
  return made
}
