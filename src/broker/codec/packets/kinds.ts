import type { PacketKind } from '../kind.ts'
import type { Packet } from '../packet.ts'
import { auth } from './auth.ts'
import { connack } from './connack.ts'
import { connect } from './connect.ts'
import { disconnect } from './disconnect.ts'
import { pingreq } from './pingreq.ts'
import { pingresp } from './pingresp.ts'
import { puback } from './puback.ts'
import { pubcomp } from './pubcomp.ts'
import { pubrec } from './pubrec.ts'
import { pubrel } from './pubrel.ts'
import { suback } from './suback.ts'
import { subscribe } from './subscribe.ts'
import { unsuback } from './unsuback.ts'
import { unsubscribe } from './unsubscribe.ts'

const byType = {
  connect,
  connack,
  puback,
  pubrec,
  pubrel,
  pubcomp,
  subscribe,
  suback,
  unsubscribe,
  unsuback,
  pingreq,
  pingresp,
  disconnect,
  auth,
} satisfies { [T in Exclude<Packet['type'], 'publish'>]: PacketKind<Extract<Packet, { type: T }>> }

/** All kinds of packet but PUBLISH, which has functions of its own. A missing one does not compile. */
export const kinds = Object.values(byType) as unknown as readonly PacketKind<Packet>[]
