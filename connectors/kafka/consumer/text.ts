import { isUtf8 } from 'node:buffer'

/** A piece of a buffer as text where it is UTF-8, else as the bytes it is. */
export function textOrBytes(bytes: Buffer, from: number, to: number): string | Uint8Array {
  for (let at = from; at < to; at++) {
    if (bytes[at]! > 0x7f) {
      const piece = bytes.subarray(from, to)
      return isUtf8(piece) ? piece.toString('utf8') : piece
    }
  }
  return bytes.toString('latin1', from, to)
}

const slots = 256
const maxLength = 64

/** Decodes names that come again and again without making a new text each time. */
export class NameTable {
  readonly #known = new Array<{ readonly bytes: Buffer; readonly text: string } | undefined>(slots)

  read(bytes: Buffer, from: number, to: number): string {
    const length = to - from
    let hash = length
    for (let at = from; at < to; at++) hash = (hash * 31 + bytes[at]!) | 0
    const slot = (hash ^ (hash >>> 8)) & (slots - 1)
    const known = this.#known[slot]
    if (known !== undefined && known.bytes.length === length && isSame(known.bytes, bytes, from)) return known.text
    const text = bytes.toString('utf8', from, to)
    if (length <= maxLength) this.#known[slot] = { bytes: Buffer.from(bytes.subarray(from, to)), text }
    return text
  }
}

function isSame(known: Buffer, bytes: Buffer, from: number): boolean {
  for (let at = 0; at < known.length; at++) if (known[at] !== bytes[from + at]) return false
  return true
}
