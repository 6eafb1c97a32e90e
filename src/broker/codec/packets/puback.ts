import { reservedFlags } from '../kind.ts'
import { type Acknowledgement, acknowledgementKind } from './acknowledgement.ts'

/**
 * The answer to a PUBLISH of QoS 1.
 *
 *     0x40 | remaining length | packet identifier (2) | reason code (1)? | properties?
 *
 * *Source*: MQTT 5.0 §3.4; 3.1.1 §3.4.
 */
export type PubackPacket = Acknowledgement<'puback'>

export const puback = acknowledgementKind('puback', 0, reservedFlags, 'MQTT-3.4.2-1')
