/**
 * The exchanges of QoS 1 and 2, both ways, as pure tables: state × event → next state and what to do. Nothing here
 * sends, stores or knows a packet. *Source*: MQTT 5.0 §4.3.2, §4.3.3, §4.4.
 */

/** State of one packet id of ours, for a message under way to the client. */
export const Sending = { free: 0, awaitPuback: 1, awaitPubrec: 2, awaitPubcomp: 3 } as const
export type Sending = (typeof Sending)[keyof typeof Sending]

export const SendingEvent = {
  puback: 0,
  pubrec: 1,
  /** PUBREC with a reason code of 0x80 or greater: the client will not have it. */
  pubrecRefused: 2,
  pubcomp: 3,
  /** The client is back on a new connection. */
  resume: 4,
} as const
export type SendingEvent = (typeof SendingEvent)[keyof typeof SendingEvent]

export const SendingAct = {
  nothing: 0,
  /** The exchange is over: free the id, forget the message, send the next. */
  release: 1,
  sendPubrel: 2,
  /** PUBREL with Packet Identifier not found (0x92), so that the client may end its half. */
  sendPubrelUnknown: 3,
  resendPublish: 4,
  /** The client answers with the wrong kind of packet: Protocol Error (0x82). */
  fault: 5,
} as const
export type SendingAct = (typeof SendingAct)[keyof typeof SendingAct]

export interface SendingCell {
  readonly next: Sending
  readonly act: SendingAct
}

const send = (next: Sending, act: SendingAct): SendingCell => ({ next, act })
const S = Sending
const SE = SendingEvent
const SA = SendingAct

export const sendingTable: Readonly<Record<Sending, Readonly<Record<SendingEvent, SendingCell>>>> = {
  [S.free]: {
    [SE.puback]: send(S.free, SA.nothing),
    [SE.pubrec]: send(S.free, SA.sendPubrelUnknown),
    [SE.pubrecRefused]: send(S.free, SA.nothing),
    [SE.pubcomp]: send(S.free, SA.nothing),
    [SE.resume]: send(S.free, SA.nothing),
  },
  [S.awaitPuback]: {
    [SE.puback]: send(S.free, SA.release),
    [SE.pubrec]: send(S.awaitPuback, SA.fault),
    [SE.pubrecRefused]: send(S.awaitPuback, SA.fault),
    [SE.pubcomp]: send(S.awaitPuback, SA.fault),
    [SE.resume]: send(S.awaitPuback, SA.resendPublish),
  },
  [S.awaitPubrec]: {
    [SE.puback]: send(S.awaitPubrec, SA.fault),
    [SE.pubrec]: send(S.awaitPubcomp, SA.sendPubrel),
    [SE.pubrecRefused]: send(S.free, SA.release),
    [SE.pubcomp]: send(S.awaitPubrec, SA.fault),
    [SE.resume]: send(S.awaitPubrec, SA.resendPublish),
  },
  [S.awaitPubcomp]: {
    [SE.puback]: send(S.awaitPubcomp, SA.fault),
    [SE.pubrec]: send(S.awaitPubcomp, SA.sendPubrel),
    // The message was taken before: a refusal of what is only repeated changes nothing.
    [SE.pubrecRefused]: send(S.awaitPubcomp, SA.sendPubrel),
    [SE.pubcomp]: send(S.free, SA.release),
    [SE.resume]: send(S.awaitPubcomp, SA.sendPubrel),
  },
}

/** State of one packet id of the client's, for a QoS 2 message it sends. QoS 1 needs none: each copy is answered. */
export const Receiving = {
  unknown: 0,
  /** The flow has the message and has not said yet what becomes of it. */
  deciding: 1,
  /** PUBREC was sent: a repeat is answered, not taken. */
  received: 2,
} as const
export type Receiving = (typeof Receiving)[keyof typeof Receiving]

export const ReceivingEvent = { publish: 0, taken: 1, refused: 2, pubrel: 3 } as const
export type ReceivingEvent = (typeof ReceivingEvent)[keyof typeof ReceivingEvent]

export const ReceivingAct = {
  nothing: 0,
  /** New message: hand it to the flow. */
  take: 1,
  /** A repeat while the first is being decided: the answer to the first answers this. */
  joinFirst: 2,
  sendPubrec: 3,
  /** The flow's error, as far as the client's version can hear it. */
  sendError: 4,
  sendPubcomp: 5,
  /** PUBCOMP with Packet Identifier not found (0x92). */
  sendPubcompUnknown: 6,
  /** Released before it was received: Protocol Error (0x82). */
  fault: 7,
} as const
export type ReceivingAct = (typeof ReceivingAct)[keyof typeof ReceivingAct]

export interface ReceivingCell {
  readonly next: Receiving
  readonly act: ReceivingAct
}

const receive = (next: Receiving, act: ReceivingAct): ReceivingCell => ({ next, act })
const R = Receiving
const RE = ReceivingEvent
const RA = ReceivingAct

export const receivingTable: Readonly<Record<Receiving, Readonly<Record<ReceivingEvent, ReceivingCell>>>> = {
  [R.unknown]: {
    [RE.publish]: receive(R.deciding, RA.take),
    [RE.taken]: receive(R.unknown, RA.nothing),
    [RE.refused]: receive(R.unknown, RA.nothing),
    [RE.pubrel]: receive(R.unknown, RA.sendPubcompUnknown),
  },
  [R.deciding]: {
    [RE.publish]: receive(R.deciding, RA.joinFirst),
    [RE.taken]: receive(R.received, RA.sendPubrec),
    [RE.refused]: receive(R.unknown, RA.sendError),
    [RE.pubrel]: receive(R.deciding, RA.fault),
  },
  [R.received]: {
    [RE.publish]: receive(R.received, RA.sendPubrec),
    // The turn of a repeat has come in the line of answers.
    [RE.taken]: receive(R.received, RA.sendPubrec),
    [RE.refused]: receive(R.received, RA.nothing),
    [RE.pubrel]: receive(R.unknown, RA.sendPubcomp),
  },
}
