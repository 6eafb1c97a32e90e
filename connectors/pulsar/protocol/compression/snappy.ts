import { copyWithin, matchLength, wordAt } from './lz4.ts'

/**
 * Snappy's raw format.
 *
 *     stream  = uncompressed size (varint) | element*
 *     element = literal | copy
 *     literal = tag 00: length - 1 in the upper 6 bits; 60 … 63: in the 1 … 4 bytes that follow, little endian
 *     copy    = tag 01: length - 4 in bits 2-4, offset in bits 5-7 and one byte
 *             | tag 10: length - 1 in the upper 6 bits, offset in 2 bytes, little endian
 *             | tag 11: the same, offset in 4 bytes
 *
 * *Source*: Snappy format description.
 */
const maxOffset = 65_535
const hashBits = 13
const table = new Int32Array(1 << hashBits)

export function compressSnappy(source: Uint8Array): Uint8Array {
  const out = new Uint8Array(32 + source.length + Math.ceil(source.length / 6))
  let to = writeVarint(out, 0, source.length)
  table.fill(-1)
  let at = 0
  let anchor = 0
  let misses = 0
  while (at < source.length - 4) {
    const word = wordAt(source, at)
    const slot = Math.imul(word, 0x1e35a7bd) >>> (32 - hashBits)
    const candidate = table[slot]!
    table[slot] = at
    if (candidate < 0 || at - candidate > maxOffset || wordAt(source, candidate) !== word) {
      at += 1 + (misses++ >> 6)
      continue
    }
    misses = 0
    const length = matchLength(source, candidate, at, source.length)
    to = writeLiteral(out, to, source, anchor, at)
    to = writeCopy(out, to, at - candidate, length)
    at += length
    anchor = at
  }
  to = writeLiteral(out, to, source, anchor, source.length)
  return out.subarray(0, to)
}

function writeVarint(out: Uint8Array, start: number, value: number): number {
  let to = start
  let left = value
  for (; left >= 128; left >>>= 7) out[to++] = (left & 127) | 128
  out[to++] = left
  return to
}

function writeLiteral(out: Uint8Array, start: number, source: Uint8Array, from: number, end: number): number {
  const length = end - from
  if (length === 0) return start
  let to = start
  const stored = length - 1
  if (stored < 60) out[to++] = stored << 2
  else {
    const bytes = stored < 1 << 8 ? 1 : stored < 1 << 16 ? 2 : stored < 1 << 24 ? 3 : 4
    out[to++] = (59 + bytes) << 2
    for (let index = 0; index < bytes; index++) out[to++] = (stored >>> (8 * index)) & 0xff
  }
  out.set(source.subarray(from, end), to)
  return to + length
}

/** A copy holds 64 bytes at most; one of less than 4 has no short form, so the last but one leaves some over. */
function writeCopy(out: Uint8Array, start: number, offset: number, length: number): number {
  let to = start
  let left = length
  while (left > 0) {
    const part = left > 64 ? (left < 68 ? 60 : 64) : left
    if (part >= 4 && part <= 11 && offset < 2048) {
      out[to++] = 1 | ((part - 4) << 2) | ((offset >>> 8) << 5)
      out[to++] = offset & 0xff
    } else {
      out[to++] = 2 | ((part - 1) << 2)
      out[to++] = offset & 0xff
      out[to++] = offset >>> 8
    }
    left -= part
  }
  return to
}

/** *Errors*: a RangeError for bytes that are no stream of that size. */
export function decompressSnappy(source: Uint8Array, sizeBytes: number): Uint8Array {
  // Three bytes stand for 64 at most, so a size that cannot be is refused before memory is taken for it.
  if (sizeBytes > source.length * 22 + 64) throw new RangeError('Snappy: the size cannot be right')
  let at = checkSize(source, sizeBytes)
  const out = new Uint8Array(sizeBytes)
  let to = 0
  while (at < source.length) {
    const tag = source[at++]!
    const kind = tag & 3
    if (kind === 0) {
      let length = (tag >>> 2) + 1
      if (length > 60) {
        const bytes = length - 60
        length = number(source, at, bytes) + 1
        at += bytes
      }
      if (at + length > source.length || to + length > sizeBytes) throw damaged()
      out.set(source.subarray(at, at + length), to)
      at += length
      to += length
      continue
    }
    const length = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1
    const bytes = kind === 3 ? 4 : kind
    const offset = number(source, at, bytes) + (kind === 1 ? (tag >>> 5) << 8 : 0)
    at += bytes
    if (offset === 0 || offset > to || to + length > sizeBytes) throw damaged()
    copyWithin(out, to, offset, length)
    to += length
  }
  if (to !== sizeBytes) throw new RangeError(`Snappy: ${to} bytes instead of ${sizeBytes}`)
  return out
}

/** Compares the size at the start with what was announced and answers where the elements begin. */
function checkSize(source: Uint8Array, sizeBytes: number): number {
  let size = 0
  for (let at = 0; at < 5; at++) {
    const byte = source[at]
    if (byte === undefined) break
    size += (byte & 127) * 2 ** (7 * at)
    if (byte < 128) {
      if (size !== sizeBytes) throw new RangeError(`Snappy: says ${size} bytes instead of ${sizeBytes}`)
      return at + 1
    }
  }
  throw damaged()
}

function number(source: Uint8Array, at: number, bytes: number): number {
  if (at + bytes > source.length) throw damaged()
  let value = 0
  for (let index = 0; index < bytes; index++) value += source[at + index]! * 2 ** (8 * index)
  return value
}

const damaged = (): RangeError => new RangeError('Snappy: the stream is damaged')
