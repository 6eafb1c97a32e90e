import { TrestleError } from 'trestle/contract'

/** The largest remaining length. *Source*: MQTT 5.0 §1.5.5, table 1-1. */
export const maxRemainingLength = 268_435_455

const firstBytes = 16_384

/**
 * Gathers whole packets in one buffer, so that many of them leave with one write.
 *
 * A packet's length stands before it in one to four bytes, of which the fewest must be taken; room is left for a
 * guess, and where the guess was wrong the packet is moved.
 *
 * *Errors*: E605 for a text or binary field over 65,535 bytes and for a packet MQTT cannot write.
 */
export class PacketWriter {
  #buffer = Buffer.allocUnsafeSlow(firstBytes)
  #at = 0
  #packet = 0
  #body = 0

  /** Bytes gathered. */
  get length(): number {
    return this.#at
  }

  /** Takes what was gathered; the writer begins anew. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#at)
    const left = this.#buffer.length - this.#at
    // What is left of the buffer serves the next packets: what was taken is not written to again.
    this.#buffer = left >= 1024 ? this.#buffer.subarray(this.#at) : Buffer.allocUnsafeSlow(firstBytes)
    this.#at = 0
    return taken
  }

  /** Forgets all from `length` on: a packet that is not to be sent after all. */
  rewind(length: number): void {
    this.#at = length
  }

  /** Begins a packet; `bodyBytes` is a guess of what will follow the fixed header. */
  begin(firstByte: number, bodyBytes: number): void {
    this.room(bodyBytes + 5)
    this.#packet = this.#at
    this.#buffer[this.#at++] = firstByte
    this.#at += varintBytes(bodyBytes)
    this.#body = this.#at
  }

  /** Ends the packet; gives its whole length. */
  end(): number {
    const bodyBytes = this.#at - this.#body
    if (bodyBytes > maxRemainingLength) throw tooLong('packet', bodyBytes, maxRemainingLength)
    this.#putLength(this.#packet + 1, this.#body, bodyBytes)
    return this.#at - this.#packet
  }

  /** A packet of two bytes and a packet identifier: the acknowledgements that have nothing more to say. */
  acknowledgement(firstByte: number, packetId: number): void {
    this.room(4)
    const buffer = this.#buffer
    let at = this.#at
    buffer[at++] = firstByte
    buffer[at++] = 2
    buffer[at++] = packetId >>> 8
    buffer[at++] = packetId & 0xff
    this.#at = at
  }

  uint8(value: number): void {
    this.room(1)
    this.#buffer[this.#at++] = value
  }

  uint16(value: number): void {
    this.room(2)
    this.#buffer[this.#at++] = value >>> 8
    this.#buffer[this.#at++] = value & 0xff
  }

  uint32(value: number): void {
    this.room(4)
    this.#at = this.#buffer.writeUInt32BE(value, this.#at)
  }

  text(value: string): void {
    // No character takes more than three bytes of UTF-8 for each unit of a JavaScript string.
    this.room(2 + value.length * 3)
    const start = this.#at + 2
    const size = this.#buffer.write(value, start)
    if (size > 0xffff) throw tooLong('text', size, 0xffff)
    this.#buffer[start - 2] = size >>> 8
    this.#buffer[start - 1] = size & 0xff
    this.#at = start + size
  }

  binary(value: Uint8Array): void {
    if (value.length > 0xffff) throw tooLong('binary field', value.length, 0xffff)
    this.uint16(value.length)
    this.bytes(value)
  }

  bytes(value: Uint8Array): void {
    this.room(value.length)
    this.#buffer.set(value, this.#at)
    this.#at += value.length
  }

  /** Begins a block whose length stands before it; `guess` as in `begin`. */
  openBlock(guess: number): number {
    this.room(4)
    this.#at += varintBytes(guess)
    return this.#at
  }

  closeBlock(begin: number, guess: number): void {
    this.room(4)
    this.#putLength(begin - varintBytes(guess), begin, this.#at - begin)
  }

  /** Writes a length at `place`, for which room was left up to `begin`. */
  #putLength(place: number, begin: number, length: number): void {
    const end = place + varintBytes(length)
    if (end !== begin) {
      this.room(4)
      this.#buffer.copyWithin(end, begin, begin + length)
      this.#at += end - begin
    }
    let rest = length
    let at = place
    while (rest >= 0x80) {
      this.#buffer[at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#buffer[at] = rest
  }

  room(bytes: number): void {
    const needed = this.#at + bytes
    if (needed <= this.#buffer.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2, firstBytes))
    this.#buffer.copy(grown, 0, 0, this.#at)
    this.#buffer = grown
  }
}

/** How many bytes a variable byte integer takes. *Source*: MQTT 5.0 §1.5.5. */
export function varintBytes(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  return value < 0x20_0000 ? 3 : 4
}

const tooLong = (what: string, bytes: number, most: number): TrestleError =>
  new TrestleError('E605', `the ${what} has ${bytes} bytes; MQTT takes ${most}`)
