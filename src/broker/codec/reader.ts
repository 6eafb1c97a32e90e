import { ProtocolFault } from './fault.ts'
import { Reason } from './reason.ts'
import { inspectUtf8, Utf8 } from './utf8.ts'
import type { ProtocolVersion } from './version.ts'

/**
 * Reads the fields of one packet and never beyond its end. `field` names what is read, for the fault.
 *
 * What `text` and `binary` give is the caller's own; nothing points into the read buffer.
 * *Errors*: every method throws ProtocolFault and nothing else.
 */
export class PacketReader {
  buffer: Buffer = empty
  at = 0
  end = 0
  version: ProtocolVersion = 4
  /** False until a CONNECT has said what it speaks. */
  versionKnown = true
  packet = 'packet'
  /** The low four bits of the first byte. */
  flags = 0
  /** Who sent the packet, where that decides what may stand in it. */
  fromServer = true

  /** Points the reader at a frame whose fixed header is `headerBytes` long. */
  open(
    buffer: Buffer,
    start: number,
    headerBytes: number,
    end: number,
    version: ProtocolVersion,
    packet: string,
  ): void {
    this.buffer = buffer
    this.flags = buffer[start]! & 0x0f
    this.at = start + headerBytes
    this.end = end
    this.version = version
    this.versionKnown = true
    this.fromServer = true
    this.packet = packet
  }

  get left(): number {
    return this.end - this.at
  }

  uint8(field: string): number {
    if (this.at + 1 > this.end) throw this.tooShort(field)
    return this.buffer[this.at++]!
  }

  uint16(field: string): number {
    if (this.at + 2 > this.end) throw this.tooShort(field)
    const value = (this.buffer[this.at]! << 8) | this.buffer[this.at + 1]!
    this.at += 2
    return value
  }

  uint32(field: string): number {
    if (this.at + 4 > this.end) throw this.tooShort(field)
    const value = this.buffer.readUInt32BE(this.at)
    this.at += 4
    return value
  }

  /** A variable byte integer: 7 bits a byte, low ones first, at most four bytes. *Source*: MQTT 5.0 §1.5.5. */
  varint(field: string): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.uint8(field)
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) throw this.malformed(field, 'takes more bytes than it needs', 'MQTT-1.5.5-1')
        return value
      }
    }
    throw this.malformed(field, 'is longer than four bytes', '§1.5.5')
  }

  /** A UTF-8 string after its length in two bytes. *Source*: MQTT 5.0 §1.5.4. */
  text(field: string): string {
    const end = this.#block(field)
    const found = this.#inspect(field, end)
    const text =
      found === Utf8.Ascii ? this.buffer.toString('latin1', this.at, end) : this.buffer.toString('utf8', this.at, end)
    this.at = end
    return text
  }

  /** Checks a UTF-8 string as `text` does, without making it. */
  skipText(field: string): void {
    const end = this.#block(field)
    this.#inspect(field, end)
    this.at = end
  }

  /** Bytes after their length in two bytes. *Source*: MQTT 5.0 §1.5.6. */
  binary(field: string): Buffer {
    const end = this.#block(field)
    const bytes = Buffer.from(this.buffer.subarray(this.at, end))
    this.at = end
    return bytes
  }

  skipBinary(field: string): void {
    this.at = this.#block(field)
  }

  packetId(): number {
    const id = this.uint16('packet identifier')
    if (id === 0) throw this.wrong('packet identifier', 'is 0', 'MQTT-2.2.1-3', 'MQTT-2.3.1-1')
    return id
  }

  /** To be called when a packet has been read: nothing may follow. */
  finish(): void {
    if (this.at !== this.end) {
      throw this.malformed('end', `is followed by ${this.left} more bytes`, 'MQTT-4.13.1-1', 'MQTT-4.8.0-1')
    }
    this.buffer = empty
  }

  /** The peer's bytes cannot be read as the standard says. */
  malformed(field: string, problem: string, clause: string, clauseOf3 = clause): ProtocolFault {
    return this.fault(Reason.MalformedPacket, field, problem, clause, clauseOf3)
  }

  /** The peer's bytes can be read and say what is not allowed. */
  wrong(field: string, problem: string, clause: string, clauseOf3 = clause): ProtocolFault {
    return this.fault(Reason.ProtocolError, field, problem, clause, clauseOf3)
  }

  fault(reason: number, field: string, problem: string, clause: string, clauseOf3 = clause): ProtocolFault {
    const cited = this.version === 5 ? clause : clauseOf3
    return new ProtocolFault(reason, this.packet, field, cited, problem, this.versionKnown ? this.version : null)
  }

  tooShort(field: string): ProtocolFault {
    return this.malformed(field, 'ends after the packet does', 'MQTT-4.13.1-1', 'MQTT-4.8.0-1')
  }

  #block(field: string): number {
    const end = this.uint16(field) + this.at
    if (end > this.end) throw this.tooShort(field)
    return end
  }

  #inspect(field: string, end: number): Utf8 {
    const found = inspectUtf8(this.buffer, this.at, end)
    if (found === Utf8.IllFormed) throw this.malformed(field, 'is not UTF-8', 'MQTT-1.5.4-1', 'MQTT-1.5.3-1')
    if (found === Utf8.Nul) throw this.malformed(field, 'contains U+0000', 'MQTT-1.5.4-2', 'MQTT-1.5.3-2')
    return found
  }
}

const empty = Buffer.alloc(0)
