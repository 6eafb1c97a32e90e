import type { MessageProperties } from '../../contract/message.ts'
import { Reason } from './reason.ts'

/**
 * All properties of MQTT 5 by the names they have in packets; absent ones are undefined.
 * *Source*: MQTT 5.0 §2.2.2.2, table 2-4. *Unit*: seconds and bytes as named.
 */
export interface PropertyValues extends MessageProperties {
  sessionExpirySeconds?: number
  assignedClientId?: string
  serverKeepAliveSeconds?: number
  authenticationMethod?: string
  authenticationData?: Uint8Array
  requestProblemInformation?: boolean
  willDelaySeconds?: number
  requestResponseInformation?: boolean
  responseInformation?: string
  serverReference?: string
  reasonString?: string
  receiveMaximum?: number
  topicAliasMaximum?: number
  topicAlias?: number
  maximumQos?: 0 | 1
  retainAvailable?: boolean
  maximumPacketSize?: number
  wildcardSubscriptionAvailable?: boolean
  subscriptionIdAvailable?: boolean
  sharedSubscriptionAvailable?: boolean
  /** Of a SUBSCRIBE. */
  subscriptionId?: number
  /** Of a PUBLISH that a server sends: one for each subscription that matched. */
  subscriptionIds?: number[]
}

/** Where properties stand: a packet's kind, or the will inside a CONNECT. */
export type PropertyPlace =
  | 'connect'
  | 'connack'
  | 'publish'
  | 'will'
  | 'puback'
  | 'pubrec'
  | 'pubrel'
  | 'pubcomp'
  | 'subscribe'
  | 'suback'
  | 'unsubscribe'
  | 'unsuback'
  | 'disconnect'
  | 'auth'

/** How a value is written. `flag` is a byte of 0 or 1 that stands for a boolean; `pair` is two texts. */
export type PropertyType = 'byte' | 'flag' | 'uint16' | 'uint32' | 'varint' | 'binary' | 'text' | 'pair'

/** One property: identifier, name, type, places, and the limits of its value. */
export interface PropertyRow {
  readonly id: number
  readonly name: keyof PropertyValues
  readonly type: PropertyType
  readonly places: readonly PropertyPlace[]
  /** The section that defines it, and says that a second one is a protocol error. */
  readonly section: string
  /** Whether it may stand more than once; its value is then an array. */
  readonly repeats?: true
  readonly min?: number
  readonly max?: number
  /** Reason code and clause when the value is outside `min` and `max`. */
  readonly reason?: number
  readonly clause?: string
}

/** Table 2-4 of the standard. Types of packets' properties are derived from it. */
export const propertyTable = [
  { id: 0x01, name: 'payloadFormat', type: 'byte', max: 1, places: ['publish', 'will'], section: '§3.3.2.3.2' },
  { id: 0x02, name: 'expirySeconds', type: 'uint32', places: ['publish', 'will'], section: '§3.3.2.3.3' },
  { id: 0x03, name: 'contentType', type: 'text', places: ['publish', 'will'], section: '§3.3.2.3.9' },
  { id: 0x08, name: 'responseTopic', type: 'text', places: ['publish', 'will'], section: '§3.3.2.3.5' },
  { id: 0x09, name: 'correlationData', type: 'binary', places: ['publish', 'will'], section: '§3.3.2.3.6' },
  {
    id: 0x0b,
    name: 'subscriptionIds',
    type: 'varint',
    min: 1,
    repeats: true,
    places: ['publish'],
    section: '§3.3.2.3.8',
  },
  { id: 0x0b, name: 'subscriptionId', type: 'varint', min: 1, places: ['subscribe'], section: '§3.8.2.1.2' },
  {
    id: 0x11,
    name: 'sessionExpirySeconds',
    type: 'uint32',
    places: ['connect', 'connack', 'disconnect'],
    section: '§3.1.2.11.2',
  },
  { id: 0x12, name: 'assignedClientId', type: 'text', places: ['connack'], section: '§3.2.2.3.7' },
  { id: 0x13, name: 'serverKeepAliveSeconds', type: 'uint16', places: ['connack'], section: '§3.2.2.3.14' },
  {
    id: 0x15,
    name: 'authenticationMethod',
    type: 'text',
    places: ['connect', 'connack', 'auth'],
    section: '§3.1.2.11.9',
  },
  {
    id: 0x16,
    name: 'authenticationData',
    type: 'binary',
    places: ['connect', 'connack', 'auth'],
    section: '§3.1.2.11.10',
  },
  { id: 0x17, name: 'requestProblemInformation', type: 'flag', places: ['connect'], section: '§3.1.2.11.7' },
  { id: 0x18, name: 'willDelaySeconds', type: 'uint32', places: ['will'], section: '§3.1.3.2.2' },
  { id: 0x19, name: 'requestResponseInformation', type: 'flag', places: ['connect'], section: '§3.1.2.11.6' },
  { id: 0x1a, name: 'responseInformation', type: 'text', places: ['connack'], section: '§3.2.2.3.15' },
  { id: 0x1c, name: 'serverReference', type: 'text', places: ['connack', 'disconnect'], section: '§3.2.2.3.16' },
  {
    id: 0x1f,
    name: 'reasonString',
    type: 'text',
    places: ['connack', 'puback', 'pubrec', 'pubrel', 'pubcomp', 'suback', 'unsuback', 'disconnect', 'auth'],
    section: '§3.2.2.3.9',
  },
  { id: 0x21, name: 'receiveMaximum', type: 'uint16', min: 1, places: ['connect', 'connack'], section: '§3.1.2.11.3' },
  { id: 0x22, name: 'topicAliasMaximum', type: 'uint16', places: ['connect', 'connack'], section: '§3.1.2.11.5' },
  {
    id: 0x23,
    name: 'topicAlias',
    type: 'uint16',
    min: 1,
    reason: Reason.TopicAliasInvalid,
    clause: 'MQTT-3.3.2-8',
    places: ['publish'],
    section: '§3.3.2.3.4',
  },
  { id: 0x24, name: 'maximumQos', type: 'byte', max: 1, places: ['connack'], section: '§3.2.2.3.4' },
  { id: 0x25, name: 'retainAvailable', type: 'flag', places: ['connack'], section: '§3.2.2.3.5' },
  {
    id: 0x26,
    name: 'user',
    type: 'pair',
    repeats: true,
    places: [
      'connect',
      'connack',
      'publish',
      'will',
      'puback',
      'pubrec',
      'pubrel',
      'pubcomp',
      'subscribe',
      'suback',
      'unsubscribe',
      'unsuback',
      'disconnect',
      'auth',
    ],
    section: '§3.3.2.3.7',
  },
  {
    id: 0x27,
    name: 'maximumPacketSize',
    type: 'uint32',
    min: 1,
    places: ['connect', 'connack'],
    section: '§3.1.2.11.4',
  },
  { id: 0x28, name: 'wildcardSubscriptionAvailable', type: 'flag', places: ['connack'], section: '§3.2.2.3.11' },
  { id: 0x29, name: 'subscriptionIdAvailable', type: 'flag', places: ['connack'], section: '§3.2.2.3.12' },
  { id: 0x2a, name: 'sharedSubscriptionAvailable', type: 'flag', places: ['connack'], section: '§3.2.2.3.13' },
] as const satisfies readonly PropertyRow[]

type RowIn<P extends PropertyPlace, R> = R extends { places: readonly (infer Q)[]; name: infer N }
  ? P extends Q
    ? N
    : never
  : never

/** The properties that may stand in a place. */
export type PropertiesOf<P extends PropertyPlace> = Pick<
  PropertyValues,
  RowIn<P, (typeof propertyTable)[number]> & keyof PropertyValues
>
