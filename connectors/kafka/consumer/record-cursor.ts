import type { ForeignRecord, Header } from 'trestle/contract'
import { corrupt, int64, type RawBatch } from './record-batches.ts'
import { NameTable, textOrBytes } from './text.ts'

const noHeaders: readonly Header[] = []
const noBytes = new Uint8Array(0)
const nothing = Buffer.alloc(0)
const names = new NameTable()

/**
 * Walks over the records of a batch; it *is* the record it stands on. `open` a batch, `next` until it answers false.
 * Key and headers are decoded when they are asked for, the value is a view.
 *
 * *Shape*: a key that is not UTF-8 is its base64; a value that is null is empty; so is a header's.
 * *Errors*: E606, records that do not fill their lengths.
 */
export class RecordCursor implements ForeignRecord {
  address = ''
  payload: Uint8Array = noBytes
  timeMs: number | null = null
  offset = 0
  #bytes: Buffer = nothing
  #at = 0
  #left = 0
  #size = 0
  #baseOffset = 0
  #firstMs = 0
  /** The time that all records of the batch have; -1 when each has its own. */
  #allMs = -1
  #keyAt = 0
  #keyLength = -1
  #headersAt = 0
  #headersEnd = 0
  #headers: readonly Header[] | null = null
  /** Where a varint was read up to. */
  #end = 0

  open(topic: string, { bytes, baseOffset }: RawBatch, records: Buffer): void {
    this.address = topic
    this.#bytes = records
    this.#at = 0
    this.#left = bytes.readInt32BE(57)
    this.#baseOffset = baseOffset
    this.#firstMs = int64(bytes, 27)
    this.#allMs = (bytes.readInt16BE(21) & 8) === 0 ? -1 : int64(bytes, 35)
  }

  /** Lets the batch go, so that its memory can be freed. */
  release(): void {
    this.#bytes = nothing
    this.payload = noBytes
    this.#left = 0
  }

  /** Bytes of the record, its own length left out. */
  get sizeBytes(): number {
    return this.#size
  }

  get atEnd(): boolean {
    return this.#left === 0
  }

  next(): boolean {
    if (this.#left === 0) return false
    this.#left--
    const bytes = this.#bytes
    const size = this.#varint(this.#at)
    this.#size = size
    const end = this.#end + size
    if (size < 6 || end > bytes.length) throw this.#torn()
    const deltaMs = this.#varint(this.#end + 1)
    this.offset = this.#baseOffset + this.#varint(this.#end)
    this.timeMs = this.#allMs >= 0 ? this.#allMs : this.#firstMs < 0 ? null : this.#firstMs + deltaMs
    this.#keyLength = this.#varint(this.#end)
    this.#keyAt = this.#end
    if (this.#keyLength > 0) this.#end += this.#keyLength
    const length = this.#varint(this.#end)
    const valueAt = this.#end
    this.payload = length > 0 ? bytes.subarray(valueAt, valueAt + length) : noBytes
    this.#headersAt = length > 0 ? valueAt + length : valueAt
    if (this.#headersAt >= end) throw this.#torn()
    this.#headersEnd = end
    // No headers: the count is the last byte, and it is 0.
    this.#headers = bytes[this.#headersAt] === 0 ? noHeaders : null
    this.#at = end
    return true
  }

  get key(): string | null {
    if (this.#keyLength < 0) return null
    const value = textOrBytes(this.#bytes, this.#keyAt, this.#keyAt + this.#keyLength)
    return typeof value === 'string'
      ? value
      : this.#bytes.toString('base64', this.#keyAt, this.#keyAt + this.#keyLength)
  }

  get headers(): readonly Header[] {
    this.#headers ??= this.#readHeaders()
    return this.#headers
  }

  #readHeaders(): Header[] {
    const bytes = this.#bytes
    const headers: Header[] = []
    let left = this.#varint(this.#headersAt)
    for (; left > 0 && this.#end < this.#headersEnd; left--) {
      const nameLength = this.#varint(this.#end)
      const nameAt = this.#end
      if (nameLength < 0 || nameAt + nameLength > this.#headersEnd) throw this.#torn()
      const name = names.read(bytes, nameAt, nameAt + nameLength)
      const length = this.#varint(nameAt + nameLength)
      const valueAt = this.#end
      this.#end += Math.max(0, length)
      if (this.#end > this.#headersEnd) throw this.#torn()
      // Bytes by their meaning must not be taken for text because they happen to be valid UTF-8.
      const value =
        name === 'mqtt-correlation-data'
          ? bytes.subarray(valueAt, this.#end)
          : length <= 0
            ? ''
            : textOrBytes(bytes, valueAt, this.#end)
      headers.push([name, value])
    }
    if (left !== 0) throw this.#torn()
    return headers
  }

  /** A zigzag varint at a place; afterwards `#end` is behind it. */
  #varint(at: number): number {
    const bytes = this.#bytes
    let byte = bytes[at++]!
    if (byte < 0x80) {
      this.#end = at
      return (byte >>> 1) ^ -(byte & 1)
    }
    let value = byte & 0x7f
    let unit = 0x80
    do {
      if (at >= bytes.length || unit > 0x1_0000_0000_0000) throw this.#torn()
      byte = bytes[at++]!
      value += (byte & 0x7f) * unit
      unit *= 0x80
    } while (byte >= 0x80)
    this.#end = at
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  #torn(): Error {
    return corrupt(`the records of the batch at ${this.#baseOffset}`)
  }
}
