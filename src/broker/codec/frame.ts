import { ProtocolFault } from './fault.ts'
import { Reason } from './reason.ts'

/** What `scanFrame` has found out about a frame. */
export class FrameScan {
  /** Bytes of the fixed header: 2 to 5; 0 while its end has not arrived. */
  headerBytes = 0
  /** Bytes after it: the remaining length. */
  bodyBytes = 0
}

/**
 * Looks for one whole packet in `buffer` from `start` to `end`.
 *
 *     byte 1    | type (4 bits) | flags (4 bits) |
 *     byte 2…5  | remaining length: variable byte integer, low 7 bits first, bit 7 = one more byte follows |
 *
 * Gives the length of the whole packet when it is there, 0 when more bytes are needed (`scan` is filled as soon as
 * the header is there). That the length is written in its shortest form is a rule of MQTT 5 only and is checked where
 * the version is known.
 *
 * *Errors*: ProtocolFault 0x81 when the length goes on after four bytes; 0x95 when the whole packet would be larger
 * than `maxBytes`, as soon as the length is known. *Source*: MQTT 5.0 §2.1, [MQTT-3.1.2-24]; 3.1.1 §2.2.3.
 */
export function scanFrame(buffer: Buffer, start: number, end: number, maxBytes: number, scan: FrameScan): number {
  let bodyBytes = 0
  let at = start + 1
  for (let shift = 0; ; shift += 7) {
    if (at >= end) {
      scan.headerBytes = 0
      return 0
    }
    const byte = buffer[at++]!
    bodyBytes |= (byte & 0x7f) << shift
    if (byte < 0x80) break
    if (shift === 21) throw lengthFault()
  }
  const headerBytes = at - start
  scan.headerBytes = headerBytes
  scan.bodyBytes = bodyBytes
  const frameBytes = headerBytes + bodyBytes
  if (frameBytes > maxBytes) throw sizeFault(frameBytes, maxBytes)
  return start + frameBytes <= end ? frameBytes : 0
}

/** Whether the remaining length takes the fewest bytes that can hold it. [MQTT-1.5.5-1] */
export function isShortestHeader(headerBytes: number, bodyBytes: number): boolean {
  return headerBytes === 2 || bodyBytes >= 1 << (7 * (headerBytes - 2))
}

function lengthFault(): ProtocolFault {
  const problem = 'is longer than four bytes'
  return new ProtocolFault(Reason.MalformedPacket, 'packet', 'remaining length', '§2.1.4', problem)
}

function sizeFault(frameBytes: number, maxBytes: number): ProtocolFault {
  const problem = `makes a packet of ${frameBytes} bytes; at most ${maxBytes} are taken`
  return new ProtocolFault(Reason.PacketTooLarge, 'packet', 'remaining length', 'MQTT-3.1.2-24', problem)
}
