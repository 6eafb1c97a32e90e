import { randomBytes } from 'node:crypto'
import type { Message } from '../../contract/message.ts'
import type { Admission, ConnectInfo } from '../access/access.ts'
import { autoSubscribe } from '../auto-subscription.ts'
import type { ConnackProperties } from '../codec/packets/connack.ts'
import type { ConnectPacket, Will } from '../codec/packets/connect.ts'
import { Reason } from '../codec/reason.ts'
import type { Connection } from '../connection.ts'
import { Rest } from '../rest.ts'
import type { Session } from '../session/session.ts'
import type { Testament } from '../session/sessions.ts'

/** Judges a CONNECT, opens the session and answers CONNACK. *Source*: MQTT 5.0 §3.1.4. */
export function handleConnect(connection: Connection, packet: ConnectPacket): void {
  connection.version = packet.version
  connection.wantsProblems = packet.properties?.requestProblemInformation ?? true
  connection.maxOutgoingBytes = packet.properties?.maximumPacketSize ?? 0xffff_ffff
  const refusal = refusalOf(connection, packet)
  if (refusal !== null) {
    connection.refuse(refusal.reason, refusal.why)
    return
  }
  const clientId = packet.clientId === '' ? `auto-${randomBytes(8).toString('hex')}` : packet.clientId
  const { visitor } = connection
  const info: ConnectInfo = {
    clientId,
    // What a certificate says counts for more than what the client does.
    username: visitor.certificateName ?? packet.username,
    password: packet.password,
    remoteAddress: visitor.address,
    listener: visitor.gate.name,
    isCertified: visitor.isCertified,
    isNamedByCertificate: visitor.certificateName !== null,
  }
  const admission = connection.context.access.authenticate(info)
  if (!(admission instanceof Promise)) {
    admit(connection, packet, clientId, admission)
    return
  }
  // Nothing that follows the CONNECT is read before it is known who sends it.
  connection.rest(Rest.admission)
  admission.then(
    (answer) => {
      admit(connection, packet, clientId, answer)
      connection.resume(Rest.admission)
    },
    (thrown: unknown) => {
      connection.context.events('error', 'access.failed', { client: clientId, fault: thrown })
      connection.refuse(Reason.ServerUnavailable, 'who you are cannot be checked now')
    },
  )
}

function refusalOf(connection: Connection, packet: ConnectPacket): { reason: number; why: string } | null {
  const { sessions } = connection.context
  if (packet.properties?.authenticationMethod !== undefined) {
    return { reason: Reason.BadAuthenticationMethod, why: 'enhanced authentication is not offered' }
  }
  // 3.1 has no empty client id; 3.1.1 only with a clean session. [MQTT-3.1.3-8 of 3.1.1]
  if (packet.clientId === '' && (packet.version === 3 || (packet.version === 4 && !packet.cleanStart))) {
    return { reason: Reason.ClientIdNotValid, why: 'an empty client id needs a clean session' }
  }
  if (!sessions.hasRoomFor(packet.clientId)) return { reason: Reason.QuotaExceeded, why: 'too many sessions' }
  return null
}

function admit(connection: Connection, packet: ConnectPacket, clientId: string, admission: Admission): void {
  if (!connection.isOpen) return
  if ('refused' in admission) {
    connection.refuse(admission.refused, admission.why)
    return
  }
  const { context, visitor } = connection
  visitor.gate.letIn(visitor)
  const { session, isPresent } = context.sessions.open(clientId, packet.cleanStart)
  session.username = admission.principal.username
  session.expirySeconds = expiryOf(packet, context.limits.maxSessionExpiryS)
  session.peer = connection
  connection.session = session
  connection.isResumed = isPresent
  connection.principal = admission.principal
  connection.maxInflight = Math.min(packet.properties?.receiveMaximum ?? 0xffff, context.limits.maxInflight)
  if (packet.will !== null) connection.testament = testamentOf(packet.will, session, context.now())
  const keepAliveS = keepAliveOf(packet, context.limits.maxKeepAliveS)
  keepWatch(connection, keepAliveS)
  const properties = packet.version === 5 ? propertiesOf(connection, packet, session, keepAliveS) : null
  connection.send({ type: 'connack', sessionPresent: isPresent, reason: Reason.Success, properties })
  context.events('info', 'client.connected', {
    client: clientId,
    version: packet.version,
    address: visitor.address,
    resumed: isPresent,
  })
  if (isPresent) session.resume()
  if (context.autoWishes.length > 0) autoSubscribe(context, session, admission.principal)
}

function expiryOf(packet: ConnectPacket, maxS: number): number {
  // A 3.x session without the clean flag has no end of its own. *Source*: MQTT 5.0 §3.1.2.11.2, note.
  const asked =
    packet.version === 5 ? (packet.properties?.sessionExpirySeconds ?? 0) : packet.cleanStart ? 0 : 0xffff_ffff
  return Math.min(asked, maxS)
}

function keepAliveOf(packet: ConnectPacket, maxS: number): number {
  // Only a client of MQTT 5 can be told of another value than its own.
  if (packet.version !== 5 || maxS === 0) return packet.keepAliveS
  return packet.keepAliveS === 0 ? maxS : Math.min(packet.keepAliveS, maxS)
}

/** 1.5 times the keep-alive without a packet ends the connection; a quarter second more for our coarse clock. */
function keepWatch(connection: Connection, keepAliveS: number): void {
  const { wheel } = connection.context
  wheel.remove(connection)
  if (keepAliveS === 0) return
  connection.silenceMs = keepAliveS * 1500 + 250
  wheel.add(connection, connection.silenceMs)
}

function testamentOf(will: Will, session: Session, timeMs: number): Testament {
  const { willDelaySeconds, ...properties } = will.properties ?? {}
  const message: Message = {
    topic: will.topic,
    payload: will.payload,
    qos: will.qos,
    retain: will.retain,
    properties: Object.keys(properties).length === 0 ? null : properties,
    client: session.clientId,
    username: session.username,
    source: null,
    timeMs,
  }
  return { message, delaySeconds: willDelaySeconds ?? 0 }
}

function propertiesOf(
  connection: Connection,
  packet: ConnectPacket,
  session: Session,
  keepAliveS: number,
): ConnackProperties {
  const { limits } = connection.context
  const properties: ConnackProperties = {
    receiveMaximum: limits.receiveMaximum,
    maximumPacketSize: limits.maxPacketBytes,
    topicAliasMaximum: limits.maxTopicAliases,
  }
  if (!connection.context.router.offersShares) properties.sharedSubscriptionAvailable = false
  if (packet.clientId === '') properties.assignedClientId = session.clientId
  if (session.expirySeconds !== (packet.properties?.sessionExpirySeconds ?? 0)) {
    properties.sessionExpirySeconds = session.expirySeconds
  }
  if (keepAliveS !== packet.keepAliveS) properties.serverKeepAliveSeconds = keepAliveS
  return properties
}
