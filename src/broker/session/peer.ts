import type { TrestleError } from '../../contract/error.ts'
import type { Rest } from '../rest.ts'
import type { Frame } from './frame.ts'

/** The connected client, as its session sees it. A connection is the one body. */
export interface Peer {
  /** 3, 4 or 5. *Source*: the Protocol Version byte of CONNECT. */
  readonly version: 3 | 4 | 5
  /** Messages it lets be under way: its Receive Maximum, cut to our limit. */
  readonly maxInflight: number
  /** Largest packet it takes. *Unit*: bytes. */
  readonly maxOutgoingBytes: number
  /** False while too much output waits for it. */
  readonly hasRoom: boolean
  /** Writes bytes that do not change before the turn ends. */
  push(bytes: Buffer, from: number, to: number): void
  /** Writes a PUBLISH as it stands; the bytes must never change. */
  sendFrame(frame: Frame): void
  /** Writes a copy of a PUBLISH of QoS 1 or 2 with this packet id. */
  sendNumbered(frame: Frame, packetId: number): void
  /** Writes a packet that is only a type and a packet id: PUBACK, PUBREC, PUBREL, PUBCOMP. */
  sendShort(firstByte: number, packetId: number): void
  /** Writes PUBREL for an id that is not under way, so that the client ends its half too. */
  sendUnknown(packetId: number): void
  /** The flow has decided about a publish whose first copy came on an earlier connection. */
  settleJoined(token: number, error: TrestleError | null): void
  /** Another connection has taken its session. */
  takeOver(): void
}

/** A publisher whose reading rests while a subscriber of its messages is slow. */
export interface Pausable {
  resume(cause: Rest): void
}
