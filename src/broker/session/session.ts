import type { TrestleError } from '../../contract/error.ts'
import type { Message } from '../../contract/message.ts'
import { Rest } from '../rest.ts'
import { SendingEvent as Event, Sending, SendingAct, type SendingEvent, sendingTable } from './exchange.ts'
import { Inflight } from './inflight.ts'
import { isExpired, type KeptMessage, type QueuedMessage, type SharedOrigin } from './kept-message.ts'
import { MessageQueue } from './message-queue.ts'
import { encodeQueued, type Parcel } from './parcel.ts'
import type { Pausable, Peer } from './peer.ts'
import { ReceivingIds } from './receiving-ids.ts'
import type { SubscriptionName } from './subscription-name.ts'
import type { SessionWorld } from './world.ts'

/** One subscription: of a session, or of something in this process. */
export interface Subscription {
  readonly name: SubscriptionName
  readonly session: Session | null
  /** Called with each message, for in-process subscribers. */
  readonly callback: ((message: Message) => void) | null
  readonly qos: 0 | 1 | 2
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  /** Subscription Identifier of MQTT 5; 0 for none. */
  readonly id: number
  /** What it added to its session's `subscriptionBytes`. *Unit*: bytes. */
  readonly weight: number
}

const PUBREL = 0x62

/**
 * What the hub knows of one client beyond its connection: subscriptions, messages under way and waiting, and the
 * packet ids of its QoS 2 messages. *Source*: MQTT 5.0 §4.1.
 */
export class Session {
  readonly clientId: string
  username: string | null = null
  /** The connected client; null while it is away. */
  peer: Peer | null = null
  /** How long it is kept without its client. *Unit*: s; 4,294,967,295 is for ever. */
  expirySeconds = 0
  /** By the text of their names. */
  readonly subscriptions = new Map<string, Subscription>()
  /** What they weigh; the router keeps it. *Unit*: bytes. */
  subscriptionBytes = 0
  /** The client's QoS 2 messages. */
  readonly receiving = new ReceivingIds()
  readonly #world: SessionWorld
  #inflight: Inflight | null = null
  #queue: MessageQueue | null = null
  /** Weight of what waits, and of what is kept to be sent again. */
  #bytes = 0
  #waitingPublishers: Set<Pausable> | null = null
  #ended = false
  /** Something came by a shared subscription. */
  #hasShared = false

  constructor(clientId: string, world: SessionWorld) {
    this.clientId = clientId
    this.#world = world
  }

  get queuedMessages(): number {
    return this.#queue === null ? 0 : this.#queue.length
  }

  /** What waits here or is kept to be sent again. *Unit*: bytes. */
  get keptBytes(): number {
    return this.#bytes
  }

  /** More waits than its client takes: publishers should rest. */
  get isCrowded(): boolean {
    const queue = this.#queue
    if (queue === null || this.peer === null) return false
    const { maxQueuedBytes, maxQueuedMessages } = this.#world.limits
    return this.#bytes * 2 > maxQueuedBytes || queue.length * 2 > maxQueuedMessages
  }

  /** What is under way to its client or waits for it. */
  get unsettled(): number {
    return this.queuedMessages + (this.#inflight === null ? 0 : this.#inflight.count)
  }

  /** One more message would have to wait. */
  get isFull(): boolean {
    return this.peer === null || !this.#maySend(this.peer) || this.queuedMessages > 0
  }

  /** Sends a message of QoS 1 or 2, or lets it wait. Answers whether the session has it. */
  deliver(
    parcel: Parcel,
    qos: 1 | 2,
    retain: boolean,
    subscriptionIds: readonly number[] | null,
    share: SharedOrigin | null,
  ): boolean {
    const peer = this.peer
    if (peer === null || !this.#maySend(peer) || this.queuedMessages > 0) {
      return this.#enqueue({ message: parcel.keep(), qos, retain, subscriptionIds, share })
    }
    const frame =
      subscriptionIds !== null && peer.version === 5
        ? parcel.frameWithIds(qos, retain, subscriptionIds)
        : parcel.frame(peer.version, qos, retain)
    if (frame.end - frame.start > peer.maxOutgoingBytes) return this.#drop('too-large')
    this.#inflight ??= new Inflight()
    const isKept = this.expirySeconds > 0 || share !== null
    if (share !== null) this.#hasShared = true
    const id = this.#inflight.open(
      qos === 1 ? Sending.awaitPuback : Sending.awaitPubrec,
      isKept ? { message: parcel.keep(), qos, retain, subscriptionIds, share } : null,
    )
    if (isKept) this.#weigh(parcel.keep().bytes)
    peer.sendNumbered(frame, id)
    this.#world.counters.sent++
    return true
  }

  /** Sends a kept message (retained, or one that waited) of any QoS. */
  deliverKept(
    message: KeptMessage,
    qos: 0 | 1 | 2,
    retain: boolean,
    subscriptionIds: readonly number[] | null,
    share: SharedOrigin | null = null,
  ): boolean {
    const peer = this.peer
    const item: QueuedMessage = { message, qos, retain, subscriptionIds, share }
    if (qos > 0 && (peer === null || !this.#maySend(peer) || this.queuedMessages > 0)) return this.#enqueue(item)
    if (peer === null) return this.#drop('offline')
    if (!peer.hasRoom) return this.#drop('slow-subscriber')
    this.#send(peer, item)
    return true
  }

  /** The client answers a message of ours. Answers false when it broke the exchange. */
  answered(event: SendingEvent, id: number): boolean {
    const inflight = this.#inflight
    const state = inflight === null ? Sending.free : inflight.stateOf(id)
    const cell = sendingTable[state][event]
    if (cell.next !== state) this.#move(inflight!, id, cell.next)
    if (cell.act === SendingAct.release) {
      if (this.#queue !== null) this.pump()
    } else if (cell.act === SendingAct.sendPubrel) this.peer?.sendShort(PUBREL, id)
    else if (cell.act === SendingAct.sendPubrelUnknown) this.peer?.sendUnknown(id)
    return cell.act !== SendingAct.fault
  }

  /** The client is connected: what was under way is sent again, then what waited. [MQTT-4.4.0-1] */
  resume(): void {
    const peer = this.peer
    if (peer === null) return
    const inflight = this.#inflight
    if (inflight !== null) {
      for (const id of inflight.ids()) {
        const { act } = sendingTable[inflight.stateOf(id)][Event.resume]
        if (act === SendingAct.sendPubrel) peer.sendShort(PUBREL, id)
        else this.#resend(peer, inflight, id)
      }
    }
    this.pump()
  }

  /** Sends what waits, as far as the client has room. */
  pump(): void {
    const queue = this.#queue
    const peer = this.peer
    if (queue === null) return
    while (peer !== null && queue.length > 0 && this.#maySend(peer)) {
      const item = queue.shift()!
      this.#weigh(-item.message.bytes)
      if (isExpired(item.message, this.#world.now())) this.#drop('expired')
      else this.#send(peer, item)
    }
    if (queue.length === 0) this.#queue = null
    if (this.#waitingPublishers !== null && !this.isCrowded) this.releasePublishers()
  }

  /** This publisher rests until the session has room. */
  addWaitingPublisher(publisher: Pausable): void {
    this.#waitingPublishers ??= new Set()
    this.#waitingPublishers.add(publisher)
  }

  dropWaitingPublisher(publisher: Pausable): void {
    this.#waitingPublishers?.delete(publisher)
  }

  releasePublishers(): void {
    const waiting = this.#waitingPublishers
    this.#waitingPublishers = null
    if (waiting !== null) for (const publisher of waiting) publisher.resume(Rest.subscriber)
  }

  /**
   * Gives what came by shared subscriptions, and is not acknowledged, to their other members: what waits, and of what is
   * under way that of QoS 1. A QoS 2 exchange that has begun is this client's to the end. [MQTT-4.8.2-4, -5]
   * `waitingOnly`: what is under way stays.
   */
  handOver(may: (share: SharedOrigin) => boolean, waitingOnly: boolean): void {
    if (!this.#hasShared) return
    const isMeant = ({ share }: QueuedMessage): boolean => share !== null && may(share)
    const items = waitingOnly ? [] : (this.#inflight?.takeUnanswered(isMeant) ?? [])
    if (this.#queue !== null) items.push(...this.#queue.take(isMeant))
    if (this.#queue?.length === 0) this.#queue = null
    for (const item of items) {
      this.#weigh(-item.message.bytes)
      if (isExpired(item.message, this.#world.now())) this.#drop('expired')
      else if (!item.share!.handOver(item)) this.#drop('offline')
    }
  }

  /** The flow decided about a QoS 2 message whose connection is gone. */
  decideOrphan(packetId: number, error: TrestleError | null, hears: boolean): void {
    const joined = this.receiving.joinedToken(packetId)
    if (joined !== null && this.peer !== null) this.peer.settleJoined(joined, error)
    else this.receiving.decide(packetId, error === null || !hears)
  }

  /** It will not be used again: what waits is let go. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#weigh(-this.#bytes)
    this.#queue = null
    this.#inflight = null
    this.releasePublishers()
  }

  #maySend(peer: Peer): boolean {
    return (this.#inflight === null || this.#inflight.count < peer.maxInflight) && peer.hasRoom
  }

  #enqueue(item: QueuedMessage): boolean {
    const { limits, counters } = this.#world
    const { bytes } = item.message
    if (
      this.#ended ||
      this.queuedMessages >= limits.maxQueuedMessages ||
      this.#bytes + bytes > limits.maxQueuedBytes ||
      counters.queuedBytes + bytes > limits.maxAllQueuedBytes
    ) {
      return this.#drop('queue-full')
    }
    if (item.share !== null) this.#hasShared = true
    this.#queue ??= new MessageQueue()
    this.#queue.push(item)
    this.#weigh(bytes)
    return true
  }

  #send(peer: Peer, item: QueuedMessage): void {
    const frame = encodeQueued(item, peer.version, this.#world.now(), false)
    if (frame.end > peer.maxOutgoingBytes) {
      this.#drop('too-large')
      return
    }
    this.#world.counters.sent++
    if (item.qos === 0) {
      peer.sendFrame(frame)
      return
    }
    this.#inflight ??= new Inflight()
    const state = item.qos === 1 ? Sending.awaitPuback : Sending.awaitPubrec
    const isKept = this.expirySeconds > 0 || item.share !== null
    if (item.share !== null) this.#hasShared = true
    if (isKept) this.#weigh(item.message.bytes)
    peer.sendNumbered(frame, this.#inflight.open(state, isKept ? item : null))
  }

  #resend(peer: Peer, inflight: Inflight, id: number): void {
    const item = inflight.heldOf(id)
    // Without its bytes, or too large for the client now, it counts as delivered. *Source*: MQTT-3.1.2-25.
    if (item === null) this.#move(inflight, id, Sending.free)
    else {
      const frame = encodeQueued(item, peer.version, this.#world.now(), true)
      if (frame.end > peer.maxOutgoingBytes) this.#move(inflight, id, Sending.free)
      else peer.sendNumbered(frame, id)
    }
  }

  #move(inflight: Inflight, id: number, next: Sending): void {
    // From here on only the id is needed.
    const held = inflight.heldOf(id)
    if (held !== null && next !== Sending.awaitPuback && next !== Sending.awaitPubrec) this.#weigh(-held.message.bytes)
    inflight.move(id, next)
  }

  #weigh(bytes: number): void {
    this.#bytes += bytes
    this.#world.counters.queuedBytes += bytes
  }

  #drop(reason: 'too-large' | 'queue-full' | 'expired' | 'offline' | 'slow-subscriber'): false {
    this.#world.counters.dropped[reason]++
    return false
  }
}
