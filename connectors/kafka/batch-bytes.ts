/**
 * The buffer that record batches are written into, and the writing of Kafka's primitives. Who writes has reserved the
 * room before; nothing here looks for the end.
 */
export class BatchBytes {
  bytes: Buffer
  /** Where the next byte goes. */
  end = 0

  constructor(sizeBytes = 1 << 18) {
    this.bytes = Buffer.allocUnsafe(sizeBytes)
  }

  byte(value: number): void {
    this.bytes[this.end++] = value
  }

  /** Zigzag, for lengths, deltas and counts. */
  varint(value: number): void {
    const bytes = this.bytes
    // Timestamps of a long backlog may lie further apart than 2^30 ms: no bit operations beyond that.
    let rest = value >= 0 ? value * 2 : value * -2 - 1
    while (rest > 0x7f) {
      bytes[this.end++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    bytes[this.end++] = rest
  }

  /** Length and UTF-8. */
  text(text: string): void {
    const length = text.length
    if (length < 64) {
      // Short ASCII, as nearly all names are: one byte of length, one per character, without leaving JavaScript.
      const bytes = this.bytes
      const at = this.end + 1
      let index = 0
      for (; index < length; index++) {
        const unit = text.charCodeAt(index)
        if (unit > 0x7f) break
        bytes[at + index] = unit
      }
      if (index === length) {
        bytes[this.end] = length << 1
        this.end = at + length
        return
      }
    }
    this.varint(Buffer.byteLength(text))
    this.end += this.bytes.write(text, this.end)
  }

  /** Length and bytes. */
  blob(bytes: Uint8Array): void {
    this.varint(bytes.length)
    this.raw(bytes)
  }

  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.end)
    this.end += bytes.length
  }

  /** Length and decimal digits, as `String` gives them. */
  decimal(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      this.text(String(value))
      return
    }
    const bytes = this.bytes
    let digits = 1
    for (let limit = 10; value >= limit; limit *= 10) digits++
    bytes[this.end] = digits << 1
    let at = this.end + digits
    this.end = at + 1
    let rest = value
    // 32-bit arithmetic for all but the first digits: several times quicker.
    while (rest > 0x3fffffff) {
      const next = Math.floor(rest / 10)
      bytes[at--] = 48 + (rest - next * 10)
      rest = next
    }
    let low = rest | 0
    do {
      const next = (low / 10) | 0
      bytes[at--] = 48 + (low - next * 10)
      low = next
    } while (low > 0)
  }

  /** Makes room; answers where what began at `start` begins now. Finished batches keep the old buffer. */
  reserve(start: number, room: number): number {
    if (this.end + room <= this.bytes.length) return start
    const size = this.end - start
    const grown = Buffer.allocUnsafe(Math.max(this.bytes.length, (size + room) * 2))
    this.bytes.copy(grown, 0, start, this.end)
    this.bytes = grown
    this.end = size
    return 0
  }
}
