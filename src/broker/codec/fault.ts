import type { ProtocolVersion } from './version.ts'

/**
 * What a peer sent that the standard does not allow. Every decoder of this folder throws this and nothing else; the
 * connection that hears it ends with `reason`.
 */
export class ProtocolFault extends Error {
  /** MQTT 5 reason code (0x81 malformed, 0x82 protocol error, 0x95 too large …), also when the peer speaks 3.x. */
  readonly reason: number
  /** The packet's kind in lower case, `packet` when not even that is known. */
  readonly packet: string
  /** The part of the packet that is at fault. */
  readonly field: string
  /** `MQTT-3.3.1-4`, or `§2.2.2.2` where the standard has not numbered the sentence; of 5.0, or of 3.1.1 for 3.x peers. */
  readonly clause: string
  /** The version to answer in; null while the peer has not said which it speaks. */
  readonly version: ProtocolVersion | null

  constructor(
    reason: number,
    packet: string,
    field: string,
    clause: string,
    problem: string,
    version: ProtocolVersion | null = null,
  ) {
    super(`${packet}: ${field} ${problem} [${clause}]`)
    this.name = 'ProtocolFault'
    this.reason = reason
    this.packet = packet
    this.field = field
    this.clause = clause
    this.version = version
  }
}
