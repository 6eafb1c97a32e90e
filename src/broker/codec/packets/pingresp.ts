import { type PacketKind, reservedFlags } from '../kind.ts'

/**
 * The server's answer to PINGREQ.
 *
 *     0xd0 | 0
 *
 * *Source*: MQTT 5.0 §3.13; 3.1.1 §3.13.
 */
export interface PingrespPacket {
  type: 'pingresp'
}

export const pingresp: PacketKind<PingrespPacket> = {
  type: 'pingresp',
  flags: 0,
  flagsClause: reservedFlags,
  decode: () => ({ type: 'pingresp' }),
  encode() {
    // There is nothing after the fixed header.
  },
}
