import { TrestleError } from '../../contract/error.ts'

/** The largest value of a variable byte integer, and so of a packet's body. *Source*: MQTT 5.0 §1.5.5, table 1-1. */
export const maxVarint = 268_435_455

/** Room kept before the body for the first byte and the longest remaining length. */
const headerRoom = 5
/** A writer that grew beyond this gives its memory back. */
const maxKeptBytes = 65_536

/**
 * Writes the body of one packet into a buffer that grows, then puts the fixed header before it. One writer serves
 * many packets, one after the other: `start`, fields, `finish`.
 *
 * *Errors*: E803 for a text or binary field over 65,535 bytes, or a body over `maxVarint`.
 */
export class PacketWriter {
  #buffer = Buffer.allocUnsafeSlow(1024)
  #at = headerRoom

  start(): void {
    if (this.#buffer.length > maxKeptBytes) this.#buffer = Buffer.allocUnsafeSlow(1024)
    this.#at = headerRoom
  }

  uint8(value: number): void {
    this.#grow(1)
    this.#buffer[this.#at++] = value
  }

  uint16(value: number): void {
    this.#grow(2)
    this.#at = writeUint16(this.#buffer, this.#at, value)
  }

  uint32(value: number): void {
    this.#grow(4)
    this.#at = this.#buffer.writeUInt32BE(value, this.#at)
  }

  varint(value: number): void {
    this.#grow(4)
    this.#at = writeVarint(this.#buffer, this.#at, value)
  }

  text(field: string, value: string): void {
    const size = Buffer.byteLength(value)
    checkSize(field, size)
    this.#grow(2 + size)
    this.#at = writeUint16(this.#buffer, this.#at, size)
    this.#at += this.#buffer.write(value, this.#at)
  }

  binary(field: string, value: Uint8Array): void {
    checkSize(field, value.length)
    this.#grow(2 + value.length)
    this.#at = writeUint16(this.#buffer, this.#at, value.length)
    this.#buffer.set(value, this.#at)
    this.#at += value.length
  }

  /** The place where a block begins whose length is to be written before it by `closeBlock`. */
  openBlock(): number {
    return this.#at
  }

  /** Puts the length of what was written since `begin` before it, as a variable byte integer. */
  closeBlock(begin: number): void {
    const size = this.#at - begin
    const lengthBytes = varintBytes(size)
    this.#grow(lengthBytes)
    this.#buffer.copyWithin(begin + lengthBytes, begin, this.#at)
    writeVarint(this.#buffer, begin, size)
    this.#at += lengthBytes
  }

  /** The body so far; valid until the next call. */
  body(): Buffer {
    return this.#buffer.subarray(headerRoom, this.#at)
  }

  /** The whole packet, in a buffer of its own. */
  finish(firstByte: number): Buffer {
    const size = this.#at - headerRoom
    const begin = headerRoom - 1 - varintBytes(size)
    this.#buffer[begin] = firstByte
    writeVarint(this.#buffer, begin + 1, size)
    const packet = Buffer.allocUnsafe(this.#at - begin)
    this.#buffer.copy(packet, 0, begin, this.#at)
    return packet
  }

  #grow(bytes: number): void {
    const needed = this.#at + bytes
    if (needed <= this.#buffer.length) return
    if (needed > maxVarint) throw new TrestleError('E803', `a packet may have at most ${maxVarint} bytes`)
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(grown, 0, 0, this.#at)
    this.#buffer = grown
  }
}

/** How many bytes a variable byte integer takes. */
export function varintBytes(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  return value < 0x20_0000 ? 3 : 4
}

/** Writes a variable byte integer in its shortest form [MQTT-1.5.5-1]; gives the place after it. */
export function writeVarint(buffer: Buffer, at: number, value: number): number {
  let place = at
  let rest = value
  while (rest >= 0x80) {
    buffer[place++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  buffer[place++] = rest
  return place
}

export function writeUint16(buffer: Buffer, at: number, value: number): number {
  buffer[at] = value >>> 8
  buffer[at + 1] = value & 0xff
  return at + 2
}

/** Refuses what does not fit a length of two bytes. *Errors*: E803. */
export function checkSize(field: string, size: number): void {
  if (size > 0xffff) throw new TrestleError('E803', `the ${field} has ${size} bytes; MQTT allows 65535`)
}
