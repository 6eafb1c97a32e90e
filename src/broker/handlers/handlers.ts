import { ProtocolFault } from '../codec/fault.ts'
import type { Packet } from '../codec/packet.ts'
import { Reason } from '../codec/reason.ts'
import type { Connection } from '../connection.ts'
import type { BrokerContext } from '../context.ts'
import type { PacketHandlers } from '../packet-handlers.ts'
import { handleAuth } from './auth.ts'
import { handleConnect } from './connect.ts'
import { handleDisconnect } from './disconnect.ts'
import { handlePingreq } from './pingreq.ts'
import { handlePuback } from './puback.ts'
import { handlePubcomp } from './pubcomp.ts'
import { PublishHandler } from './publish.ts'
import { handlePubrec } from './pubrec.ts'
import { handlePubrel } from './pubrel.ts'
import { handleSubscribe } from './subscribe.ts'
import { handleUnsubscribe } from './unsubscribe.ts'

/** The bodies for all packets of one broker. `onGone` hears of every connection that is closed. */
export function packetHandlers(
  context: BrokerContext,
  onGone: (connection: Connection) => void,
): PacketHandlers<Connection> {
  const publish = new PublishHandler(context)
  return {
    connect: handleConnect,
    publish: (connection, bytes, start, headerBytes, end) => publish.handle(connection, bytes, start, headerBytes, end),
    finishRun: () => publish.finishRun(),
    puback: handlePuback,
    pubrec: handlePubrec,
    pubrel: handlePubrel,
    pubcomp: handlePubcomp,
    other: handleOther,
    answer: (connection, kind, packetId, error) => publish.answer(connection, kind, packetId, error),
    gone: onGone,
  }
}

function handleOther(connection: Connection, packet: Packet): void {
  if (packet.type === 'puback') handlePuback(connection, packet.packetId)
  else if (packet.type === 'pubrec') handlePubrec(connection, packet.packetId, packet.reason)
  else if (packet.type === 'pubrel') handlePubrel(connection, packet.packetId)
  else if (packet.type === 'pubcomp') handlePubcomp(connection, packet.packetId)
  else if (packet.type === 'pingreq') handlePingreq(connection)
  else if (packet.type === 'subscribe') handleSubscribe(connection, packet)
  else if (packet.type === 'unsubscribe') handleUnsubscribe(connection, packet)
  else if (packet.type === 'disconnect') handleDisconnect(connection, packet)
  else if (packet.type === 'auth') handleAuth()
  else {
    // A second CONNECT, or a packet that only servers send. [MQTT-3.1.0-2]
    const clause = packet.type === 'connect' ? 'MQTT-3.1.0-2' : 'MQTT-4.13.1-1'
    const problem = 'may not be sent by a client now'
    throw new ProtocolFault(Reason.ProtocolError, packet.type, 'packet type', clause, problem, connection.version)
  }
}
