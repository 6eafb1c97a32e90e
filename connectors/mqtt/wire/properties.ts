import { type PacketReader, WireFault } from './reader.ts'

/** How a property is written. *Source*: MQTT 5.0 §2.2.2.2, table 2-4. */
type Form = 'byte' | 'uint16' | 'uint32' | 'varint' | 'text' | 'binary' | 'pair'

/** Every property of MQTT 5 by its identifier: how it is written, so that one we have no use for can be passed over. */
const forms: Readonly<Record<number, Form>> = {
  1: 'byte', // payload format indicator
  2: 'uint32', // message expiry interval
  3: 'text', // content type
  8: 'text', // response topic
  9: 'binary', // correlation data
  11: 'varint', // subscription identifier
  17: 'uint32', // session expiry interval
  18: 'text', // assigned client identifier
  19: 'uint16', // server keep alive
  21: 'text', // authentication method
  22: 'binary', // authentication data
  23: 'byte', // request problem information
  24: 'uint32', // will delay interval
  25: 'byte', // request response information
  26: 'text', // response information
  28: 'text', // server reference
  31: 'text', // reason string
  33: 'uint16', // receive maximum
  34: 'uint16', // topic alias maximum
  35: 'uint16', // topic alias
  36: 'byte', // maximum QoS
  37: 'byte', // retain available
  38: 'pair', // user property
  39: 'uint32', // maximum packet size
  40: 'byte', // wildcard subscription available
  41: 'byte', // subscription identifier available
  42: 'byte', // shared subscription available
}

/** Identifiers of the properties this client reads or writes. */
export const Property = {
  PayloadFormat: 1,
  Expiry: 2,
  ContentType: 3,
  ResponseTopic: 8,
  CorrelationData: 9,
  SessionExpiry: 17,
  AssignedClientId: 18,
  ServerKeepAlive: 19,
  WillDelay: 24,
  ServerReference: 28,
  ReasonString: 31,
  ReceiveMaximum: 33,
  TopicAliasMaximum: 34,
  TopicAlias: 35,
  MaximumQos: 36,
  RetainAvailable: 37,
  User: 38,
  MaximumPacketSize: 39,
} as const

/**
 * The properties of any packet but PUBLISH, by identifier; the last of repeated ones. Reads the length before them.
 *
 * *Errors*: WireFault for an identifier MQTT 5 does not know.
 */
export function readProperties(reader: PacketReader): Map<number, number | string> {
  const found = new Map<number, number | string>()
  const end = endOfProperties(reader)
  while (reader.at < end) {
    const id = reader.varint()
    const value = readValue(reader, id)
    if (value !== null) found.set(id, value)
  }
  if (reader.at !== end) throw new WireFault('a property reaches beyond the property length')
  return found
}

/** Reads the property length; gives the place where the properties end. */
export function endOfProperties(reader: PacketReader): number {
  const end = reader.varint() + reader.at
  if (end > reader.end) throw new WireFault('the property length reaches beyond the packet')
  return end
}

/** Reads one value; null for what is only passed over. */
export function readValue(reader: PacketReader, id: number): number | string | null {
  switch (forms[id]) {
    case 'byte':
      return reader.uint8()
    case 'uint16':
      return reader.uint16()
    case 'uint32':
      return reader.uint32()
    case 'varint':
      return reader.varint()
    case 'text':
      return reader.text()
    case 'binary':
      reader.binary()
      return null
    case 'pair':
      reader.text()
      reader.text()
      return null
    default:
      throw new WireFault(`property 0x${id.toString(16)} is unknown`)
  }
}
