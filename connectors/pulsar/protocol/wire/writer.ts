/**
 * Writes protobuf and big-endian numbers into one growing buffer that is used again and again.
 *
 * *Shape*: `buffer[0, at)` is what was written. Growing replaces `buffer`: do not keep it across calls.
 * *Source*: protobuf encoding; Pulsar's sizes are big-endian.
 */
export class WireWriter {
  buffer: Buffer
  at = 0

  constructor(sizeBytes = 1024) {
    this.buffer = Buffer.allocUnsafeSlow(sizeBytes)
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.at + count > this.buffer.length) this.#grow(count)
  }

  #grow(count: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.at + count))
    this.buffer.copy(grown, 0, 0, this.at)
    this.buffer = grown
  }

  /** What was written, as bytes of its own. */
  copy(start = 0): Buffer {
    return Buffer.from(this.buffer.subarray(start, this.at))
  }

  byte(value: number): void {
    if (this.at === this.buffer.length) this.#grow(1)
    this.buffer[this.at++] = value
  }

  uint16(value: number): void {
    this.reserve(2)
    this.buffer[this.at++] = value >>> 8
    this.buffer[this.at++] = value
  }

  uint32(value: number): void {
    this.reserve(4)
    this.putUint32(this.at, value)
    this.at += 4
  }

  /** Overwrites four bytes that are there already. */
  putUint32(place: number, value: number): void {
    const { buffer } = this
    buffer[place] = value >>> 24
    buffer[place + 1] = value >>> 16
    buffer[place + 2] = value >>> 8
    buffer[place + 3] = value
  }

  /** A varint. *Shape*: whole numbers up to 2^53; negative ones as 64-bit two's complement (ten bytes). */
  varint(value: number): void {
    if (value < 0) {
      this.varint64(BigInt(value))
      return
    }
    this.reserve(10)
    const { buffer } = this
    let { at } = this
    let rest = value
    while (rest > 0x7fffffff) {
      buffer[at++] = (rest & 127) | 128
      rest = Math.floor(rest / 128)
    }
    while (rest > 127) {
      buffer[at++] = (rest & 127) | 128
      rest >>>= 7
    }
    buffer[at++] = rest
    this.at = at
  }

  varint64(value: bigint): void {
    this.reserve(10)
    let rest = BigInt.asUintN(64, value)
    while (rest > 127n) {
      this.buffer[this.at++] = Number(rest & 127n) | 128
      rest >>= 7n
    }
    this.buffer[this.at++] = Number(rest)
  }

  bytes(value: Uint8Array): void {
    this.reserve(value.length)
    this.buffer.set(value, this.at)
    this.at += value.length
  }

  /** As `bytes`, for few: byte by byte is cheaper than a call out of JavaScript. */
  raw(value: Uint8Array): void {
    const { length } = value
    this.reserve(length)
    const { buffer, at } = this
    for (let index = 0; index < length; index++) buffer[at + index] = value[index]!
    this.at = at + length
  }

  /** Length, then UTF-8. */
  text(value: string): void {
    const { length } = value
    if (length < 128) {
      this.reserve(1 + length)
      const { buffer, at } = this
      let done = 0
      // Short ASCII, the usual case, is cheaper letter by letter than by a call out of JavaScript.
      for (; done < length; done++) {
        const code = value.charCodeAt(done)
        if (code > 127) break
        buffer[at + 1 + done] = code
      }
      if (done === length) {
        buffer[at] = length
        this.at = at + 1 + length
        return
      }
    }
    const size = Buffer.byteLength(value)
    this.varint(size)
    this.reserve(size)
    this.at += this.buffer.write(value, this.at)
  }

  /** Opens something that is preceded by its length; answers the mark for `end`. */
  begin(): number {
    this.byte(0)
    return this.at
  }

  /** Closes what `begin` opened. What became longer than 127 bytes is moved to make room for its length. */
  end(mark: number): void {
    const size = this.at - mark
    if (size < 128) {
      this.buffer[mark - 1] = size
      return
    }
    const more = size < 16_384 ? 1 : size < 2_097_152 ? 2 : 3
    this.reserve(more)
    this.buffer.copyWithin(mark + more, mark, this.at)
    this.at = mark - 1
    this.varint(size)
    this.at += size
  }
}
