import { WireWriter } from '../wire/writer.ts'

/**
 * Writes the payloads of batches (rows of single messages, see wire/single-message.ts) one behind the other into one
 * buffer that is used again and again:
 *
 *     begin()  { beginMessage()  property()…  endMessage() }…  end()  →  the payload
 *
 * Nothing is made per message: a property goes straight from the strings onto the wire.
 */
export class PayloadWriter {
  readonly wire = new WireWriter(1 << 18)
  #start = 0
  #messageAt = 0
  #count = 0

  /** Forgets all payloads; their bytes are used again. */
  reset(): void {
    this.wire.at = 0
  }

  /** Starts a new buffer, for when the old one may still be on its way. */
  renew(): void {
    this.wire.buffer = Buffer.allocUnsafeSlow(this.wire.buffer.length)
    this.wire.at = 0
  }

  begin(): void {
    this.#start = this.wire.at
    this.#count = 0
  }

  /** Messages since `begin`. */
  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    return this.wire.at - this.#start
  }

  beginMessage(): void {
    this.#messageAt = this.wire.at
    this.wire.uint32(0)
  }

  property(name: string, value: string): void {
    writeProperty(this.wire, name, value)
  }

  /** A property whose name stands ready as `nameBytes` gives it. */
  named(name: Uint8Array, value: string): void {
    const { wire } = this
    wire.byte(10)
    const mark = wire.begin()
    wire.raw(name)
    wire.text(value)
    wire.end(mark)
  }

  /** Properties that stand ready as `propertyBytes` gives them. */
  ready(properties: Uint8Array): void {
    this.wire.raw(properties)
  }

  /** *Shape*: `eventTimeMs` 0: none. `sequenceId` null: none. */
  endMessage(
    key: string | null,
    orderingKey: string | null,
    eventTimeMs: number,
    sequenceId: number | null,
    payload: Uint8Array,
  ): void {
    const { wire } = this
    if (key !== null) {
      wire.byte(18)
      wire.text(key)
    }
    wire.byte(24)
    wire.varint(payload.length)
    if (eventTimeMs > 0) {
      wire.byte(40)
      wire.varint(eventTimeMs)
    }
    if (orderingKey !== null) {
      wire.byte(58)
      wire.text(orderingKey)
    }
    if (sequenceId !== null) {
      wire.byte(64)
      wire.varint(sequenceId)
    }
    wire.putUint32(this.#messageAt, wire.at - this.#messageAt - 4)
    wire.bytes(payload)
    this.#count++
  }

  /** Takes the last message back. */
  dropMessage(): void {
    this.wire.at = this.#messageAt
    this.#count--
  }

  /** The payload since `begin`: a view that is valid until `reset`. */
  end(): Buffer {
    return this.wire.buffer.subarray(this.#start, this.wire.at)
  }
}

function writeProperty(wire: WireWriter, name: string, value: string): void {
  wire.byte(10)
  const mark = wire.begin()
  wire.byte(10)
  wire.text(name)
  wire.byte(18)
  wire.text(value)
  wire.end(mark)
}

const scratch = new WireWriter(256)

/** A property's name as `named` wants it. */
export function nameBytes(name: string): Uint8Array {
  scratch.at = 0
  scratch.byte(10)
  scratch.text(name)
  scratch.byte(18)
  return scratch.copy()
}

/** A whole property as `ready` wants it. */
export function propertyBytes(name: string, value: string): Uint8Array {
  scratch.at = 0
  writeProperty(scratch, name, value)
  return scratch.copy()
}
