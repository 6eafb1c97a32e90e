import type { ByteSink } from '../binary/byte-sink.ts'
import type { ByteSource } from '../binary/byte-source.ts'
import { fail, failRead, told } from '../binary/failure.ts'
import { doubleOf, highHalf, integerOf, lowHalf, signed, unsigned, unzigzag } from '../binary/integer.ts'
import type { EnumNode, Scalar } from './proto-node.ts'

/** Writes a value without its tag; false when it does not fit, with the reason in `failure`. */
export type Write = (sink: ByteSink, value: unknown) => boolean
/** Reads a value behind its tag; `unread` when there is none, with the reason in `failure`. */
export type Read = (source: ByteSource) => unknown

/** Integers are numbers, bigints, or (as Protobuf's JSON has those of 64 bits) digits in a text. */
function wholeOf(value: unknown): number | bigint | null {
  if (typeof value !== 'string') return integerOf(value)
  if (!/^-?\d{1,20}$/.test(value)) return null
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : BigInt(value)
}

/** *Shape*: `put` gets the halves, any 32 bits each. */
function integerWriter(min: bigint, max: bigint, put: (sink: ByteSink, low: number, high: number) => void): Write {
  const [least, most] = [Number(min), Number(max)]
  const bits = max > 2n ** 32n ? 64 : 32
  return (sink, value) => {
    const whole = wholeOf(value)
    const fits =
      typeof whole === 'number' ? whole >= least && whole <= most : whole !== null && whole >= min && whole <= max
    if (!fits || whole === null) {
      const sign = min === 0n ? ' without a sign' : ''
      return fail('type', `must be a whole number of ${bits} bits${sign}${lostDigits(value)}, not ${told(value)}`)
    }
    put(sink, lowHalf(whole), highHalf(whole))
    return true
  }
}

const lostDigits = (value: unknown): string =>
  typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
    ? ' that a JSON number holds exactly'
    : ''

const [min32, max32, min64, max64] = [-(2n ** 31n), 2n ** 31n - 1n, -(2n ** 63n), 2n ** 63n - 1n]
const varint = (sink: ByteSink, low: number, high: number): void => sink.varint64(low, high)
const zigzag = (sink: ByteSink, low: number, high: number): void => sink.zigzag64(low, high)
const four = (sink: ByteSink, low: number): void => sink.fixed32(low)
const eight = (sink: ByteSink, low: number, high: number): void => {
  sink.fixed32(low)
  sink.fixed32(high)
}

const nonFinite: Readonly<Record<string, number>> = { NaN: Number.NaN, Infinity: Infinity, '-Infinity': -Infinity }

/** Numbers; as Protobuf's JSON has them also in a text. */
function realOf(value: unknown): number | undefined {
  if (typeof value !== 'string') return doubleOf(value)
  if (Object.hasOwn(nonFinite, value)) return nonFinite[value]
  return /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value) ? Number(value) : undefined
}

const base64 = /^(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2}(?:==)?|[A-Za-z0-9+/_-]{3}=?)?$/

const varintLength = (sink: ByteSink, bytes: number): void => sink.varint32(bytes)

/** How each scalar is written. */
export const scalarWriters: Readonly<Record<Scalar, Write>> = {
  // Negative numbers of 32 bits take ten bytes, as those of 64 do.
  int32: integerWriter(min32, max32, varint),
  int64: integerWriter(min64, max64, varint),
  uint32: integerWriter(0n, 2n ** 32n - 1n, varint),
  uint64: integerWriter(0n, 2n ** 64n - 1n, varint),
  sint32: integerWriter(min32, max32, zigzag),
  sint64: integerWriter(min64, max64, zigzag),
  fixed32: integerWriter(0n, 2n ** 32n - 1n, four),
  fixed64: integerWriter(0n, 2n ** 64n - 1n, eight),
  sfixed32: integerWriter(min32, max32, four),
  sfixed64: integerWriter(min64, max64, eight),
  float(sink, value) {
    const number = realOf(value)
    if (number === undefined) return fail('type', `must be a number, not ${told(value)}`)
    sink.float(number)
    return true
  },
  double(sink, value) {
    const number = realOf(value)
    if (number === undefined) return fail('type', `must be a number, not ${told(value)}`)
    sink.double(number)
    return true
  },
  bool(sink, value) {
    if (typeof value !== 'boolean') return fail('type', `must be a boolean, not ${told(value)}`)
    sink.byte(value ? 1 : 0)
    return true
  },
  string(sink, value) {
    if (typeof value !== 'string') return fail('type', `must be a text, not ${told(value)}`)
    return sink.text(value, varintLength) || fail('type', 'is no valid Unicode: half of a surrogate pair is missing')
  },
  bytes(sink, value) {
    const text = typeof value === 'string' && base64.test(value)
    // Node reads both alphabets of base64.
    const bytes = text ? Buffer.from(value, 'base64') : value
    if (!(bytes instanceof Uint8Array)) return fail('type', `must be bytes (in JSON: base64), not ${told(value)}`)
    sink.varint32(bytes.length)
    sink.bytes(bytes)
    return true
  },
}

/** An enum's value by name or number; an open enum takes any number. */
export function enumWriter({ numbers, names, closed }: EnumNode): Write {
  return (sink, value) => {
    const number = typeof value === 'string' ? numbers.get(value) : value
    if (typeof number !== 'number' || number !== (number | 0) || (closed && !names.has(number))) {
      const known = [...numbers.keys()].slice(0, 20).join(', ')
      return fail('enum', `must be one of ${known}${numbers.size > 20 ? ', …' : ''}, not ${told(value)}`)
    }
    sink.varint64(number, number >> 31)
    return true
  }
}

const varintOf =
  (convert: (low: number, high: number) => unknown): Read =>
  (source) => {
    source.varint()
    return convert(source.low, source.high)
  }

/** How each scalar is read. */
export const scalarReaders: Readonly<Record<Scalar, Read>> = {
  int32: varintOf((low) => low),
  int64: varintOf(signed),
  uint32: varintOf((low) => low >>> 0),
  uint64: varintOf(unsigned),
  sint32: varintOf((low) => (low >>> 1) ^ -(low & 1)),
  sint64: varintOf(unzigzag),
  fixed32: (source) => source.fixed32() >>> 0,
  fixed64: (source) => unsigned(source.fixed32(), source.fixed32()),
  sfixed32: (source) => source.fixed32(),
  sfixed64: (source) => signed(source.fixed32(), source.fixed32()),
  float: (source) => source.float(),
  double: (source) => source.double(),
  bool: varintOf((low, high) => (low | high) !== 0),
  string: (source) => source.text(lengthOf(source)) ?? failRead('binary', 'is not UTF-8'),
  bytes: (source) => source.bytes(lengthOf(source)),
}

/** A length; -1, which counts as cut off, when there is none that could be. */
export function lengthOf(source: ByteSource): number {
  source.varint()
  return source.count
}

/** What stands for a number that a closed enum has no name for. */
export const nameless: unique symbol = Symbol('nameless')

/** Names; of an open enum also numbers that have none. */
export function enumReader({ names, closed }: EnumNode): Read {
  return (source) => {
    source.varint()
    return names.get(source.low) ?? (closed ? nameless : source.low)
  }
}
