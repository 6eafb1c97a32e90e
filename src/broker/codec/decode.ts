import { ProtocolFault } from './fault.ts'
import { isShortestHeader } from './frame.ts'
import type { PacketKind } from './kind.ts'
import { type Packet, packetNumber } from './packet.ts'
import { kinds } from './packets/kinds.ts'
import { decodePublish } from './packets/publish.ts'
import { PacketReader } from './reader.ts'
import { Reason } from './reason.ts'
import type { ProtocolVersion } from './version.ts'

export type { ProtocolVersion } from './version.ts'

/**
 * The codec of MQTT 3.1, 3.1.1 and 5: bytes to packets here, packets to bytes in `encode.ts`.
 *
 * It promises that every packet it gives obeys the standard as far as one packet alone can, in both directions, and
 * that anything else is a ProtocolFault with the reason code and the clause. It does not know connections: order of
 * packets, limits that were agreed, whether a client id or a filter is acceptable, are the handlers' to judge.
 *
 * `frame` finds packets in the stream; `packets/` has a file per kind; `properties` and its table are those of
 * MQTT 5; `reader` and `writer` know the data types; `reason` the codes. A PUBLISH on the hot path is not decoded but
 * scanned (`packets/publish`).
 */

/**
 * Decodes one whole packet, as `scanFrame` found it from `start` to `end`. A CONNECT ignores `version` and carries its
 * own. Nothing in the packet points into `buffer`. *Errors*: ProtocolFault.
 */
export function decodePacket(
  buffer: Buffer,
  start: number,
  headerBytes: number,
  end: number,
  version: ProtocolVersion,
): Packet {
  const number = buffer[start]! >> 4
  if (number === packetNumber.publish) return decodePublish(buffer, start, headerBytes, end, version)
  const kind = byNumber[number]
  if (kind === undefined) {
    const clause = version === 5 ? '§2.1.2' : '§2.2.1'
    throw new ProtocolFault(Reason.MalformedPacket, 'packet', 'packet type', clause, '0 is reserved', version)
  }
  reader.open(buffer, start, headerBytes, end, version, kind.type)
  if (kind.flags !== null) checkFlags(kind, kind.flags, version)
  const packet = kind.decode(reader)
  if (reader.version === 5 && !isShortestHeader(headerBytes, end - start - headerBytes)) {
    throw reader.malformed('remaining length', 'takes more bytes than it needs', 'MQTT-1.5.5-1')
  }
  reader.finish()
  return packet
}

const reader = new PacketReader()

const byNumber: readonly (PacketKind<Packet> | undefined)[] = Array.from({ length: 16 }, (_, number) =>
  kinds.find((kind) => packetNumber[kind.type] === number),
)

function checkFlags(kind: PacketKind<Packet>, expected: number, version: ProtocolVersion): void {
  // MQTT 3.1 uses DUP wherever it has QoS 1, and does not use the bits anywhere else. *Source*: 3.1 §2.1.
  if (reader.flags === expected || (version === 3 && (reader.flags & 0x06 & expected) === expected)) return
  throw reader.malformed('flags', `are ${reader.flags}, not ${expected}`, ...kind.flagsClause)
}
