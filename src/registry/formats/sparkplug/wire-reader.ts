import { isUtf8 } from 'node:buffer'

/** Bytes that are not what they should be. *Shape*: `message` reads on after "payload". */
export class Malformed extends Error {}

/** Protobuf's wire types. */
export const varint = 0
export const fixed64 = 1
export const delimited = 2
export const fixed32 = 5

/**
 * Reads Protobuf's wire format, never past its end. *Source*: Protobuf, "Encoding". *Errors*: Malformed.
 */
export class WireReader {
  readonly bytes: Buffer
  at: number
  readonly end: number

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  get more(): boolean {
    return this.at < this.end
  }

  /** The next field's number and wire type, as `number * 8 + type`. */
  tag(): number {
    const tag = this.uint32()
    if (tag < 8) throw new Malformed('has a field without a number')
    return tag
  }

  /** The low 32 bits of a varint. */
  uint32(): number {
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte()
      if (shift < 32) value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw new Malformed('has a number longer than ten bytes')
  }

  /** An unsigned integer of 64 bits: a number while exact, else a bigint. */
  uint64(): number | bigint {
    let [low, high] = [0, 0]
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte()
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high |= bits >>> 4
      } else if (shift < 63) high |= bits << (shift - 32)
      else high |= (bits & 1) << 31
      if (byte < 0x80) return joined(high >>> 0, low >>> 0)
    }
    throw new Malformed('has a number longer than ten bytes')
  }

  bool(): boolean {
    return this.uint64() !== 0
  }

  float(): number {
    const at = this.#skip(4)
    return this.bytes.readFloatLE(at)
  }

  double(): number {
    const at = this.#skip(8)
    return this.bytes.readDoubleLE(at)
  }

  /** What a length stands before, to be read on its own. */
  nested(): WireReader {
    const length = this.uint32()
    const at = this.#skip(length)
    return new WireReader(this.bytes, at, at + length)
  }

  string(): string {
    const length = this.uint32()
    const at = this.#skip(length)
    return textAt(this.bytes, at, at + length)
  }

  /** A copy. */
  rest(): Uint8Array {
    return new Uint8Array(this.bytes.subarray(this.at, this.end))
  }

  /** Goes past a field's value. */
  skip(type: number): void {
    if (type === varint) this.uint64()
    else if (type === fixed64) this.#skip(8)
    else if (type === delimited) this.#skip(this.uint32())
    else if (type === fixed32) this.#skip(4)
    else throw new Malformed(`has a field of wire type ${type}`)
  }

  #byte(): number {
    if (this.at >= this.end) throw new Malformed('ends within a number')
    return this.bytes[this.at++]!
  }

  #skip(length: number): number {
    const at = this.at
    if (length > this.end - at) throw new Malformed('ends within a field')
    this.at = at + length
    return at
  }
}

const joined = (high: number, low: number): number | bigint =>
  high < 0x20_0000 ? high * 0x1_0000_0000 + low : (BigInt(high) << 32n) | BigInt(low)

export function textAt(bytes: Buffer, at: number, end: number): string {
  const text = bytes.toString('utf8', at, end)
  if (text.includes('\ufffd') && !isUtf8(bytes.subarray(at, end))) throw new Malformed('has text that is not UTF-8')
  return text
}
