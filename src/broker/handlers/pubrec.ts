import { ProtocolFault } from '../codec/fault.ts'
import { Reason } from '../codec/reason.ts'
import type { Connection } from '../connection.ts'
import { SendingEvent } from '../session/exchange.ts'

/** The client has a message of QoS 2 and is told to release it, or will not have it. *Source*: MQTT 5.0 §4.3.3. */
export function handlePubrec(connection: Connection, packetId: number, reason: number): void {
  const event = reason >= 0x80 ? SendingEvent.pubrecRefused : SendingEvent.pubrec
  if (connection.session!.answered(event, packetId)) return
  const problem = `answers message ${packetId}, which is of QoS 1`
  throw new ProtocolFault(Reason.ProtocolError, 'pubrec', 'packet identifier', 'MQTT-4.3.3-4', problem)
}
