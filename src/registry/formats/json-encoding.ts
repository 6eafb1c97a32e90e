import { isUtf8 } from 'node:buffer'
import type { SchemaBody, SchemaFault } from '../schema.ts'

const fault = (message: string): SchemaFault => ({ path: '', message, keyword: 'json' })

/** Payloads that are JSON text, held against `check`. */
export function jsonEncoding(check: SchemaBody['check']): Omit<SchemaBody, 'fields'> {
  let last: SchemaFault | null = null
  return {
    check,
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
    encode(value) {
      last = check(value)
      return last === null ? Buffer.from(JSON.stringify(value)) : null
    },
  }
}
