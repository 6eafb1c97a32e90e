/**
 * One LZ4 block, as Pulsar stores it: no frame around it, its uncompressed size stands elsewhere.
 *
 *     block    = sequence* last
 *     sequence = token | literal length | literals | offset (2 bytes, little endian) | match length
 *     last     = token | literal length | literals
 *     token    = high 4 bits: number of literals, low 4 bits: match length - 4; 15 means that bytes follow,
 *                to be added up to the first that is not 255
 *
 * *Source*: LZ4 block format description.
 */
const minMatch = 4
/** The last 5 bytes are literals, and no match begins in the last 12. */
const lastLiterals = 5
const matchLimit = 12
const maxOffset = 65_535
const hashBits = 13
const table = new Int32Array(1 << hashBits)

/** The most bytes that `length` bytes can become. */
const boundOf = (length: number): number => length + Math.ceil(length / 255) + 16

export function compressLz4(source: Uint8Array): Uint8Array {
  const out = new Uint8Array(boundOf(source.length))
  table.fill(-1)
  const end = source.length - matchLimit
  let at = 0
  let anchor = 0
  let to = 0
  let misses = 0
  while (at < end) {
    const word = wordAt(source, at)
    const slot = Math.imul(word, 0x9e3779b1) >>> (32 - hashBits)
    const candidate = table[slot]!
    table[slot] = at
    if (candidate < 0 || at - candidate > maxOffset || wordAt(source, candidate) !== word) {
      // What does not compress is passed in ever longer steps.
      at += 1 + (misses++ >> 6)
      continue
    }
    misses = 0
    const length = matchLength(source, candidate, at, source.length - lastLiterals)
    to = writeSequence(out, to, source, anchor, at, at - candidate, length)
    at += length
    anchor = at
  }
  to = writeSequence(out, to, source, anchor, source.length, 0, 0)
  return out.subarray(0, to)
}

/** A match length of 0 writes the last sequence, which has none. */
function writeSequence(
  out: Uint8Array,
  start: number,
  source: Uint8Array,
  anchor: number,
  literalsEnd: number,
  offset: number,
  length: number,
): number {
  const literals = literalsEnd - anchor
  const extra = length === 0 ? 0 : length - minMatch
  let to = start
  out[to++] = (Math.min(literals, 15) << 4) | Math.min(extra, 15)
  if (literals >= 15) to = writeLength(out, to, literals - 15)
  out.set(source.subarray(anchor, literalsEnd), to)
  to += literals
  if (length === 0) return to
  out[to++] = offset & 0xff
  out[to++] = offset >>> 8
  return extra >= 15 ? writeLength(out, to, extra - 15) : to
}

function writeLength(out: Uint8Array, start: number, length: number): number {
  let to = start
  let left = length
  for (; left >= 255; left -= 255) out[to++] = 255
  out[to++] = left
  return to
}

/** *Errors*: a RangeError for bytes that are no block of that size. */
export function decompressLz4(source: Uint8Array, sizeBytes: number): Uint8Array {
  // One byte stands for 255 at most, so a size that cannot be is refused before memory is taken for it.
  if (sizeBytes > source.length * 255 + 64) throw new RangeError('LZ4: the size cannot be right')
  const out = new Uint8Array(sizeBytes)
  let at = 0
  let to = 0
  while (at < source.length) {
    const token = source[at++]!
    let literals = token >>> 4
    if (literals === 15) [literals, at] = readLength(source, at)
    if (at + literals > source.length || to + literals > sizeBytes) throw damaged()
    out.set(source.subarray(at, at + literals), to)
    at += literals
    to += literals
    if (at === source.length) break
    if (at + 2 > source.length) throw damaged()
    const offset = source[at]! | (source[at + 1]! << 8)
    at += 2
    let length = token & 15
    if (length === 15) [length, at] = readLength(source, at)
    length += minMatch
    if (offset === 0 || offset > to || to + length > sizeBytes) throw damaged()
    copyWithin(out, to, offset, length)
    to += length
  }
  if (to !== sizeBytes) throw new RangeError(`LZ4: ${to} bytes instead of ${sizeBytes}`)
  return out
}

function readLength(source: Uint8Array, start: number): [length: number, at: number] {
  let length = 15
  let at = start
  for (;;) {
    const byte = source[at++]
    if (byte === undefined) throw damaged()
    length += byte
    if (byte !== 255) return [length, at]
  }
}

const damaged = (): RangeError => new RangeError('LZ4: the block is damaged')

/** Repeats what was written `offset` bytes ago; where it overlaps itself the pattern goes on. */
export function copyWithin(out: Uint8Array, to: number, offset: number, length: number): void {
  if (offset >= length) out.copyWithin(to, to - offset, to - offset + length)
  else for (let index = to; index < to + length; index++) out[index] = out[index - offset]!
}

export const wordAt = (source: Uint8Array, at: number): number =>
  source[at]! | (source[at + 1]! << 8) | (source[at + 2]! << 16) | (source[at + 3]! << 24)

/** How far the bytes from `first` and from `second` on are the same, up to `end`. */
export function matchLength(source: Uint8Array, first: number, second: number, end: number): number {
  let at = second
  while (at < end && source[first + at - second] === source[at]) at++
  return at - second
}
