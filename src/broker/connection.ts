import type { TrestleError } from '../contract/error.ts'
import type { Principal } from './access/access.ts'
import { decodePacket } from './codec/decode.ts'
import { ProtocolFault } from './codec/fault.ts'
import { FrameScan, scanFrame } from './codec/frame.ts'
import { readBareAcknowledgement } from './codec/packets/acknowledgement.ts'
import { Reason, reasonName } from './codec/reason.ts'
import type { BrokerContext } from './context.ts'
import type { Visitor } from './listener/gate.ts'
import type { Link } from './output/link.ts'
import { PacketOutlet } from './output/packet-outlet.ts'
import type { PacketHandlers } from './packet-handlers.ts'
import { PartialPacket } from './partial-packet.ts'
import { Rest } from './rest.ts'
import type { TopicEntry } from './router/topic-cache.ts'
import type { Way } from './router/way.ts'
import { type AckKind, AckOrder } from './session/ack-order.ts'
import { Orphans } from './session/orphans.ts'
import type { Pausable, Peer } from './session/peer.ts'
import type { Session } from './session/session.ts'
import type { Testament } from './session/sessions.ts'
import { Deadline, type Timed } from './timing-wheel.ts'

const scan = new FrameScan()
const empty = Buffer.alloc(0)
/** How long a closed connection may take to read what was sent last. *Unit*: ms. */
const lingerMs = 5_000

/**
 * One client's connection: finds packets in what is read, hands each to its handler, writes what is sent. One object
 * with fixed fields and no closure, because there may be a hundred thousand; what few need is made when they need it.
 */
export class Connection extends PacketOutlet implements Peer, Pausable, Timed {
  readonly context: BrokerContext
  readonly visitor: Visitor
  /** null until the client has been let in. */
  session: Session | null = null
  principal: Principal | null = null
  /** The session was there before. */
  isResumed = false
  /** 1.5 times the keep-alive; 0 for none. *Unit*: ms. */
  silenceMs = 0
  heardMs = 0
  maxInflight = 0xffff
  testament: Testament | null = null
  /** The last topic it published to, and whether it may. */
  lastTopic: TopicEntry | null = null
  mayPublish = false
  /** Where that topic leads, if it is but a name for another. */
  way: Way | null = null
  accessVersion = -1
  /** Topic aliases the client has set. */
  aliases: Map<number, TopicEntry> | null = null
  /** Whether the bytes at hand lie in a buffer that the next read overwrites. */
  bytesAreReused = false
  wheelNext: Timed | null = null
  wheelPrev: Timed | null = null
  wheelSlot = -1
  dueMs = 0
  readonly #handlers: PacketHandlers<Connection>
  #acks: AckOrder | null = null
  #partial: PartialPacket | null = null
  #rests = 0
  /** What was read after a CONNECT that is still being judged. */
  #held: Buffer | null = null

  constructor(link: Link, context: BrokerContext, handlers: PacketHandlers<Connection>, visitor: Visitor) {
    super(link, context.turn, context.limits)
    this.context = context
    this.#handlers = handlers
    this.visitor = visitor
    this.heardMs = context.wheel.nowMs
    context.wheel.add(this, visitor.gate.connectTimeoutMs)
  }

  /** Takes what was read. `isReused`: the buffer is overwritten by the next read. */
  receive(bytes: Buffer, length: number, isReused: boolean): void {
    if (!this.isOpen) return
    this.heardMs = this.context.wheel.nowMs
    try {
      this.#take(bytes, length, isReused)
      this.#handlers.finishRun()
    } catch (fault) {
      this.#handlers.finishRun()
      this.fail(fault)
    }
  }

  /** Answers of publishes leave through this, in the order of the publishes. */
  get acks(): AckOrder {
    this.#acks ??= new AckOrder((kind, packetId, error) => this.#handlers.answer(this, kind, packetId, error))
    return this.#acks
  }

  /** Publishes that wait for their answer. */
  get unanswered(): number {
    return this.#acks === null ? 0 : this.#acks.size
  }

  get unansweredQos1(): number {
    return this.#acks === null ? 0 : this.#acks.waitingQos1
  }

  /** Answers a publish at once, or when those before it are answered. */
  answer(kind: AckKind, packetId: number, error: TrestleError | null): void {
    if (this.#acks === null || this.#acks.size === 0) this.#handlers.answer(this, kind, packetId, error)
    else this.#acks.settle(this.#acks.open(kind, packetId), error)
  }

  settleJoined(token: number, error: TrestleError | null): void {
    this.#acks?.settle(token, error)
  }

  /** Reading rests until `resume` is called for the same cause. */
  rest(cause: Rest): void {
    if (this.#rests === 0 && this.isOpen) this.link.pause()
    this.#rests |= cause
  }

  isResting(cause: Rest): boolean {
    return (this.#rests & cause) !== 0
  }

  resume(cause: Rest): void {
    if ((this.#rests & cause) === 0) return
    this.#rests &= ~cause
    if (this.#rests !== 0 || !this.isOpen) return
    this.heardMs = this.context.wheel.nowMs
    const held = this.#held
    this.#held = null
    if (held !== null) this.receive(held, held.length, false)
    if (this.#rests === 0 && this.isOpen) this.link.resume()
  }

  /** The socket takes bytes again. */
  onDrain(): void {
    if (this.drained()) this.session?.pump()
  }

  /** Its time has come: CONNECT did not arrive, or the client has been silent for too long. [MQTT-3.1.2-22] */
  onDue(nowMs: number): void {
    if (this.session === null) {
      this.context.events('info', 'client.connect-timeout', { address: this.visitor.address })
      this.close('no CONNECT in time')
      return
    }
    const silentMs = nowMs - this.heardMs
    if (this.#rests === 0 && silentMs > this.silenceMs) this.disconnect(Reason.KeepAliveTimeout, 'keep-alive timeout')
    else this.context.wheel.add(this, this.#rests === 0 ? this.silenceMs - silentMs : this.silenceMs)
  }

  takeOver(): void {
    this.context.events('info', 'client.taken-over', { client: this.session?.clientId })
    this.disconnect(Reason.SessionTakenOver, 'another connection has taken over the session')
  }

  /** Ends the connection with the reason, which only an MQTT 5 client hears. */
  disconnect(reason: number, why: string): void {
    if (!this.isOpen) return
    if (this.session !== null) this.sendDisconnect(reason, why)
    this.close(reasonName(reason))
  }

  /** Ends the connection; what was sent still leaves. `why` is for the log. */
  close(why: string): void {
    if (!this.isOpen) return
    this.flush()
    this.shut()
    this.link.end()
    // Who rests does not see the client's own end.
    if (this.#rests !== 0) this.link.resume()
    // A client that does not read would hold the socket for ever.
    this.context.wheel.add(new Deadline(() => this.link.destroy()), lingerMs)
    this.#gone(why)
  }

  /** The socket is closed. */
  onClose(): void {
    if (!this.isOpen) return
    this.shut()
    this.link.destroy()
    this.#gone('connection lost')
  }

  /** Ends the connection for what a packet did; the others are not concerned. */
  fail(thrown: unknown): void {
    if (!this.isOpen) return
    const client = this.session?.clientId ?? null
    if (!(thrown instanceof ProtocolFault)) {
      this.context.events('error', 'client.unforeseen-fault', { client, fault: thrown })
      this.disconnect(Reason.UnspecifiedError, 'unforeseen fault')
      return
    }
    this.context.events('warn', 'client.malformed', { client, reason: reasonName(thrown.reason), why: thrown.message })
    if (this.session === null && thrown.packet === 'connect') {
      if (thrown.version !== null) this.version = thrown.version
      this.refuse(thrown.reason, thrown.message)
    } else this.disconnect(thrown.reason, thrown.message)
  }

  /** Refuses a CONNECT. */
  refuse(reason: number, why: string): void {
    this.context.events('info', 'client.refused', { address: this.visitor.address, reason: reasonName(reason), why })
    this.sendRefusal(reason, why)
    this.close(why)
  }

  #take(bytes: Buffer, length: number, isReused: boolean): void {
    let at = 0
    const partial = this.#partial
    if (partial !== null) {
      at = partial.take(bytes, 0, length, this.#maxPacketBytes, scan)
      if (!partial.isWhole) return
      this.#partial = null
      this.bytesAreReused = false
      this.#packets(partial.bytes, 0, partial.length)
      this.#handlers.finishRun()
    }
    this.bytesAreReused = isReused
    at = this.#packets(bytes, at, length)
    if (at === length || !this.isOpen) return
    if (this.isResting(Rest.admission)) {
      this.#held = Buffer.concat([this.#held ?? empty, bytes.subarray(at, length)])
      return
    }
    this.#partial = new PartialPacket()
    this.#partial.take(bytes, at, length, this.#maxPacketBytes, scan)
  }

  /** Handles all whole packets and answers where the first that is not whole begins. */
  #packets(bytes: Buffer, start: number, end: number): number {
    let at = start
    while (at < end && this.isOpen && (this.#rests & Rest.admission) === 0) {
      let headerBytes = 2
      let next = at + 2
      if (next <= end && bytes[at + 1]! < 0x80) next += bytes[at + 1]!
      else {
        const size = scanFrame(bytes, at, end, this.#maxPacketBytes, scan)
        if (size === 0) return at
        headerBytes = scan.headerBytes
        next = at + size
      }
      if (next > end) return at
      this.#packet(bytes, at, headerBytes, next)
      at = next
    }
    return at
  }

  #packet(bytes: Buffer, start: number, headerBytes: number, end: number): void {
    const first = bytes[start]!
    const handlers = this.#handlers
    if (this.session === null) this.#first(bytes, start, headerBytes, end)
    else if (first >> 4 === 3) handlers.publish(this, bytes, start, headerBytes, end)
    else {
      const id = readBareAcknowledgement(bytes, start, headerBytes, end)
      if (id !== 0 && first === 0x40) handlers.puback(this, id)
      else if (id !== 0 && first === 0x50) handlers.pubrec(this, id, 0)
      else if (id !== 0 && first === 0x62) handlers.pubrel(this, id)
      else if (id !== 0 && first === 0x70) handlers.pubcomp(this, id)
      else {
        handlers.finishRun()
        handlers.other(this, decodePacket(bytes, start, headerBytes, end, this.version))
      }
    }
  }

  /** The first packet must be a CONNECT; nothing else gets an answer. [MQTT-3.1.0-1] */
  #first(bytes: Buffer, start: number, headerBytes: number, end: number): void {
    if (bytes[start]! >> 4 !== 1) {
      throw new ProtocolFault(Reason.ProtocolError, 'packet', 'packet type', 'MQTT-3.1.0-1', 'is not CONNECT')
    }
    const packet = decodePacket(bytes, start, headerBytes, end, this.version)
    if (packet.type === 'connect') this.#handlers.connect(this, packet)
  }

  get #maxPacketBytes(): number {
    const { limits } = this.context
    return this.session === null ? limits.maxConnectBytes : limits.maxPacketBytes
  }

  #gone(why: string): void {
    const client = this.session?.clientId
    if (client !== undefined) this.context.events('info', 'client.disconnected', { client, reason: why })
    this.context.wheel.remove(this)
    this.#partial = null
    this.#held = null
    this.aliases = null
    this.lastTopic = null
    this.#handlers.gone(this)
    // The flow may hold on to the line for as long as a sink is away: it must not hold on to this.
    this.#acks?.close(new Orphans(this.session!, this.version))
  }
}
