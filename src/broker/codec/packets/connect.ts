import { topicNameFault } from '../../../topic/name.ts'
import { type PacketKind, reservedFlags } from '../kind.ts'
import { readProperties, writeProperties } from '../properties.ts'
import type { PropertiesOf } from '../property-table.ts'
import type { PacketReader } from '../reader.ts'
import { Reason } from '../reason.ts'
import type { ProtocolVersion } from '../version.ts'
import type { PacketWriter } from '../writer.ts'

export type ConnectProperties = PropertiesOf<'connect'>
export type WillProperties = PropertiesOf<'will'>

/** The message the server publishes for a client that goes without a good-bye. */
export interface Will {
  topic: string
  payload: Buffer
  qos: 0 | 1 | 2
  retain: boolean
  properties: WillProperties | null
}

/**
 * A client's first packet.
 *
 *     0x10 | remaining length
 *     protocol name (text) | level (1) | flags (1) | keep alive (2) | properties (5 only)
 *     client id (text)
 *     [ will properties (5 only) | will topic (text) | will payload (binary) ]
 *     [ user name (text) ] [ password (binary) ]
 *
 *     flags: 7 user name | 6 password | 5 will retain | 4,3 will QoS | 2 will | 1 clean start | 0 reserved
 *
 * *Source*: MQTT 5.0 §3.1; 3.1.1 §3.1; 3.1 §3.1.
 */
export interface ConnectPacket {
  type: 'connect'
  version: ProtocolVersion
  cleanStart: boolean
  /** 0 turns keep-alive off. *Unit*: s. */
  keepAliveS: number
  /** May be empty; what that means is the handler's to judge [MQTT-3.1.3-8]. */
  clientId: string
  username: string | null
  password: Buffer | null
  will: Will | null
  properties: ConnectProperties | null
}

export const connect: PacketKind<ConnectPacket> = {
  type: 'connect',
  // The flags of the first byte are judged below, where the version is known.
  flags: null,
  flagsClause: reservedFlags,

  decode(reader) {
    const version = readVersion(reader)
    if (reader.flags !== 0 && version !== 3) throw reader.malformed('flags', 'are not 0', ...reservedFlags)
    const flags = readFlags(reader)
    const keepAliveS = reader.uint16('keep alive')
    const properties = version === 5 ? readProperties(reader, 'connect') : null
    if (properties?.authenticationData !== undefined && properties.authenticationMethod === undefined) {
      throw reader.wrong('authenticationData', 'stands without an authentication method', '§3.1.2.11.10')
    }
    const clientId = reader.text('client id')
    const will = (flags & WILL) === 0 ? null : readWill(reader, flags)
    // MQTT 3.1 §3.1: the remaining length takes precedence over the flags of user name and password.
    const hasUsername = (flags & USERNAME) !== 0 && !(version === 3 && reader.left === 0)
    const username = hasUsername ? reader.text('user name') : null
    const hasPassword = (flags & PASSWORD) !== 0 && !(version === 3 && reader.left === 0)
    const password = hasPassword ? reader.binary('password') : null
    const cleanStart = (flags & CLEAN_START) !== 0
    return { type: 'connect', version, cleanStart, keepAliveS, clientId, username, password, will, properties }
  },

  encode(packet, writer) {
    const { version, will } = packet
    writer.text('protocol name', version === 3 ? 'MQIsdp' : 'MQTT')
    writer.uint8(version)
    writer.uint8(flagsOf(packet))
    writer.uint16(packet.keepAliveS)
    if (version === 5) writeProperties(writer, 'connect', packet.properties)
    writer.text('client id', packet.clientId)
    if (will !== null) writeWill(will, version, writer)
    if (packet.username !== null) writer.text('user name', packet.username)
    if (packet.password !== null) writer.binary('password', packet.password)
  },
}

const USERNAME = 0x80
const PASSWORD = 0x40
const WILL_RETAIN = 0x20
const WILL_QOS = 0x18
const WILL = 0x04
const CLEAN_START = 0x02
const RESERVED = 0x01

function readVersion(reader: PacketReader): ProtocolVersion {
  reader.versionKnown = false
  const name = reader.text('protocol name')
  if (name !== 'MQTT' && name !== 'MQIsdp') throw unsupported(reader, 'protocol name', 'is not MQTT', 'MQTT-3.1.2-1')
  const level = reader.uint8('protocol level')
  // A refusal is written in the version that is nearest to what the client speaks.
  reader.version = (level & 0x7f) < 5 ? 4 : 5
  reader.versionKnown = true
  const known = name === 'MQTT' ? level === 4 || level === 5 : level === 3
  if (!known) throw unsupported(reader, 'protocol level', `is ${level} under the name ${name}`, 'MQTT-3.1.2-2')
  reader.version = level as ProtocolVersion
  return reader.version
}

function unsupported(reader: PacketReader, field: string, problem: string, clause: string): Error {
  return reader.fault(Reason.UnsupportedProtocolVersion, field, problem, clause)
}

function readFlags(reader: PacketReader): number {
  const flags = reader.uint8('connect flags')
  // MQTT 3.1 calls the bit unused and says nothing of its value.
  if ((flags & RESERVED) !== 0 && reader.version !== 3) {
    throw reader.malformed('connect flags', 'have the reserved bit set', 'MQTT-3.1.2-3')
  }
  if ((flags & WILL) === 0) {
    if ((flags & WILL_QOS) !== 0)
      throw reader.malformed('will QoS', 'is not 0 without a will', 'MQTT-3.1.2-11', 'MQTT-3.1.2-13')
    if ((flags & WILL_RETAIN) !== 0) {
      throw reader.malformed('will retain', 'is set without a will', 'MQTT-3.1.2-13', 'MQTT-3.1.2-15')
    }
  }
  if ((flags & WILL_QOS) === WILL_QOS) throw reader.malformed('will QoS', 'is 3', 'MQTT-3.1.2-12', 'MQTT-3.1.2-14')
  // MQTT 5 allows a password alone, for tokens. *Source*: MQTT 5.0 §3.1.2.9.
  if (reader.version !== 5 && (flags & PASSWORD) !== 0 && (flags & USERNAME) === 0) {
    throw reader.malformed('password', 'stands without a user name', 'MQTT-3.1.2-22')
  }
  return flags
}

function readWill(reader: PacketReader, flags: number): Will {
  const properties = reader.version === 5 ? readProperties(reader, 'will') : null
  const topic = reader.text('will topic')
  const fault = topicNameFault(topic)
  if (fault !== null) {
    const clause = topic === '' ? 'MQTT-4.7.3-1' : 'MQTT-3.3.2-2'
    throw reader.fault(Reason.TopicNameInvalid, 'will topic', fault, clause)
  }
  const payload = reader.binary('will payload')
  const qos = ((flags & WILL_QOS) >> 3) as 0 | 1 | 2
  return { topic, payload, qos, retain: (flags & WILL_RETAIN) !== 0, properties }
}

function flagsOf(packet: ConnectPacket): number {
  const { will } = packet
  let flags = packet.cleanStart ? CLEAN_START : 0
  if (will !== null) flags |= WILL | (will.qos << 3) | (will.retain ? WILL_RETAIN : 0)
  if (packet.username !== null) flags |= USERNAME
  if (packet.password !== null) flags |= PASSWORD
  return flags
}

function writeWill(will: Will, version: ProtocolVersion, writer: PacketWriter): void {
  if (version === 5) writeProperties(writer, 'will', will.properties)
  writer.text('will topic', will.topic)
  writer.binary('will payload', will.payload)
}
