const longText = 0xffff
/** Up to so many characters a loop over ASCII is faster than the call into the runtime. */
const shortText = 48

/**
 * A growing buffer that is written front to back and used again. `reserve` first, then write: the single writes do
 * not check for room.
 */
export class ByteWriter {
  bytes: Buffer
  view: DataView
  at = 0

  constructor(sizeBytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(sizeBytes)
    this.view = new DataView(this.bytes.buffer)
  }

  /** Makes room for `more` bytes behind `at`. */
  reserve(more: number): void {
    const needed = this.at + more
    if (needed <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(grown, 0, 0, this.at)
    this.bytes = grown
    this.view = new DataView(grown.buffer)
  }

  u8(value: number): void {
    this.bytes[this.at++] = value
  }

  u32(value: number): void {
    this.view.setUint32(this.at, value, true)
    this.at += 4
  }

  f64(value: number): void {
    this.view.setFloat64(this.at, value, true)
    this.at += 8
  }

  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at)
    this.at += bytes.length
  }

  /** Bytes behind their length (4 bytes). */
  blob(bytes: Uint8Array): void {
    this.u32(bytes.length)
    this.raw(bytes)
  }

  /** UTF-8 behind its length: 2 bytes, or 0xFFFF and 4 bytes. A surrogate without its pair becomes U+FFFD. */
  text(value: string): void {
    const length = value.length
    if (length <= shortText && this.#ascii(value, length)) return
    const wide = length * 3 >= longText
    const start = this.at + (wide ? 6 : 2)
    const written = this.bytes.write(value, start, 'utf8')
    this.view.setUint16(this.at, wide ? longText : written, true)
    if (wide) this.view.setUint32(this.at + 2, written, true)
    this.at = start + written
  }

  #ascii(value: string, length: number): boolean {
    const bytes = this.bytes
    const start = this.at + 2
    for (let index = 0; index < length; index += 1) {
      const code = value.charCodeAt(index)
      if (code > 0x7f) return false
      bytes[start + index] = code
    }
    this.view.setUint16(this.at, length, true)
    this.at = start + length
    return true
  }
}

/** Most bytes `text` takes for a string. */
export const maxTextBytes = (value: string): number => 6 + value.length * 3
