import { isUtf8 } from 'node:buffer'

/** What `inspectUtf8` finds: text of ASCII only, other valid text, bytes that are not UTF-8, or a U+0000. */
export const Utf8 = { Ascii: 0, Wide: 1, IllFormed: 2, Nul: 3 } as const
export type Utf8 = (typeof Utf8)[keyof typeof Utf8]

/**
 * Judges bytes by the standard's rules for a UTF-8 string: no overlong form, no surrogate, nothing above U+10FFFF
 * (1.5.4-1), no U+0000 (1.5.4-2). A byte order mark is a character like any other (1.5.4-3).
 *
 * *Source*: MQTT 5.0 §1.5.4 [MQTT-1.5.4-1, -2, -3].
 */
export function inspectUtf8(buffer: Buffer, start: number, end: number): Utf8 {
  let bits = 0
  for (let i = start; i < end; i++) {
    const byte = buffer[i]!
    if (byte === 0) return Utf8.Nul
    bits |= byte
  }
  if (bits < 0x80) return Utf8.Ascii
  return isUtf8(buffer.subarray(start, end)) ? Utf8.Wide : Utf8.IllFormed
}

/** The text of the bytes, or null when they are not a valid UTF-8 string of the standard. */
export function decodeUtf8(buffer: Buffer, start: number, end: number): string | null {
  const found = inspectUtf8(buffer, start, end)
  if (found === Utf8.Ascii) return buffer.toString('latin1', start, end)
  return found === Utf8.Wide ? buffer.toString('utf8', start, end) : null
}
