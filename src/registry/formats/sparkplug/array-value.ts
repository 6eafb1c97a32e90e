import { Malformed, textAt } from './wire-reader.ts'

/** Most elements of one array. */
export const maxElements = 250_000
/** Most texts of one array. */
const maxTexts = 50_000

interface Element {
  readonly size: number
  read(bytes: Buffer, at: number): number | bigint
  write(bytes: Buffer, value: never, at: number): void
}

/** Packed elements, the lowest byte first. *Source*: Sparkplug 3.0, 6.4.16 "Array Types". */
const elements: ReadonlyMap<string, Element> = new Map<string, Element>([
  [
    'Int8Array',
    { size: 1, read: (bytes, at) => bytes.readInt8(at), write: (bytes, value, at) => bytes.writeInt8(value, at) },
  ],
  [
    'Int16Array',
    { size: 2, read: (bytes, at) => bytes.readInt16LE(at), write: (bytes, value, at) => bytes.writeInt16LE(value, at) },
  ],
  [
    'Int32Array',
    { size: 4, read: (bytes, at) => bytes.readInt32LE(at), write: (bytes, value, at) => bytes.writeInt32LE(value, at) },
  ],
  [
    'Int64Array',
    {
      size: 8,
      read: (bytes, at) => signed64(bytes, at),
      write: (bytes, value, at) => bytes.writeBigInt64LE(BigInt(value), at),
    },
  ],
  [
    'UInt8Array',
    { size: 1, read: (bytes, at) => bytes.readUInt8(at), write: (bytes, value, at) => bytes.writeUInt8(value, at) },
  ],
  [
    'UInt16Array',
    {
      size: 2,
      read: (bytes, at) => bytes.readUInt16LE(at),
      write: (bytes, value, at) => bytes.writeUInt16LE(value, at),
    },
  ],
  [
    'UInt32Array',
    {
      size: 4,
      read: (bytes, at) => bytes.readUInt32LE(at),
      write: (bytes, value, at) => bytes.writeUInt32LE(value, at),
    },
  ],
  [
    'UInt64Array',
    {
      size: 8,
      read: (bytes, at) => unsigned64(bytes, at),
      write: (bytes, value, at) => bytes.writeBigUInt64LE(BigInt(value), at),
    },
  ],
  [
    'FloatArray',
    { size: 4, read: (bytes, at) => bytes.readFloatLE(at), write: (bytes, value, at) => bytes.writeFloatLE(value, at) },
  ],
  [
    'DoubleArray',
    {
      size: 8,
      read: (bytes, at) => bytes.readDoubleLE(at),
      write: (bytes, value, at) => bytes.writeDoubleLE(value, at),
    },
  ],
  [
    'DateTimeArray',
    {
      size: 8,
      read: (bytes, at) => unsigned64(bytes, at),
      write: (bytes, value, at) => bytes.writeBigUInt64LE(BigInt(value), at),
    },
  ],
])

/** A number while exact: most are, and a bigint costs. */
function signed64(bytes: Buffer, at: number): number | bigint {
  const number = bytes.readInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at)
  return Number.isSafeInteger(number) ? number : bytes.readBigInt64LE(at)
}

function unsigned64(bytes: Buffer, at: number): number | bigint {
  const number = bytes.readUInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at)
  return Number.isSafeInteger(number) ? number : bytes.readBigUInt64LE(at)
}

export const isArrayType = (type: string): boolean =>
  elements.has(type) || type === 'BooleanArray' || type === 'StringArray'

/** The elements that bytes hold. *Errors*: Malformed. */
export function readArray(type: string, packed: Uint8Array): unknown[] {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.length)
  if (type === 'BooleanArray') return readBooleans(bytes)
  if (type === 'StringArray') return readTexts(bytes)
  const element = elements.get(type)!
  if (bytes.length % element.size !== 0) throw new Malformed(`has a ${type} that ends within an element`)
  const length = bytes.length / element.size
  if (length > maxElements) throw new Malformed(`has a ${type} of more than ${maxElements} elements`)
  const items: unknown[] = []
  for (let at = 0; at < bytes.length; at += element.size) items.push(element.read(bytes, at))
  return items
}

/** How many there are in four bytes, then eight to the byte, the first in the highest bit. */
function readBooleans(bytes: Buffer): boolean[] {
  const length = bytes.length < 4 ? -1 : bytes.readUInt32LE(0)
  if (length < 0 || Math.ceil(length / 8) !== bytes.length - 4) {
    throw new Malformed('has a BooleanArray of another length than it says')
  }
  if (length > maxElements) throw new Malformed(`has a BooleanArray of more than ${maxElements} elements`)
  const items: boolean[] = []
  for (let at = 0; at < length; at++) items.push((bytes[4 + (at >> 3)]! & (0x80 >> (at & 7))) !== 0)
  return items
}

/** Each ends with a zero. */
function readTexts(bytes: Buffer): string[] {
  const texts: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0, at)
    if (end < 0) throw new Malformed('has a StringArray whose last text does not end')
    if (texts.length === maxTexts) throw new Malformed(`has a StringArray of more than ${maxTexts} texts`)
    texts.push(textAt(bytes, at, end))
    at = end + 1
  }
  return texts
}

/** The bytes of elements; null when one does not fit. */
export function packArray(type: string, value: unknown): Uint8Array | null {
  if (!Array.isArray(value)) return null
  if (type === 'StringArray') {
    const fits = value.every((text) => typeof text === 'string' && !text.includes('\0'))
    return fits ? Buffer.from(value.map((text) => `${text}\0`).join('')) : null
  }
  if (type === 'BooleanArray') return value.every((item) => typeof item === 'boolean') ? packBooleans(value) : null
  const floating = type === 'FloatArray' || type === 'DoubleArray'
  const isElement = (item: unknown): boolean =>
    floating ? typeof item === 'number' : Number.isInteger(item) || typeof item === 'bigint'
  if (!value.every(isElement)) return null
  const element = elements.get(type)!
  const bytes = Buffer.alloc(value.length * element.size)
  try {
    for (const [at, item] of value.entries())
      element.write(bytes, (element.size < 8 || floating ? Number(item) : item) as never, at * element.size)
  } catch (thrown) {
    if (thrown instanceof RangeError || thrown instanceof TypeError) return null
    throw thrown
  }
  return bytes
}

function packBooleans(value: readonly boolean[]): Uint8Array {
  const bytes = Buffer.alloc(4 + Math.ceil(value.length / 8))
  bytes.writeUInt32LE(value.length)
  for (const [at, item] of value.entries()) if (item) bytes[4 + (at >> 3)]! |= 0x80 >> (at & 7)
  return bytes
}
