import { reservedFlags } from '../kind.ts'
import { type Acknowledgement, acknowledgementKind } from './acknowledgement.ts'

/**
 * The answer to a PUBREL, and the end of QoS 2.
 *
 *     0x70 | remaining length | packet identifier (2) | reason code (1)? | properties?
 *
 * *Source*: MQTT 5.0 §3.7; 3.1.1 §3.7.
 */
export type PubcompPacket = Acknowledgement<'pubcomp'>

export const pubcomp = acknowledgementKind('pubcomp', 0, reservedFlags, 'MQTT-3.7.2-1')
