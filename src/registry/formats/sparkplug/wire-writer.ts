/** Writes Protobuf's wire format into a buffer that grows. *Source*: Protobuf, "Encoding". */
export class WireWriter {
  #bytes = Buffer.allocUnsafe(256)
  #length = 0

  /** What was written, in bytes of its own. */
  get written(): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(0, this.#length))
  }

  /** An unsigned integer below 2^64. */
  uint(field: number, value: number | bigint): void {
    this.#varint(field * 8)
    this.#varint(value)
  }

  bool(field: number, value: boolean): void {
    this.uint(field, value ? 1 : 0)
  }

  float(field: number, value: number): void {
    this.#varint(field * 8 + 5)
    this.#length = this.#room(4).writeFloatLE(value, this.#length)
  }

  double(field: number, value: number): void {
    this.#varint(field * 8 + 1)
    this.#length = this.#room(8).writeDoubleLE(value, this.#length)
  }

  string(field: number, value: string): void {
    this.#varint(field * 8 + 2)
    const length = Buffer.byteLength(value)
    this.#varint(length)
    this.#length += this.#room(length).write(value, this.#length)
  }

  bytes(field: number, value: Uint8Array): void {
    this.#varint(field * 8 + 2)
    this.#varint(value.length)
    this.#room(value.length).set(value, this.#length)
    this.#length += value.length
  }

  /** A message within the message, by what writes it. */
  nested(field: number, write: (writer: WireWriter) => void): void {
    const inner = new WireWriter()
    write(inner)
    this.bytes(field, inner.#bytes.subarray(0, inner.#length))
  }

  #varint(value: number | bigint): void {
    const bytes = this.#room(10)
    if (value <= 0xffff_ffff) {
      let rest = Number(value)
      for (; rest > 0x7f; rest >>>= 7) bytes[this.#length++] = (rest & 0x7f) | 0x80
      bytes[this.#length++] = rest
      return
    }
    let rest = BigInt(value)
    for (; rest > 0x7fn; rest >>= 7n) bytes[this.#length++] = Number(rest & 0x7fn) | 0x80
    bytes[this.#length++] = Number(rest)
  }

  #room(length: number): Buffer {
    if (this.#length + length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + length))
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
    }
    return this.#bytes
  }
}
