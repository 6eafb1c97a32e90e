import { ProtocolFault } from '../codec/fault.ts'
import { Reason } from '../codec/reason.ts'
import type { Connection } from '../connection.ts'
import { SendingEvent } from '../session/exchange.ts'

/** The exchange of a QoS 2 message to the client is over. *Source*: MQTT 5.0 §4.3.3. */
export function handlePubcomp(connection: Connection, packetId: number): void {
  if (connection.session!.answered(SendingEvent.pubcomp, packetId)) return
  const problem = `completes message ${packetId}, which was not released`
  throw new ProtocolFault(Reason.ProtocolError, 'pubcomp', 'packet identifier', 'MQTT-4.3.3-7', problem)
}
