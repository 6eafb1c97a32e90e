import type { AuthPacket } from './packets/auth.ts'
import type { ConnackPacket } from './packets/connack.ts'
import type { ConnectPacket } from './packets/connect.ts'
import type { DisconnectPacket } from './packets/disconnect.ts'
import type { PingreqPacket } from './packets/pingreq.ts'
import type { PingrespPacket } from './packets/pingresp.ts'
import type { PubackPacket } from './packets/puback.ts'
import type { PubcompPacket } from './packets/pubcomp.ts'
import type { PublishPacket } from './packets/publish.ts'
import type { PubrecPacket } from './packets/pubrec.ts'
import type { PubrelPacket } from './packets/pubrel.ts'
import type { SubackPacket } from './packets/suback.ts'
import type { SubscribePacket } from './packets/subscribe.ts'
import type { UnsubackPacket } from './packets/unsuback.ts'
import type { UnsubscribePacket } from './packets/unsubscribe.ts'

/** Any packet of MQTT, told apart by `type`. */
export type Packet =
  | ConnectPacket
  | ConnackPacket
  | PublishPacket
  | PubackPacket
  | PubrecPacket
  | PubrelPacket
  | PubcompPacket
  | SubscribePacket
  | SubackPacket
  | UnsubscribePacket
  | UnsubackPacket
  | PingreqPacket
  | PingrespPacket
  | DisconnectPacket
  | AuthPacket

/** The high four bits of the first byte, by kind. *Source*: MQTT 5.0 §2.1.2, table 2-1. */
export const packetNumber = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
  auth: 15,
} as const satisfies Record<Packet['type'], number>
