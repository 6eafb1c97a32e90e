import { reservedFlags } from '../kind.ts'
import { type Acknowledgement, acknowledgementKind } from './acknowledgement.ts'

/**
 * The first answer to a PUBLISH of QoS 2.
 *
 *     0x50 | remaining length | packet identifier (2) | reason code (1)? | properties?
 *
 * *Source*: MQTT 5.0 §3.5; 3.1.1 §3.5.
 */
export type PubrecPacket = Acknowledgement<'pubrec'>

export const pubrec = acknowledgementKind('pubrec', 0, reservedFlags, 'MQTT-3.5.2-1')
