import { encodePacket } from '../codec/encode.ts'
import type { Packet } from '../codec/packet.ts'
import { writeBareAcknowledgement } from '../codec/packets/acknowledgement.ts'
import { returnCodeOf } from '../codec/packets/connack.ts'
import { isReasonOf, Reason } from '../codec/reason.ts'
import type { Frame } from '../session/frame.ts'
import type { Link } from './link.ts'
import { Outlet } from './outlet.ts'
import type { Turn } from './turn.ts'

/** *Unit*: bytes. */
export interface OutputLimits {
  readonly maxOutputBytes: number
  readonly maxAllOutputBytes: number
}

const PUBREL = 0x62
/** Longest reason string we write. *Unit*: characters. */
const maxReasonText = 1000

/** Reasons quote what devices sent, and U+0000 may stand in no text of MQTT. [MQTT-1.5.4-2] */
const reasonText = (why: string): string => why.slice(0, maxReasonText).replace(/\p{Cc}/gu, ' ')

/** An outlet that writes MQTT packets, as the client's version and limits ask for. */
export class PacketOutlet extends Outlet {
  /** 4 until CONNECT has said. */
  version: 3 | 4 | 5 = 4
  /** Largest packet the client takes. [MQTT-3.1.2-24] */
  maxOutgoingBytes = 0xffff_ffff
  /** Whether the client wants reason strings. [MQTT-3.1.2-29] */
  wantsProblems = true
  readonly #limits: OutputLimits

  constructor(link: Link, turn: Turn, limits: OutputLimits) {
    super(link, turn)
    this.#limits = limits
  }

  /** False while too much waits for this receiver, or for all together. */
  get hasRoom(): boolean {
    if (!this.isStalled) return true
    return this.waitingBytes < this.#limits.maxOutputBytes && this.turn.heldBytes < this.#limits.maxAllOutputBytes
  }

  sendFrame(frame: Frame): void {
    this.push(frame.bytes, frame.start, frame.end)
  }

  sendNumbered(frame: Frame, packetId: number): void {
    const size = frame.end - frame.start
    const at = this.turn.copy(frame.bytes, frame.start, frame.end)
    const { chunk } = this.turn
    chunk[at + frame.idAt] = packetId >> 8
    chunk[at + frame.idAt + 1] = packetId & 0xff
    this.push(chunk, at, at + size)
  }

  sendShort(firstByte: number, packetId: number): void {
    const chunk = this.turn.room(4)
    const { at } = this.turn
    this.turn.at = writeBareAcknowledgement(chunk, at, firstByte, packetId)
    this.push(chunk, at, at + 4)
  }

  /** The same with a reason code and no properties; for MQTT 5. */
  sendCode(firstByte: number, packetId: number, reason: number): void {
    const chunk = this.turn.room(5)
    const { at } = this.turn
    const end = writeBareAcknowledgement(chunk, at, firstByte, packetId)
    chunk[at + 1] = 3
    chunk[end] = reason
    this.turn.at = end + 1
    this.push(chunk, at, end + 1)
  }

  sendReason(type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', packetId: number, reason: number, why?: string): void {
    const properties = why === undefined || !this.wantsProblems ? null : { reasonString: reasonText(why) }
    this.#sendFitting({ type, packetId, reason, properties })
  }

  sendUnknown(packetId: number): void {
    // 3.x has no reason codes: a plain PUBREL does as well.
    if (this.version === 5) this.sendReason('pubrel', packetId, Reason.PacketIdNotFound)
    else this.sendShort(PUBREL, packetId)
  }

  send(packet: Packet): void {
    const bytes = encodePacket(packet, this.version)
    this.push(bytes, 0, bytes.length)
  }

  /** DISCONNECT, which only an MQTT 5 client hears from us. */
  protected sendDisconnect(reason: number, why: string): void {
    if (this.version !== 5) return
    const code = isReasonOf('disconnect', reason) ? reason : Reason.UnspecifiedError
    this.#sendFitting({ type: 'disconnect', reason: code, properties: { reasonString: reasonText(why) } })
  }

  /** CONNACK with a refusal, where the client's version has a code for it. [MQTT-3.1.4-2, MQTT-3.2.2-6] */
  protected sendRefusal(reason: number, why: string): void {
    const code = this.version === 5 && !isReasonOf('connack', reason) ? Reason.UnspecifiedError : reason
    if (this.version !== 5 && returnCodeOf(code) === null) return
    const properties = this.version === 5 ? { reasonString: reasonText(why) } : null
    this.#sendFitting({ type: 'connack', sessionPresent: false, reason: code, properties })
  }

  /** A packet too large for the client goes without its reason string, or not at all. [MQTT-3.1.2-24, -3.4.2-2] */
  #sendFitting(packet: Packet & { properties: object | null }): void {
    const bytes = encodePacket(packet, this.version)
    if (bytes.length <= this.maxOutgoingBytes) this.push(bytes, 0, bytes.length)
    else if (packet.properties !== null) this.#sendFitting({ ...packet, properties: null })
  }
}
