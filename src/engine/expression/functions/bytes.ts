import type { Scope, Site } from '../scope.ts'
import { bool, bytes, double, int, type Type } from '../type.ts'
import { toInt } from '../value.ts'
import { anInteger, either, type FunctionRow, method, overspent, plain, someBytes } from './row.ts'

type Read = (view: DataView, at: number, little: boolean) => number | bigint

interface Kind {
  readonly name: string
  readonly size: number
  readonly result: Type
  readonly what: string
  readonly read: Read
}

const kinds: readonly Kind[] = [
  { name: 'uint8', size: 1, result: int, what: 'unsigned integer', read: (view, at) => view.getUint8(at) },
  { name: 'int8', size: 1, result: int, what: 'integer', read: (view, at) => view.getInt8(at) },
  {
    name: 'uint16',
    size: 2,
    result: int,
    what: 'unsigned integer',
    read: (view, at, little) => view.getUint16(at, little),
  },
  { name: 'int16', size: 2, result: int, what: 'integer', read: (view, at, little) => view.getInt16(at, little) },
  { name: 'uint24', size: 3, result: int, what: 'unsigned integer', read: uint24 },
  {
    name: 'int24',
    size: 3,
    result: int,
    what: 'integer',
    read: (view, at, little) => (uint24(view, at, little) << 8) >> 8,
  },
  {
    name: 'uint32',
    size: 4,
    result: int,
    what: 'unsigned integer',
    read: (view, at, little) => view.getUint32(at, little),
  },
  { name: 'int32', size: 4, result: int, what: 'integer', read: (view, at, little) => view.getInt32(at, little) },
  {
    name: 'uint64',
    size: 8,
    result: int,
    what: 'unsigned integer',
    read: (view, at, little) => view.getBigUint64(at, little),
  },
  { name: 'int64', size: 8, result: int, what: 'integer', read: (view, at, little) => view.getBigInt64(at, little) },
  {
    name: 'float32',
    size: 4,
    result: double,
    what: 'floating-point number',
    read: (view, at, little) => view.getFloat32(at, little),
  },
  {
    name: 'float64',
    size: 8,
    result: double,
    what: 'floating-point number',
    read: (view, at, little) => view.getFloat64(at, little),
  },
]

function uint24(view: DataView, at: number, little: boolean): number {
  const [low, high] = little ? [at, at + 2] : [at + 2, at]
  return view.getUint8(low) | (view.getUint8(at + 1) << 8) | (view.getUint8(high) << 16)
}

const examples: Readonly<Record<string, string>> = {
  uint8: 'b"\\xff".uint8(0) == 255',
  int8: 'b"\\xff".int8(0) == -1',
  uint16_be: 'b"\\x01\\x02".uint16_be(0) == 258',
  uint16_le: 'b"\\x01\\x02".uint16_le(0) == 513',
  int16_be: 'b"\\xff\\xfe".int16_be(0) == -2',
  int16_le: 'b"\\xfe\\xff".int16_le(0) == -2',
  uint24_be: 'b"\\x01\\x00\\x00".uint24_be(0) == 65536',
  uint24_le: 'b"\\x00\\x00\\x01".uint24_le(0) == 65536',
  int24_be: 'b"\\xff\\xff\\xff".int24_be(0) == -1',
  int24_le: 'b"\\xfe\\xff\\xff".int24_le(0) == -2',
  uint32_be: 'b"\\xff\\xff\\xff\\xff".uint32_be(0) == 4294967295',
  uint32_le: 'b"\\x01\\x00\\x00\\x00".uint32_le(0) == 1',
  int32_be: 'b"\\xff\\xff\\xff\\xff".int32_be(0) == -1',
  int32_le: 'b"\\x01\\x00\\x00\\x80".int32_le(0) == -2147483647',
  uint64_be: 'b"\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x07".uint64_be(0) == 7',
  uint64_le: 'b"\\x07\\x00\\x00\\x00\\x00\\x00\\x00\\x00".uint64_le(0) == 7',
  int64_be: 'b"\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff".int64_be(0) == -1',
  int64_le: 'b"\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00".int64_le(0) == 1',
  float32_be: 'b"\\x41\\xac\\x00\\x00".float32_be(0) == 21.5',
  float32_le: 'b"\\x00\\x00\\xac\\x41".float32_le(0) == 21.5',
  float64_be: 'b"\\x40\\x35\\x80\\x00\\x00\\x00\\x00\\x00".float64_be(0) == 21.5',
  float64_le: 'b"\\x00\\x00\\x00\\x00\\x00\\x80\\x35\\x40".float64_le(0) == 21.5',
}

const intOrBytes = either('a whole number or bytes', anInteger, someBytes)

/** Binary payloads: numbers by size and byte order, bits, and what field buses make of them. */
export const byteFunctions: readonly FunctionRow[] = [
  ...kinds.flatMap((kind) => (kind.size === 1 ? [reader(kind, null)] : [reader(kind, 'be'), reader(kind, 'le')])),
  method(
    'bit',
    intOrBytes,
    [anInteger],
    bool,
    [
      'Whether a bit is set: of a number counted from the lowest, of bytes from the first bit sent.',
      '5.bit(2) && b"\\x80".bit(0)',
    ],
    (scope, site, value: number | Uint8Array, at: number) => {
      const found = bits(scope, site, value, at, 1)
      return typeof found === 'number' ? found === 1 : found
    },
  ),
  method(
    'bits',
    intOrBytes,
    [anInteger, anInteger],
    int,
    [
      'So many bits from a place on as an unsigned number; counted like those of `bit`.',
      '0xabcd.bits(4, 8) == 0xbc && b"\\xab\\xcd".bits(4, 8) == 0xbc',
    ],
    bits,
  ),
  method(
    'signed',
    anInteger,
    [anInteger],
    int,
    ['The lowest so many bits as an integer with a sign (two’s complement).', '0xfff.signed(12) == -1'],
    (scope, site, value: number, count: number) =>
      count < 1 || count > 64
        ? scope.fail(site, 'a number has 1 to 64 bits')
        : toInt(BigInt.asIntN(count, BigInt(value))),
  ),
  method(
    'bcd',
    someBytes,
    [anInteger, anInteger],
    int,
    [
      'Packed decimal digits as a number: of all bytes, or of so many from a place on.',
      'b"\\x12\\x34".bcd() == 1234 && b"\\x12\\x34".bcd(1, 1) == 34',
    ],
    bcd,
    { optional: 2 },
  ),
  method(
    'swap_words',
    someBytes,
    [],
    bytes,
    [
      'Each pair of 16-bit words exchanged, for 32-bit values that Modbus devices send the low word first.',
      'b"\\x00\\x00\\x41\\x20".swap_words().float32_be(0) == 10',
    ],
    (scope, site, data: Uint8Array) => swap(scope, site, data, 4, 2),
  ),
  method(
    'swap_bytes',
    someBytes,
    [],
    bytes,
    ['Each pair of bytes exchanged.', 'b"\\x01\\x02\\x03\\x04".swap_bytes() == b"\\x02\\x01\\x04\\x03"'],
    (scope, site, data: Uint8Array) => swap(scope, site, data, 2, 1),
  ),
  plain(
    'latin1',
    [someBytes],
    { kind: 'string' },
    ['Bytes as text, one character a byte (Latin-1), without zero bytes at the end.', 'latin1(b"A\\xfc\\x00") == "Aü"'],
    (scope, site, data: Uint8Array) => {
      if (!scope.spend(data.length >> 4)) return overspent(scope, site)
      let end = data.length
      while (end > 0 && data[end - 1] === 0) end--
      return Buffer.from(data.buffer, data.byteOffset, end).toString('latin1')
    },
  ),
]

function reader(kind: Kind, order: 'be' | 'le' | null): FunctionRow {
  const { name, size, result, what, read } = kind
  const whole = order === null ? name : `${name}_${order}`
  const end = order === null ? '' : order === 'be' ? ', the highest byte first' : ', the lowest byte first'
  return method(
    whole,
    someBytes,
    [anInteger],
    result,
    [`The ${size * 8}-bit ${what} at a place${end}.`, examples[whole]!],
    (scope, site, data: Uint8Array, at = 0) => {
      if (at < 0 || at + size > data.length) {
        return scope.fail(site, `${size} bytes at ${at} lie outside of ${data.length}`)
      }
      if (!scope.spend(3)) return overspent(scope, site)
      const value = read(new DataView(data.buffer, data.byteOffset, data.byteLength), at, order === 'le')
      if (typeof value === 'number') return value
      return toInt(value) ?? scope.fail(site, `${value} does not fit 64 bits with a sign`)
    },
    { optional: 1 },
  )
}

function bits(scope: Scope, site: Site, value: number | Uint8Array, from: number, count: number): unknown {
  if (!scope.spend(8)) return overspent(scope, site)
  const size = typeof value === 'number' ? 64 : value.length * 8
  if (from < 0 || count < 1 || count > 53 || from + count > size) {
    return scope.fail(site, `1 to 53 bits can be read, and bits ${from} to ${from + count} must lie within ${size}`)
  }
  if (typeof value === 'number') {
    return Number(BigInt.asUintN(count, BigInt.asUintN(64, BigInt(value)) >> BigInt(from)))
  }
  let read = 0
  for (let at = from; at < from + count; at++) read = read * 2 + ((value[at >> 3]! >> (7 - (at & 7))) & 1)
  return scope.spend(count >> 1) ? read : overspent(scope, site)
}

function bcd(scope: Scope, site: Site, data: Uint8Array, at = 0, count = data.length - at): unknown {
  if (at < 0 || count < 0 || at + count > data.length) {
    return scope.fail(site, `${count} bytes at ${at} lie outside of ${data.length}`)
  }
  if (!scope.spend(12)) return overspent(scope, site)
  if (count > 9) return scope.fail(site, `${count} bytes hold ${2 * count} digits, and a number has 18`)
  const digits = Buffer.from(data.buffer, data.byteOffset + at, count).toString('hex')
  if (/[a-f]/.test(digits)) return scope.fail(site, `${digits} are not decimal digits`)
  return toInt(BigInt(digits || '0'))
}

function swap(scope: Scope, site: Site, data: Uint8Array, group: number, part: number): unknown {
  if (data.length % group !== 0) return scope.fail(site, `${data.length} bytes are not whole groups of ${group}`)
  if (!scope.spend(data.length >> 1)) return overspent(scope, site)
  return data.map((_, at) => data[at % group < part ? at + part : at - part]!)
}
