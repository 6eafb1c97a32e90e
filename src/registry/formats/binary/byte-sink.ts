import { fail } from './failure.ts'

/** Largest payload that is written. *Unit*: bytes. */
const maxBytes = 2 ** 26
/** A buffer that one large payload has grown beyond this is let go. */
const keptBytes = 2 ** 20
const shortString = 24

const nothing = new Uint8Array(0)
/** Held while nothing is: no value is this. */
const nobody: unique symbol = Symbol('nobody')

/**
 * Where encoders write: one growing buffer, reused for every payload. Integers of 64 bits are two halves, because
 * JavaScript's numbers end at 53 bits and its bigints cost an allocation.
 */
export class ByteSink {
  buffer: Buffer = Buffer.allocUnsafeSlow(4_096)
  position = 0

  /** The value that was written last, and by whom: to be asked for its bytes after it was only checked. */
  #held: unknown = nobody
  #holder: unknown = nobody

  /** A payload begins. */
  begin(): void {
    this.position = 0
    this.#held = nobody
  }

  /** All of `value` is written. */
  hold(holder: object, value: unknown): void {
    this.#holder = holder
    this.#held = value
  }

  /** What stands here is what `holder` would write of `value`. */
  holds(holder: object, value: unknown): boolean {
    return this.#held === value && this.#holder === holder
  }

  /** What was written, behind what is to stand before it, in fresh bytes; the next payload begins at 0. */
  take(before: Uint8Array = nothing): Uint8Array {
    const taken = Buffer.allocUnsafe(before.length + this.position)
    // A frame has few bytes: the call would cost more.
    for (let at = 0; at < before.length; at++) taken[at] = before[at]!
    this.buffer.copy(taken, before.length, 0, this.position)
    this.begin()
    if (this.buffer.length > keptBytes) this.buffer = Buffer.allocUnsafeSlow(4_096)
    return taken
  }

  /** Makes room. *Errors*: throws a RangeError beyond 64 MiB, which no payload reaches. */
  reserve(bytes: number): void {
    const needed = this.position + bytes
    if (needed <= this.buffer.length) return
    if (needed > maxBytes) throw new RangeError('the payload is larger than 64 MiB')
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2))
    this.buffer.copy(larger, 0, 0, this.position)
    this.buffer = larger
  }

  byte(value: number): void {
    this.reserve(1)
    this.buffer[this.position++] = value
  }

  /** An unsigned integer below 2^32, seven bits a byte, the lowest first. */
  varint32(value: number): void {
    this.reserve(5)
    let rest = value >>> 0
    while (rest > 127) {
      this.buffer[this.position++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.buffer[this.position++] = rest
  }

  /** An integer of 64 bits, seven a byte. *Shape*: both halves as any 32 bits, signed or not. */
  varint64(low: number, high: number): void {
    if (high === 0) {
      this.varint32(low)
      return
    }
    this.reserve(10)
    let l = low >>> 0
    let h = high >>> 0
    while (h > 0 || l > 127) {
      this.buffer[this.position++] = (l & 127) | 128
      l = ((l >>> 7) | (h << 25)) >>> 0
      h >>>= 7
    }
    this.buffer[this.position++] = l
  }

  /** A signed integer whose sign is moved to the lowest bit, so that small ones stay short. */
  zigzag64(low: number, high: number): void {
    const sign = high >> 31
    this.varint64((low << 1) ^ sign, ((high << 1) | (low >>> 31)) ^ sign)
  }

  /** As `zigzag64`, of a safe integer. */
  zigzag(value: number): void {
    if (value === (value | 0)) this.varint32((value << 1) ^ (value >> 31))
    else this.zigzag64(value >>> 0, Math.floor(value / 4_294_967_296))
  }

  /** Puts the length of all since `start` into the byte before it, making room where one byte is not enough. */
  putLength(start: number): void {
    const length = this.position - start
    if (length < 128) {
      this.buffer[start - 1] = length
      return
    }
    const more = length < 2 ** 14 ? 1 : length < 2 ** 21 ? 2 : 3
    this.reserve(more)
    this.buffer.copyWithin(start + more, start, this.position)
    this.position = start - 1
    this.varint32(length)
    this.position = start + more + length
  }

  fixed32(value: number): void {
    this.reserve(4)
    this.buffer.writeUInt32LE(value >>> 0, this.position)
    this.position += 4
  }

  float(value: number): void {
    this.reserve(4)
    this.position = this.buffer.writeFloatLE(value, this.position)
  }

  double(value: number): void {
    this.reserve(8)
    this.position = this.buffer.writeDoubleLE(value, this.position)
  }

  bytes(value: Uint8Array): void {
    this.reserve(value.length)
    // The call costs more than a few bytes.
    if (value.length > 16) this.buffer.set(value, this.position)
    else for (let at = 0; at < value.length; at++) this.buffer[this.position + at] = value[at]!
    this.position += value.length
  }

  /** Whether a text could be written: its length in UTF-8 as `length` puts it, then its bytes. */
  text(value: string, length: (sink: ByteSink, bytes: number) => void): boolean {
    if (value.length <= shortString && this.#ascii(value, length)) return true
    // A lone surrogate would become a question mark, and the reader would get what nobody wrote.
    if (!value.isWellFormed()) return false
    const bytes = Buffer.byteLength(value)
    length(this, bytes)
    this.reserve(bytes)
    this.position += this.buffer.write(value, this.position, bytes, 'utf8')
    return true
  }

  /** Short texts are mostly ASCII, and for those a loop is faster than the call. */
  #ascii(value: string, length: (sink: ByteSink, bytes: number) => void): boolean {
    const start = this.position
    length(this, value.length)
    this.reserve(value.length)
    const { buffer, position } = this
    for (let at = 0; at < value.length; at++) {
      const unit = value.charCodeAt(at)
      if (unit > 127) {
        this.position = start
        return false
      }
      buffer[position + at] = unit
    }
    this.position = position + value.length
    return true
  }
}

/** The one sink: payloads are written one at a time. */
export const sink = new ByteSink()

/** Writes a payload into the sink; one beyond its size does not fit. */
export function writeWithin(write: (sink: ByteSink, value: unknown) => boolean, value: unknown): boolean {
  try {
    return write(sink, value)
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown
    return fail('size', 'is too large or nested too deeply')
  }
}
