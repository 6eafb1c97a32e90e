import { type FrameScan, scanFrame } from './codec/frame.ts'

const firstBytes = 64

/** A packet that came in pieces; made when a read ends inside one, gone when it is whole. */
export class PartialPacket {
  bytes: Buffer = Buffer.allocUnsafe(firstBytes)
  #filled = 0
  /** Length of the whole packet; 0 while its header is not there. */
  #needed = 0

  /**
   * Takes what belongs to this packet from `chunk` and answers where the rest begins. `isWhole` tells whether it is
   * complete then. *Errors*: ProtocolFault, as `scanFrame`.
   */
  take(chunk: Buffer, at: number, end: number, maxBytes: number, scan: FrameScan): number {
    // The header byte by byte: it is five at most.
    while (this.#needed === 0 && at < end) {
      this.bytes[this.#filled++] = chunk[at++]!
      const whole = scanFrame(this.bytes, 0, this.#filled, maxBytes, scan)
      if (scan.headerBytes > 0) this.#needed = whole > 0 ? whole : scan.headerBytes + scan.bodyBytes
    }
    if (this.#needed === 0) return at
    const size = Math.min(this.#needed - this.#filled, end - at)
    this.#makeRoom(this.#filled + size)
    chunk.copy(this.bytes, this.#filled, at, at + size)
    this.#filled += size
    return at + size
  }

  get isWhole(): boolean {
    return this.#needed > 0 && this.#filled === this.#needed
  }

  get length(): number {
    return this.#filled
  }

  /** Grows with what has arrived, not with what was announced: an announcement costs a stranger nothing. */
  #makeRoom(size: number): void {
    if (size <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#needed, Math.max(size, this.bytes.length * 2, 4096)))
    this.bytes.copy(grown, 0, 0, this.#filled)
    this.bytes = grown
  }
}
