import { PulsarFault } from '../fault.ts'

/**
 * Reads protobuf out of a buffer without copying it.
 *
 * *Shape*: `at` moves on; `bytes` are views. *Errors*: PulsarFault `protocol` for what ends too early or cannot be.
 */
export class WireReader {
  readonly buffer: Buffer
  at: number
  readonly end: number

  constructor(buffer: Buffer, at = 0, end: number = buffer.length) {
    this.buffer = buffer
    this.at = at
    this.end = end
  }

  /** A varint as a number. *Shape*: what is above 2^63 is negative, as 64-bit two's complement has it. */
  varint(): number {
    const { buffer } = this
    let byte = this.#next()
    if (byte < 128) return byte
    let value = byte & 127
    for (let shift = 7; shift < 28; shift += 7) {
      byte = this.#next()
      value |= (byte & 127) << shift
      if (byte < 128) return value
    }
    let unit = 2 ** 28
    const start = this.at - 4
    for (let count = 4; count < 10; count++) {
      byte = this.#next()
      // The tenth byte is the sign: negative numbers are rare and may take the long way.
      if (count === 9) return Number(BigInt.asIntN(64, bigVarint(buffer, start)))
      value += (byte & 127) * unit
      unit *= 128
      if (byte < 128) return value
    }
    throw this.#broken()
  }

  /** A varint in all its 64 bits, signed. */
  varint64(): bigint {
    const start = this.at
    for (let count = 0; count < 10; count++) {
      if (this.#next() < 128) return BigInt.asIntN(64, bigVarint(this.buffer, start))
    }
    throw this.#broken()
  }

  /** The end of what begins here with its length. */
  limit(): number {
    const size = this.varint()
    const limit = this.at + size
    if (size < 0 || limit > this.end) throw this.#broken()
    return limit
  }

  /** Length and bytes, as a view. */
  bytes(): Buffer {
    const limit = this.limit()
    const view = this.buffer.subarray(this.at, limit)
    this.at = limit
    return view
  }

  /** Length and UTF-8. */
  text(): string {
    const limit = this.limit()
    const text = this.buffer.toString('utf8', this.at, limit)
    this.at = limit
    return text
  }

  /** Passes over a field that is not known. */
  skip(wireType: number): void {
    if (wireType === 0) this.varint64()
    else if (wireType === 2) this.at = this.limit()
    else if (wireType === 1) this.at += 8
    else if (wireType === 5) this.at += 4
    else throw this.#broken()
    if (this.at > this.end) throw this.#broken()
  }

  #next(): number {
    if (this.at >= this.end) throw this.#broken()
    return this.buffer[this.at++]!
  }

  #broken(): PulsarFault {
    return new PulsarFault('protocol', '', `a message of the protocol is cut off or damaged at byte ${this.at}`)
  }
}

function bigVarint(buffer: Buffer, start: number): bigint {
  let value = 0n
  for (let at = start, shift = 0n; ; at++, shift += 7n) {
    value |= BigInt(buffer[at]! & 127) << shift
    if (buffer[at]! < 128) return value
  }
}
