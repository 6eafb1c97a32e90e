/**
 * All reason codes of MQTT 5 by their names. *Source*: MQTT 5.0 §2.4, table 2-6.
 */
export const Reason = {
  Success: 0x00,
  NormalDisconnection: 0x00,
  GrantedQos0: 0x00,
  GrantedQos1: 0x01,
  GrantedQos2: 0x02,
  DisconnectWithWill: 0x04,
  NoMatchingSubscribers: 0x10,
  NoSubscriptionExisted: 0x11,
  ContinueAuthentication: 0x18,
  ReAuthenticate: 0x19,
  UnspecifiedError: 0x80,
  MalformedPacket: 0x81,
  ProtocolError: 0x82,
  ImplementationSpecificError: 0x83,
  UnsupportedProtocolVersion: 0x84,
  ClientIdNotValid: 0x85,
  BadUsernameOrPassword: 0x86,
  NotAuthorized: 0x87,
  ServerUnavailable: 0x88,
  ServerBusy: 0x89,
  Banned: 0x8a,
  ServerShuttingDown: 0x8b,
  BadAuthenticationMethod: 0x8c,
  KeepAliveTimeout: 0x8d,
  SessionTakenOver: 0x8e,
  TopicFilterInvalid: 0x8f,
  TopicNameInvalid: 0x90,
  PacketIdInUse: 0x91,
  PacketIdNotFound: 0x92,
  ReceiveMaximumExceeded: 0x93,
  TopicAliasInvalid: 0x94,
  PacketTooLarge: 0x95,
  MessageRateTooHigh: 0x96,
  QuotaExceeded: 0x97,
  AdministrativeAction: 0x98,
  PayloadFormatInvalid: 0x99,
  RetainNotSupported: 0x9a,
  QosNotSupported: 0x9b,
  UseAnotherServer: 0x9c,
  ServerMoved: 0x9d,
  SharedSubscriptionsNotSupported: 0x9e,
  ConnectionRateExceeded: 0x9f,
  MaximumConnectTime: 0xa0,
  SubscriptionIdsNotSupported: 0xa1,
  WildcardSubscriptionsNotSupported: 0xa2,
} as const

/** The kinds of packet that carry a reason code. */
export type ReasonPacket =
  | 'connack'
  | 'puback'
  | 'pubrec'
  | 'pubrel'
  | 'pubcomp'
  | 'suback'
  | 'unsuback'
  | 'disconnect'
  | 'auth'

const received = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]
const released = [0x00, 0x92]

/** Which packet may carry which code. *Source*: MQTT 5.0 §2.4, §3.2.2.2, §3.4.2.1 … §3.15.2.1. */
export const reasonsOf: Readonly<Record<ReasonPacket, readonly number[]>> = {
  connack: [
    0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b,
    0x9c, 0x9d, 0x9f,
  ],
  puback: received,
  pubrec: received,
  pubrel: released,
  pubcomp: released,
  suback: [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2],
  unsuback: [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91],
  disconnect: [
    0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97,
    0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
  ],
  auth: [0x00, 0x18, 0x19],
}

/** Whether a packet of this kind may carry the code. */
export function isReasonOf(packet: ReasonPacket, code: number): boolean {
  return allowed[packet][code] === 1
}

/** The code's name in words, `not authorized`; for a code of no name, its number. */
export function reasonName(code: number): string {
  return names.get(code) ?? `reason 0x${code.toString(16).padStart(2, '0')}`
}

const allowed = Object.fromEntries(
  Object.entries(reasonsOf).map(([packet, codes]) => {
    const table = new Uint8Array(256)
    for (const code of codes) table[code] = 1
    return [packet, table]
  }),
) as Record<ReasonPacket, Uint8Array>

const names = new Map<number, string>()
for (const [name, code] of Object.entries(Reason)) {
  if (!names.has(code)) names.set(code, name.replaceAll(/(?<=[a-z\d])[A-Z]/g, (letter) => ` ${letter}`).toLowerCase())
}
