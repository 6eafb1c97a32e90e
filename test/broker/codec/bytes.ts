import assert from 'node:assert/strict'
import { decodePacket } from '../../../src/broker/codec/decode.ts'
import { encodePacket } from '../../../src/broker/codec/encode.ts'
import { ProtocolFault } from '../../../src/broker/codec/fault.ts'
import { FrameScan, scanFrame } from '../../../src/broker/codec/frame.ts'
import type { Packet } from '../../../src/broker/codec/packet.ts'
import type { ProtocolVersion } from '../../../src/broker/codec/version.ts'

/** Hex with any spaces, or bytes. */
export type Part = string | Uint8Array

export const bytes = (...parts: Part[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part.replaceAll(' ', ''), 'hex') : part)))

/** A text or binary field: two bytes of length, then the bytes. */
export const field = (content: string | Uint8Array): Buffer => {
  const body = Buffer.from(content as string)
  return Buffer.concat([Buffer.from([body.length >> 8, body.length & 0xff]), body])
}

/** A packet of less than 16,384 bytes: first byte, remaining length, body. */
export const frame = (first: string, ...parts: Part[]): Buffer => {
  const body = bytes(...parts)
  const length = body.length < 128 ? [body.length] : [(body.length & 0x7f) | 0x80, body.length >> 7]
  return Buffer.concat([bytes(first), Buffer.from(length), body])
}

/** Properties of less than 128 bytes with their length. */
export const properties = (...parts: Part[]): Buffer => frame('', ...parts)

/** Decodes a whole packet through the frame scanner, from the middle of a larger buffer. */
export function decode(packet: Buffer, version: ProtocolVersion): Packet {
  const scan = new FrameScan()
  const around = Buffer.concat([Buffer.from('before'), packet, Buffer.from('after')])
  const length = scanFrame(around, 6, 6 + packet.length, 1e9, scan)
  assert.equal(length, packet.length, 'the test has built a frame of the wrong length')
  return decodePacket(around, 6, scan.headerBytes, 6 + length, version)
}

/** The packet decodes to `expected` and `expected` encodes to the packet, byte by byte. */
export function same(packet: Buffer, version: ProtocolVersion, expected: Packet): void {
  assert.deepEqual(decode(packet, version), expected)
  assert.equal(encodePacket(expected, version).toString('hex'), packet.toString('hex'))
}

/** Decoding throws a fault with this reason and clause. */
export function refused(packet: Buffer, version: ProtocolVersion, reason: number, clause: string): ProtocolFault {
  try {
    decode(packet, version)
  } catch (thrown) {
    assert.ok(thrown instanceof ProtocolFault, `not a ProtocolFault: ${thrown}`)
    assert.equal(
      `0x${thrown.reason.toString(16)} ${thrown.clause}`,
      `0x${reason.toString(16)} ${clause}`,
      thrown.message,
    )
    return thrown
  }
  assert.fail(`was taken: ${packet.toString('hex')}`)
}
