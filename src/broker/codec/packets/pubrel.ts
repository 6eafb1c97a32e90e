import { type Acknowledgement, acknowledgementKind } from './acknowledgement.ts'

/**
 * The answer to a PUBREC. Its flags must be 0010.
 *
 *     0x62 | remaining length | packet identifier (2) | reason code (1)? | properties?
 *
 * *Source*: MQTT 5.0 §3.6; 3.1.1 §3.6.
 */
export type PubrelPacket = Acknowledgement<'pubrel'>

export const pubrel = acknowledgementKind('pubrel', 2, ['MQTT-3.6.1-1', 'MQTT-3.6.1-1'], 'MQTT-3.6.2-1')
