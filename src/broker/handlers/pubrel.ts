import { ProtocolFault } from '../codec/fault.ts'
import { Reason } from '../codec/reason.ts'
import type { Connection } from '../connection.ts'
import { ReceivingAct, ReceivingEvent } from '../session/exchange.ts'

const PUBCOMP = 0x70

/** The client releases the packet id of a QoS 2 message that we have. *Source*: MQTT 5.0 §4.3.3. */
export function handlePubrel(connection: Connection, packetId: number): void {
  const act = connection.session!.receiving.on(ReceivingEvent.pubrel, packetId)
  if (act === ReceivingAct.sendPubcomp) connection.sendShort(PUBCOMP, packetId)
  else if (act === ReceivingAct.sendPubcompUnknown) {
    // A client that comes back may release what was completed before: it is told of success, as clients take any other
    // code for a loss. "This is not an error during recovery." *Source*: MQTT 5.0 §3.7.2.1. 3.x has no codes.
    if (connection.version === 5 && !connection.isResumed)
      connection.sendReason('pubcomp', packetId, Reason.PacketIdNotFound)
    else connection.sendShort(PUBCOMP, packetId)
  } else {
    const problem = `releases message ${packetId} before it was received`
    throw new ProtocolFault(Reason.ProtocolError, 'pubrel', 'packet identifier', 'MQTT-4.3.3-6', problem)
  }
}
