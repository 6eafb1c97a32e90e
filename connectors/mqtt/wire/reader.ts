import { isUtf8 } from 'node:buffer'

/** The server's bytes cannot be read, or say what is not allowed; `reason` goes into our DISCONNECT. */
export class WireFault extends Error {
  /** 0x81 malformed packet, 0x82 protocol error, 0x94 topic alias, 0x95 too large. *Source*: MQTT 5.0 §2.4. */
  readonly reason: number

  constructor(message: string, reason = 0x81) {
    super(message)
    this.name = 'WireFault'
    this.reason = reason
  }
}

/** Reads the fields of one packet and never beyond its end. *Errors*: WireFault. */
export class PacketReader {
  buffer: Buffer = Buffer.alloc(0)
  at = 0
  end = 0

  open(buffer: Buffer, at: number, end: number): void {
    this.buffer = buffer
    this.at = at
    this.end = end
  }

  get left(): number {
    return this.end - this.at
  }

  uint8(): number {
    this.#need(1)
    return this.buffer[this.at++]!
  }

  uint16(): number {
    this.#need(2)
    return (this.buffer[this.at++]! << 8) | this.buffer[this.at++]!
  }

  uint32(): number {
    this.#need(4)
    const value = this.buffer.readUInt32BE(this.at)
    this.at += 4
    return value
  }

  varint(): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.uint8()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw new WireFault('a variable byte integer is longer than four bytes')
  }

  text(): string {
    const size = this.uint16()
    this.#need(size)
    const start = this.at
    const end = start + size
    this.at = end
    const { buffer } = this
    for (let place = start; place < end; place++) {
      const byte = buffer[place]!
      if (byte === 0) throw new WireFault('a text contains U+0000')
      if (byte > 0x7f) return this.#wideText(start, end)
    }
    return buffer.toString('latin1', start, end)
  }

  /** A view into the read buffer. */
  binary(): Buffer {
    const size = this.uint16()
    this.#need(size)
    const bytes = this.buffer.subarray(this.at, this.at + size)
    this.at += size
    return bytes
  }

  #wideText(start: number, end: number): string {
    const bytes = this.buffer.subarray(start, end)
    if (!isUtf8(bytes)) throw new WireFault('a text is not UTF-8')
    if (bytes.includes(0)) throw new WireFault('a text contains U+0000')
    return bytes.toString('utf8')
  }

  #need(bytes: number): void {
    if (this.at + bytes > this.end) throw new WireFault('a field ends after its packet does')
  }
}
