import { isUtf8 } from 'node:buffer'
import { unzigzag } from './integer.ts'

const shortString = 24

/** Node's own readers of text, which need not look up the name of an encoding; `@types/node` leaves them out. */
interface TextBuffer extends Buffer {
  latin1Slice(start: number, end: number): string
  utf8Slice(start: number, end: number): string
}

/**
 * Where decoders read: bytes and a position. A read beyond the end makes `cutOff` true and gives zeros, so that the
 * decoders ask once per value instead of once per byte. No length is believed before it is compared with what is there.
 */
export class ByteSource {
  buffer = Buffer.alloc(0) as Buffer as TextBuffer
  position = 0
  end = 0
  cutOff = false
  /** The halves of the last varint. *Shape*: signed 32 bits each. */
  low = 0
  high = 0

  open(bytes: Uint8Array): void {
    const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.buffer = buffer as TextBuffer
    this.position = 0
    this.end = bytes.length
    this.cutOff = false
  }

  get left(): number {
    return this.end - this.position
  }

  byte(): number {
    if (this.position < this.end) return this.buffer[this.position++]!
    this.cutOff = true
    return 0
  }

  /** Reads an integer of up to 64 bits, seven a byte, into `low` and `high`; a longer one counts as cut off. */
  varint(): void {
    const first = this.byte()
    this.high = 0
    this.low = first & 127
    if (first < 128) return
    let shift = 7
    let next = first
    for (; shift < 28 && next > 127; shift += 7) {
      next = this.byte()
      this.low |= (next & 127) << shift
    }
    if (next < 128) return
    next = this.byte()
    this.low |= (next & 127) << 28
    this.high = (next & 127) >> 4
    for (shift = 3; shift < 32 && next > 127; shift += 7) {
      next = this.byte()
      this.high |= (next & 127) << shift
    }
    if (next > 127) this.cutOff = true
  }

  /** A varint whose sign stands in its lowest bit. */
  zigzag(): number | bigint {
    const first = this.position < this.end ? this.buffer[this.position]! : 128
    if (first > 127) {
      this.varint()
      return unzigzag(this.low, this.high)
    }
    this.position++
    return (first >>> 1) ^ -(first & 1)
  }

  /** The last varint as a length or count; -1 when it is more than 2^31. */
  get count(): number {
    return this.high === 0 && this.low >= 0 ? this.low : -1
  }

  float(): number {
    if (!this.#has(4)) return 0
    this.position += 4
    return this.buffer.readFloatLE(this.position - 4)
  }

  double(): number {
    if (!this.#has(8)) return 0
    this.position += 8
    return this.buffer.readDoubleLE(this.position - 8)
  }

  /** Four bytes, the lowest first. *Shape*: signed. */
  fixed32(): number {
    if (!this.#has(4)) return 0
    this.position += 4
    return this.buffer.readInt32LE(this.position - 4)
  }

  skip(length: number): void {
    if (this.#has(length)) this.position += length
  }

  /** Bytes of their own: what was read must not hold on to what came in. */
  bytes(length: number): Uint8Array {
    if (!this.#has(length)) return new Uint8Array(0)
    const bytes = new Uint8Array(length)
    bytes.set(this.buffer.subarray(this.position, this.position + length))
    this.position += length
    return bytes
  }

  /** A text of so many bytes; null when they are not UTF-8. */
  text(length: number): string | null {
    if (!this.#has(length)) return ''
    const start = this.position
    this.position += length
    const { buffer } = this
    if (length <= shortString) {
      let bits = 0
      for (let at = start; at < this.position; at++) bits |= buffer[at]!
      if (bits < 128) return buffer.latin1Slice(start, this.position)
    }
    return isUtf8(buffer.subarray(start, this.position)) ? buffer.utf8Slice(start, this.position) : null
  }

  #has(bytes: number): boolean {
    if (bytes >= 0 && bytes <= this.end - this.position) return true
    this.cutOff = true
    return false
  }
}

/** The one source: payloads are read one at a time. */
export const source = new ByteSource()
