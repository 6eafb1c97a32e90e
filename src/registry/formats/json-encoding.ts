import { isUtf8 } from 'node:buffer'
import type { SchemaBody, SchemaFault } from '../schema.ts'
import { framed } from '../wire-format.ts'
import { bytesToText, isRich, numbersOf, printable } from './rich-value.ts'

const fault = (message: string): SchemaFault => ({ path: '', message, keyword: 'json' })

/**
 * Payloads that are JSON text, held against `check`. What JSON has no word for is taken as JSON writes it: bytes as
 * base64, integers beyond 2^53 in full.
 */
export function jsonEncoding(check: SchemaBody['check']): Omit<SchemaBody, 'fields'> {
  let last: SchemaFault | null = null
  // Payloads that were JSON hold no other values, and must not be searched for them: only a fault gives cause.
  const checkRich = (value: unknown): SchemaFault | null => {
    const found = check(value)
    if (found === null || !isRich(value)) return found
    try {
      return check(numbersOf(bytesToText(value)))
    } catch (thrown) {
      if (thrown instanceof RangeError) return fault('is nested too deeply')
      throw thrown
    }
  }
  return {
    check: checkRich,
    get fault() {
      return last
    },
    decode(bytes) {
      // Invalid UTF-8 would be replaced silently, and the reader would get what nobody wrote.
      if (!isUtf8(bytes)) {
        last = fault('is not UTF-8')
        return undefined
      }
      try {
        return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString())
      } catch (thrown) {
        last = fault(`is not valid JSON: ${(thrown as Error).message}`)
        return undefined
      }
    },
    encode(value, before) {
      last = checkRich(value)
      if (last !== null) return null
      try {
        return framed(before, Buffer.from(JSON.stringify(isRich(value) ? printable(value) : value)))
      } catch (thrown) {
        if (!(thrown instanceof RangeError)) throw thrown
        last = fault('is nested too deeply')
        return null
      }
    },
  }
}
