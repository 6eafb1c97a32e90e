import { WireFault } from './reader.ts'

/** Is told of one whole packet: it lies in `buffer`, its body from `start` to `end`. */
export type OnFrame = (firstByte: number, buffer: Buffer, start: number, end: number) => void

/**
 * Cuts what comes from the socket into packets.
 *
 *     byte 1    | kind (4 bits) | flags (4 bits) |
 *     byte 2…5  | remaining length: 7 bits a byte, low ones first; bit 7 = one more byte follows |
 *
 * A packet that came in one piece is not copied; the pieces of a larger one are joined once, when all are there.
 *
 * *Errors*: WireFault 0x81 for a length of more than four bytes, 0x95 beyond `maxBytes`. *Source*: MQTT 5.0 §2.1.
 */
export class Frames {
  readonly #maxBytes: number
  #pieces: Buffer[] = []
  #have = 0
  /** Bytes that must be there before the next look is worth it. */
  #need = 2

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  push(chunk: Buffer, onFrame: OnFrame): void {
    let buffer = chunk
    if (this.#have > 0) {
      this.#pieces.push(chunk)
      this.#have += chunk.length
      if (this.#have < this.#need) return
      buffer = Buffer.concat(this.#pieces, this.#have)
      this.#pieces = []
      this.#have = 0
    }
    const at = this.#cut(buffer, onFrame)
    if (at === buffer.length) return
    this.#pieces.push(at === 0 ? buffer : buffer.subarray(at))
    this.#have = buffer.length - at
  }

  /** Gives the place behind the last whole packet. */
  #cut(buffer: Buffer, onFrame: OnFrame): number {
    const { length } = buffer
    let start = 0
    for (;;) {
      let remaining = 0
      let at = start + 1
      for (let shift = 0; ; shift += 7) {
        if (at >= length) {
          this.#need = length - start + 1
          return start
        }
        const byte = buffer[at++]!
        remaining |= (byte & 0x7f) << shift
        if (byte < 0x80) break
        if (shift === 21) throw new WireFault('a remaining length is longer than four bytes')
      }
      const end = at + remaining
      if (end - start > this.#maxBytes)
        throw new WireFault(`a packet has ${end - start} bytes; ${this.#maxBytes} are taken`, 0x95)
      if (end > length) {
        this.#need = end - start
        return start
      }
      onFrame(buffer[start]!, buffer, at, end)
      start = end
      if (start === length) return start
    }
  }
}
