import type { ByteSink } from '../binary/byte-sink.ts'
import { fail, told } from '../binary/failure.ts'
import { doubleOf, highHalf, integerOf, lowHalf } from '../binary/integer.ts'
import type { PrimitiveNode } from './avro-node.ts'

/** Writes a value in Avro's binary encoding; false when it does not fit, with the reason in `failure`. */
export type Write = (sink: ByteSink, value: unknown) => boolean

/** How each primitive type is written. */
export const primitiveWriters: Readonly<Record<PrimitiveNode['kind'], Write>> = {
  null: (_, value) => value === null || value === undefined || fail('type', `must be null, not ${told(value)}`),
  boolean(sink, value) {
    if (typeof value !== 'boolean') return fail('type', `must be a boolean, not ${told(value)}`)
    sink.byte(value ? 1 : 0)
    return true
  },
  int(sink, value) {
    const number = typeof value === 'number' ? value : Number(integerOf(value) ?? Number.NaN)
    if (number !== (number | 0)) return fail('type', `must be a whole number of 32 bits, not ${told(value)}`)
    sink.zigzag(number)
    return true
  },
  long(sink, value) {
    const integer = integerOf(value)
    if (typeof integer === 'number') sink.zigzag(integer)
    else if (integer !== null && BigInt.asIntN(64, integer) === integer) {
      sink.zigzag64(lowHalf(integer), highHalf(integer))
    } else return fail('type', `must be a whole number of 64 bits${lostDigits(value)}, not ${told(value)}`)
    return true
  },
  float(sink, value) {
    const number = doubleOf(value)
    if (number === undefined) return fail('type', `must be a number, not ${told(value)}`)
    sink.float(number)
    return true
  },
  double(sink, value) {
    const number = doubleOf(value)
    if (number === undefined) return fail('type', `must be a number, not ${told(value)}`)
    sink.double(number)
    return true
  },
  bytes(sink, value) {
    const bytes = bytesOf(value)
    if (bytes === null) return fail('type', `must be bytes (in JSON: base64), not ${told(value)}`)
    sink.zigzag(bytes.length)
    sink.bytes(bytes)
    return true
  },
  string(sink, value) {
    if (typeof value !== 'string') return fail('type', `must be a text, not ${told(value)}`)
    return sink.text(value, zigzagLength) || fail('type', 'is no valid Unicode: half of a surrogate pair is missing')
  },
}

const zigzagLength = (sink: ByteSink, bytes: number): void => sink.zigzag(bytes)

/** JSON's numbers end where doubles are exact; what is said of larger ones. */
const lostDigits = (value: unknown): string =>
  typeof value === 'number' && Number.isInteger(value) ? ' that a JSON number holds exactly' : ''

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/

/** Bytes, or the text JSON has for them. */
export function bytesOf(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value
  return typeof value === 'string' && base64.test(value) ? Buffer.from(value, 'base64') : null
}

/** How a `fixed` of so many bytes is written. */
export const fixedWriter =
  (size: number): Write =>
  (sink, value) => {
    const bytes = bytesOf(value)
    if (bytes === null || bytes.length !== size) {
      return fail('type', `must be ${size} bytes (in JSON: base64), not ${bytes === null ? told(value) : bytes.length}`)
    }
    sink.bytes(bytes)
    return true
  }

/** How an enum of these symbols is written. */
export function enumWriter(symbols: readonly string[]): Write {
  const indexes = new Map<unknown, number>(symbols.map((symbol, index) => [symbol, index]))
  return (sink, value) => {
    const index = indexes.get(value)
    if (index === undefined) return fail('enum', `must be one of ${listed(symbols)}, not ${told(value)}`)
    sink.zigzag(index)
    return true
  }
}

/** The first twenty of a list of words. */
export const listed = (words: readonly string[]): string =>
  words.length > 20 ? `${words.slice(0, 20).join(', ')}, …` : words.join(', ')
