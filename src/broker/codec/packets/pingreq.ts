import { type PacketKind, reservedFlags } from '../kind.ts'

/**
 * A client's sign of life.
 *
 *     0xc0 | 0
 *
 * *Source*: MQTT 5.0 §3.12; 3.1.1 §3.12.
 */
export interface PingreqPacket {
  type: 'pingreq'
}

export const pingreq: PacketKind<PingreqPacket> = {
  type: 'pingreq',
  flags: 0,
  flagsClause: reservedFlags,
  decode: () => ({ type: 'pingreq' }),
  encode() {
    // There is nothing after the fixed header.
  },
}
