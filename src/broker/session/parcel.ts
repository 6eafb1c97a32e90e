import type { Message, MessageProperties } from '../../contract/message.ts'
import { encodePublish, type PublishView, readPublishProperties } from '../codec/packets/publish.ts'
import { type Frame, frameOf } from './frame.ts'
import { type KeptMessage, type QueuedMessage, queuedOverheadBytes, remainingExpiryS } from './kept-message.ts'

/**
 * One message while it is handed to its subscribers. Everything dear is made at most once and only when somebody needs
 * it: the Message, the bytes per version and QoS, the copy that outlives the call. The object is used again for the
 * next message.
 */
export class Parcel {
  topic = ''
  qos: 0 | 1 | 2 = 0
  retain = false
  /** The packet it came in; null for messages of in-process publishers. */
  #bytes: Buffer | null = null
  #view: PublishView | null = null
  #version = 0
  #client = ''
  #username: string | null = null
  #now: () => number = Date.now
  #message: Message | null = null
  #kept: KeptMessage | null = null
  readonly #frames: (Frame | null)[] = new Array<Frame | null>(12).fill(null)
  #hasFrames = false
  readonly #verbatim: Frame = { bytes: Buffer.alloc(0), start: 0, end: 0, idAt: 0 }
  #canForward = false

  /** A packet of a client. The view and the bytes stay as they are until the message has been routed. */
  ofPacket(
    topic: string,
    bytes: Buffer,
    start: number,
    view: PublishView,
    version: number,
    client: string,
    username: string | null,
    now: () => number,
  ): void {
    this.#clear()
    this.topic = topic
    this.qos = view.qos
    this.retain = view.retain
    this.#bytes = bytes
    this.#view = view
    this.#version = version
    this.#client = client
    this.#username = username
    this.#now = now
    // What may be forwarded byte for byte: no DUP, no alias that only this connection knows, RETAIN as asked for.
    this.#canForward = !view.dup && view.topicAlias === 0
    const frame = this.#verbatim
    frame.bytes = bytes
    frame.start = start
    frame.end = view.end
    frame.idAt = view.topicEnd - start
  }

  /** Its subscribers see another topic than the packet's. */
  rename(topic: string): void {
    const message = this.message()
    this.ofMessage({ ...message, topic })
  }

  ofMessage(message: Message): void {
    this.#clear()
    this.topic = message.topic
    this.qos = message.qos
    this.retain = message.retain
    this.#bytes = null
    this.#view = null
    this.#version = 0
    this.#canForward = false
    this.#message = message
  }

  /** Who published it. */
  get client(): string {
    return this.#bytes === null ? this.#message!.client : this.#client
  }

  /** The message as a whole; its payload is a view into the read buffer. */
  message(): Message {
    if (this.#message !== null) return this.#message
    const view = this.#view!
    const bytes = this.#bytes!
    this.#message = {
      topic: this.topic,
      payload: bytes.subarray(view.payloadStart, view.end),
      qos: this.qos,
      retain: this.retain,
      properties: view.hasProperties ? readPublishProperties(bytes, view) : null,
      client: this.#client,
      username: this.#username,
      source: null,
      timeMs: this.#now(),
    }
    return this.#message
  }

  /** The message with bytes of its own, shared by all sessions that keep it. */
  keep(): KeptMessage {
    this.#kept ??= keepMessage(this.message())
    return this.#kept
  }

  /** The PUBLISH packet for one kind of receiver. Of QoS 1 and 2 the packet id is still to be set, in a copy. */
  frame(version: number, qos: 0 | 1 | 2, retain: boolean): Frame {
    const verbatim =
      this.#canForward && qos === this.qos && retain === this.retain && sameFormat(version, this.#version)
    // QoS 1 and 2 are copied for each receiver anyway; of QoS 0 one copy serves all.
    if (verbatim && qos > 0) return this.#verbatim
    const slot = (version === 5 ? 6 : 0) + qos * 2 + (retain ? 1 : 0)
    const made = this.#frames[slot]!
    if (made !== null) return made
    const frame = verbatim ? copyOf(this.#verbatim) : this.#encode(qos, retain, version)
    this.#frames[slot] = frame
    this.#hasFrames = true
    return frame
  }

  /** The packet for an MQTT 5 receiver whose subscriptions carry identifiers. [MQTT-3.3.4-3] */
  frameWithIds(qos: 0 | 1 | 2, retain: boolean, subscriptionIds: readonly number[]): Frame {
    const { payload, properties } = this.message()
    return encodeFrame(this.topic, payload, qos, retain, properties, subscriptionIds, 5)
  }

  #encode(qos: 0 | 1 | 2, retain: boolean, version: number): Frame {
    const { payload, properties } = this.message()
    return encodeFrame(this.topic, payload, qos, retain, properties, null, version)
  }

  #clear(): void {
    this.#message = null
    this.#kept = null
    if (!this.#hasFrames) return
    this.#frames.fill(null)
    this.#hasFrames = false
  }
}

/** A copy of a message that may be kept. */
export function keepMessage(message: Message): KeptMessage {
  const payload = Buffer.from(message.payload)
  return {
    topic: message.topic,
    payload,
    properties: message.properties,
    timeMs: message.timeMs,
    client: message.client,
    username: message.username,
    bytes: payload.length + message.topic.length + weightOf(message.properties) + queuedOverheadBytes,
  }
}

/** What the properties weigh: a publisher may send far more in them than in its payload. *Unit*: bytes, about. */
function weightOf(properties: MessageProperties | null): number {
  if (properties === null) return 0
  const { contentType, responseTopic, correlationData, user } = properties
  let bytes = (contentType?.length ?? 0) + (responseTopic?.length ?? 0) + (correlationData?.length ?? 0)
  if (user !== undefined) for (const [name, value] of user) bytes += name.length + value.length + userPropertyBytes
  return bytes
}

/** Weight of the objects around one user property. *Unit*: bytes. */
const userPropertyBytes = 64

/** Encodes a PUBLISH with packet id 1 in place of the one to come. */
export function encodeFrame(
  topic: string,
  payload: Uint8Array,
  qos: 0 | 1 | 2,
  retain: boolean,
  properties: MessageProperties | null,
  subscriptionIds: readonly number[] | null,
  version: number,
  dup = false,
): Frame {
  const all = version !== 5 ? null : subscriptionIds === null ? properties : { ...properties, subscriptionIds }
  return frameOf(encodePublish(topic, payload, qos, retain, dup, qos === 0 ? 0 : 1, all as never, version as 3 | 4 | 5))
}

/** Encodes a message that waited, with what is left of its time. */
export function encodeQueued(item: QueuedMessage, version: number, nowMs: number, dup: boolean): Frame {
  const { message, qos, retain, subscriptionIds } = item
  let { properties } = message
  const leftS = version === 5 ? remainingExpiryS(message, nowMs) : undefined
  if (leftS !== undefined) properties = { ...properties, expirySeconds: Math.max(leftS, 0) }
  return encodeFrame(message.topic, message.payload, qos, retain, properties, subscriptionIds, version, dup)
}

const copyOf = ({ bytes, start, end, idAt }: Frame): Frame => ({
  bytes: Buffer.from(bytes.subarray(start, end)),
  start: 0,
  end: end - start,
  idAt,
})

/** 3.1 and 3.1.1 write PUBLISH alike. */
export const sameFormat = (a: number, b: number) => a === b || (a !== 5 && b !== 5 && b !== 0)
