import { ProtocolFault } from '../codec/fault.ts'
import { Reason } from '../codec/reason.ts'
import type { Connection } from '../connection.ts'
import { SendingEvent } from '../session/exchange.ts'

/** The client has a message of QoS 1, or will not have it: either way it is settled. *Source*: MQTT 5.0 §4.3.2. */
export function handlePuback(connection: Connection, packetId: number): void {
  if (connection.session!.answered(SendingEvent.puback, packetId)) return
  const problem = `answers message ${packetId}, which is of QoS 2`
  throw new ProtocolFault(Reason.ProtocolError, 'puback', 'packet identifier', 'MQTT-4.3.2-5', problem)
}
