import { ProtocolFault } from '../codec/fault.ts'
import type { DisconnectPacket } from '../codec/packets/disconnect.ts'
import { Reason, reasonName } from '../codec/reason.ts'
import type { Connection } from '../connection.ts'

/** The client says good-bye; its will is forgotten unless it asks for it. [MQTT-3.14.4-3] */
export function handleDisconnect(connection: Connection, packet: DisconnectPacket): void {
  const session = connection.session!
  const expirySeconds = packet.properties?.sessionExpirySeconds
  if (expirySeconds !== undefined) {
    if (session.expirySeconds === 0 && expirySeconds !== 0) {
      const problem = 'is set, though CONNECT had none'
      throw new ProtocolFault(Reason.ProtocolError, 'disconnect', 'sessionExpirySeconds', '§3.14.2.2.2', problem, 5)
    }
    session.expirySeconds = Math.min(expirySeconds, connection.context.limits.maxSessionExpiryS)
  }
  if (packet.reason === Reason.NormalDisconnection) connection.testament = null
  connection.close(packet.reason === Reason.NormalDisconnection ? 'good-bye' : reasonName(packet.reason))
}
