import type { TrestleError } from '../contract/error.ts'
import type { Packet } from './codec/packet.ts'
import type { ConnectPacket } from './codec/packets/connect.ts'
import type { AckKind } from './session/ack-order.ts'

/** What is done with each packet: `handlers/` has the bodies, one file per packet. */
export interface PacketHandlers<Connection> {
  connect(connection: Connection, packet: ConnectPacket): void
  /** A whole PUBLISH, not decoded: the hot path. */
  publish(connection: Connection, bytes: Buffer, start: number, headerBytes: number, end: number): void
  /** PUBLISH packets that were held back to go together go now. */
  finishRun(): void
  puback(connection: Connection, packetId: number): void
  pubrec(connection: Connection, packetId: number, reason: number): void
  pubrel(connection: Connection, packetId: number): void
  pubcomp(connection: Connection, packetId: number): void
  /** All that is rare: other kinds, and those above that are more than a packet id. */
  other(connection: Connection, packet: Packet): void
  /** The flow's answer to a publish is to be written. */
  answer(connection: Connection, kind: AckKind, packetId: number, error: TrestleError | null): void
  /** The connection is closed, whatever the cause. */
  gone(connection: Connection): void
}
