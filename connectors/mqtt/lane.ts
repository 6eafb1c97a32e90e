import { join } from 'node:path'
import {
  type ConnectorContext,
  type Delivery,
  delivered,
  notDelivered,
  type Receipt,
  TrestleError,
} from 'trestle/contract'
import { Claims } from './claims.ts'
import { Connection } from './connection.ts'
import { cut, fromReason, fromThrown, silent } from './errors.ts'
import { type ExchangeEvent, type ExchangeState, exchange } from './exchange.ts'
import { clientIdOf, connectPacket } from './login.ts'
import type { MqttOptions } from './options.ts'
import { Publication } from './publication.ts'
import type { SentWindow } from './sent-window.ts'
import type { Address } from './transport.ts'
import { type Answer, Kind, type Version } from './wire/packets.ts'

/** A packet identifier and what it carries now. */
interface Slot {
  readonly packetId: number
  state: ExchangeState
  /** In the batch; -1 when the delivery is not in the batch that is out. */
  place: number
}

/** A key whose earlier message was refused for now. */
interface Stop {
  readonly place: number
  readonly receipt: Receipt
}

/**
 * One connection that publishes, in order. Many messages are on their way at once, never more than the server takes.
 *
 * Order: packets are sent, and released (QoS 2), in the order of the deliveries. Where the server refuses a message
 * for now, nothing later of its key is sent, and what was sent already is not counted as delivered but goes again
 * behind it; a later message of QoS 2 is not released until then and so is not even published twice.
 */
export class Lane {
  readonly #options: MqttOptions
  readonly #address: Address
  readonly #context: ConnectorContext
  readonly #number: number
  readonly #version: Version
  readonly #publication: Publication
  readonly #sent: SentWindow | null
  readonly #stops = new Map<string, Stop>()
  #isClosed = false
  #connection: Connection | null = null
  #claims: Claims | null = null
  #slots: (Slot | undefined)[] = []
  #free: Slot[] = []
  #nextId = 1
  #inFlight = 0
  #maxInFlight = 1
  #maxPacketBytes = Number.POSITIVE_INFINITY
  /** Said PUBREC, to be written down before they are released. */
  #toRecord: Slot[] = []
  #recording = false
  /** QoS 0 that was written and not flushed. */
  #unflushed: number[] = []
  #batch: readonly Delivery[] = []
  #receipts: (Receipt | undefined)[] = []
  #queue: readonly number[] = []
  #head = 0
  #left = 0
  #progressMs = 0
  #done: (() => void) | null = null

  constructor(
    options: MqttOptions,
    address: Address,
    context: ConnectorContext,
    number: number,
    sent: SentWindow | null,
  ) {
    this.#options = options
    this.#address = address
    this.#context = context
    this.#number = number
    this.#sent = sent
    this.#version = options.version === '5' ? 5 : 4
    this.#publication = new Publication(options, this.#version, context.hub)
  }

  /** Connects, and takes up the session with what is known of it. */
  async open(): Promise<void> {
    const { session_expiry_s: expirySeconds } = this.#options
    const keeps = expirySeconds > 0
    let clean = !keeps
    if (keeps && this.#claims === null) {
      const path = join(this.#context.folder, `qos2-${this.#number}.claims`)
      const { claims, isNew } = await Claims.open(path).catch((thrown: unknown) => {
        throw fromThrown(thrown, path)
      })
      this.#claims = claims
      // What the server may hold under identifiers we know nothing of must not be mistaken for what we send.
      clean = isNew
    }
    if (clean && keeps && this.#version === 4) {
      // In 3.1.1 a clean session is none: the old one is ended first.
      const first = this.#connect(true)
      await first.open()
      first.close()
      clean = false
    }
    if (this.#isClosed) throw closed(this.#address.place)
    const connection = this.#connect(clean)
    this.#connection = connection
    const connack = await connection.open()
    this.#checkServer()
    this.#publication.begin(connack)
    this.#maxPacketBytes = connack.maxPacketBytes
    this.#maxInFlight = Math.min(this.#options.max_in_flight, connack.receiveMaximum)
    this.#resume(connack.sessionPresent)
  }

  #connect(clean: boolean): Connection {
    const clientId = clientIdOf(this.#options, this.#context, String(this.#number))
    const will = this.#number === 1 ? this.#options.will : undefined
    const packet = connectPacket(this.#options, clientId, clean, will, 0, 0)
    return new Connection(this.#options, this.#address, packet, {
      onWelcome: () => {},
      onPublish: () => {},
      onAnswer: (kind, answer) => this.#onAnswer(kind, answer),
      onTurn: () => this.#onTurn(),
      onLost: (error) => this.#onLost(error),
    })
  }

  /** *Errors*: E611 where the server cannot do what the options ask for. */
  #checkServer(): void {
    const { maxQos, retainAvailable } = this.#connection!.connack
    const { place } = this.#address
    if (maxQos === 0 && this.#options.qos !== 0) {
      const advice = 'set qos: 0, which gives no promise'
      throw new TrestleError('E611', `${place} takes QoS 0 only`, { retry: 'reconnect', detail: { place, advice } })
    }
    if (!retainAvailable && this.#options.retain === true) {
      const detail = { place, advice: 'set retain: false' }
      throw new TrestleError('E611', `${place} does not retain`, { retry: 'reconnect', detail })
    }
    if (maxQos < 2) this.#context.log('info', 'mqtt.server-limits', { maxQos })
    if (!retainAvailable) this.#context.log('info', 'mqtt.server-limits', { retain: false })
  }

  /** Begins with the identifiers the session has; a session that is gone has none. */
  #resume(sessionPresent: boolean): void {
    this.#slots = []
    this.#free = []
    this.#nextId = 1
    this.#inFlight = 0
    this.#toRecord = []
    const claims = this.#claims
    if (claims === null) return
    if (!sessionPresent) {
      const unfinished = claims.openCount
      for (const { packetId } of [...claims.open]) claims.void(packetId)
      if (unfinished > 0) this.#context.log('warn', 'mqtt.session-lost', { unfinished })
    }
  }

  /** Sends these places of the batch; resolves when each has its receipt. */
  async deliver(
    batch: readonly Delivery[],
    places: readonly number[],
    receipts: (Receipt | undefined)[],
  ): Promise<void> {
    this.#batch = batch
    this.#receipts = receipts
    this.#queue = places
    this.#head = 0
    this.#left = places.length
    this.#stops.clear()
    try {
      if (!this.#connection?.isOpen) await this.open()
      await this.#claim()
    } catch (thrown) {
      this.#giveUp(fromThrown(thrown, this.#address.place))
      return
    }
    const { ack_timeout_ms: timeoutMs } = this.#options
    this.#progressMs = performance.now()
    const timer = setInterval(() => this.#checkProgress(timeoutMs), Math.max(10, timeoutMs / 4))
    await new Promise<void>((done) => {
      this.#done = done
      if (this.#connection?.isOpen) this.#pump()
      else this.#giveUp(cut(this.#address.place, this.#version))
    })
    clearInterval(timer)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#connection?.close()
    this.#connection = null
    this.#giveUp(closed(this.#address.place))
    await this.#claims?.close()
    this.#claims = null
  }

  /** Binds identifiers to what leaves with QoS 2, on disk, before anything of the batch leaves. */
  async #claim(): Promise<void> {
    const claims = this.#claims
    if (claims === null) return
    let some = false
    for (const place of this.#queue) {
      const delivery = this.#batch[place]!
      if (this.#publication.qosOf(delivery) !== 2) continue
      if (claims.isComplete(delivery) || claims.find(delivery) !== undefined) continue
      claims.claim(this.#takeId().packetId, delivery)
      some = true
    }
    if (some) await claims.save(true)
  }

  #takeId(): Slot {
    const free = this.#free.pop()
    if (free !== undefined) return free
    while (this.#claims?.has(this.#nextId) || this.#slots[this.#nextId] !== undefined) this.#nextId++
    if (this.#nextId > 0xffff) throw new TrestleError('E607', 'all packet identifiers are taken')
    return this.#slotOf(this.#nextId++)
  }

  #slotOf(packetId: number): Slot {
    const slot: Slot = this.#slots[packetId] ?? { packetId, state: 'idle', place: -1 }
    this.#slots[packetId] = slot
    return slot
  }

  /** Sends what may be sent. */
  #pump(): void {
    const connection = this.#connection
    if (connection === null) return
    while (this.#head < this.#queue.length && this.#inFlight < this.#maxInFlight) {
      this.#send(connection, this.#queue[this.#head++]!)
    }
    this.#flush(connection)
    if (this.#left === 0) this.#finish()
  }

  #flush(connection: Connection): void {
    if (this.#unflushed.length === 0) {
      connection.flush()
      return
    }
    const places = this.#unflushed
    const receipts = this.#receipts
    this.#unflushed = []
    connection.flush((error) => {
      // What was not written is told by the end of the connection.
      if (error || receipts !== this.#receipts) return
      for (const place of places) this.#settle(place, delivered)
      if (this.#left === 0) this.#finish()
    })
  }

  #send(connection: Connection, place: number): void {
    const delivery = this.#batch[place]!
    const stop = this.#stops.size === 0 ? undefined : this.#stops.get(delivery.orderKey)
    if (stop !== undefined) {
      this.#settle(place, stop.receipt)
      return
    }
    const qos = this.#publication.qosOf(delivery)
    if (qos === 2) this.#sendTwice(connection, place, delivery)
    else if (qos === 1) {
      const slot = this.#takeId()
      if (this.#write(connection, place, delivery, slot, 1, false)) this.#step(slot, 'publish1')
      else this.#free.push(slot)
    } else if (this.#write(connection, place, delivery, null, 0, false)) this.#unflushed.push(place)
  }

  /** QoS 2: begins, or takes up where an earlier connection stopped. */
  #sendTwice(connection: Connection, place: number, delivery: Delivery): void {
    const claims = this.#claims
    if (claims === null) {
      const slot = this.#takeId()
      if (this.#write(connection, place, delivery, slot, 2, false)) this.#step(slot, 'publish2')
      else this.#free.push(slot)
      return
    }
    if (claims.isComplete(delivery)) {
      this.#settle(place, delivered)
      return
    }
    const claim = claims.find(delivery)!
    const slot = this.#slotOf(claim.packetId)
    slot.place = place
    if (claim.received) {
      if (slot.state === 'idle') {
        this.#inFlight++
        slot.state = 'held'
      }
      this.#release(connection, slot)
    } else if (this.#write(connection, place, delivery, slot, 2, claim.sent)) {
      claim.sent = true
      this.#step(slot, 'publish2')
    } else {
      claims.void(claim.packetId)
      this.#free.push(slot)
    }
  }

  /** Writes a PUBLISH; what cannot be written is refused at once and answers false. */
  #write(
    connection: Connection,
    place: number,
    delivery: Delivery,
    slot: Slot | null,
    qos: 0 | 1 | 2,
    dup: boolean,
  ): boolean {
    const { out } = connection
    const mark = out.length
    try {
      const size = this.#publication.write(out, delivery, slot?.packetId ?? 0, qos, dup, this.#context.now())
      if (size > this.#maxPacketBytes) {
        this.#publication.unwritten(delivery)
        throw fromReason(0x95, `${size} bytes, the server takes ${this.#maxPacketBytes}`, delivery.message.topic)
      }
    } catch (thrown) {
      out.rewind(mark)
      this.#refuse(place, TrestleError.from(thrown, 'E606'))
      return false
    }
    if (slot !== null) slot.place = place
    this.#sent?.add(this.#publication.topicOf(delivery), delivery.payload, this.#context.now())
    return true
  }

  /** One step of the table; answers whether the state has changed. */
  #step(slot: Slot, event: ExchangeEvent): boolean {
    const next = exchange[slot.state][event]
    if (next === 'ignored') return false
    if (next === 'fault') {
      const words = `${this.#address.place}: ${event} for a message that is ${slot.state}`
      this.#connection?.fail(new TrestleError('E608', words))
      return false
    }
    if (slot.state === 'idle') this.#inFlight++
    if (next === 'idle') {
      this.#inFlight--
      this.#free.push(slot)
    }
    slot.state = next
    return true
  }

  #onAnswer(kind: number, { packetId, code, reason }: Answer): void {
    const slot = this.#slots[packetId]
    if (slot === undefined) return
    const { place } = slot
    if (kind === Kind.Pubcomp) {
      // After a lost connection the server may have forgotten what it has released already.
      if (this.#step(slot, 'pubcomp')) this.#complete(slot, place)
    } else if (code >= 0x80) {
      if (this.#step(slot, 'refused')) {
        this.#claims?.void(packetId)
        slot.place = -1
        this.#refuse(place, fromReason(code, reason, this.#batch[place]?.message.topic ?? ''))
      }
    } else if (kind === Kind.Puback) {
      if (this.#step(slot, 'puback')) {
        slot.place = -1
        this.#accept(place)
      }
    } else if (kind === Kind.Pubrec) {
      if (this.#step(slot, 'pubrec')) this.#toRecord.push(slot)
    }
  }

  #onTurn(): void {
    if (this.#toRecord.length > 0 && !this.#recording) void this.#record()
    if (this.#done !== null) this.#pump()
  }

  /** Writes down what the server has, then releases it, in order. */
  async #record(): Promise<void> {
    this.#recording = true
    const connection = this.#connection
    try {
      while (this.#toRecord.length > 0) {
        const slots = this.#toRecord
        this.#toRecord = []
        if (this.#claims !== null) {
          for (const { packetId } of slots) this.#claims.received(packetId)
          await this.#claims.save(true)
        }
        if (connection === null || connection !== this.#connection) return
        for (const slot of slots) this.#releaseInTurn(connection, slot)
        if (this.#done !== null) this.#pump()
        else connection.flush()
      }
    } catch (thrown) {
      connection?.fail(fromThrown(thrown, this.#context.folder))
    } finally {
      this.#recording = false
      // A new connection may have brought some while the old one's were written down.
      if (this.#toRecord.length > 0 && connection !== this.#connection) void this.#record()
    }
  }

  #releaseInTurn(connection: Connection, slot: Slot): void {
    const stop = this.#stopFor(slot.place)
    if (stop === null || this.#claims === null) this.#release(connection, slot)
    else {
      this.#step(slot, 'hold')
      this.#settle(slot.place, stop.receipt)
      slot.place = -1
    }
  }

  #release(connection: Connection, slot: Slot): void {
    if (this.#step(slot, 'release')) connection.out.acknowledgement(Kind.Pubrel, slot.packetId)
  }

  #complete(slot: Slot, place: number): void {
    this.#claims?.complete(slot.packetId)
    slot.place = -1
    this.#accept(place)
  }

  #accept(place: number): void {
    if (place < 0) return
    this.#settle(place, this.#stopFor(place)?.receipt ?? delivered)
  }

  /** What an earlier message of the same key came to, when it must go again. */
  #stopFor(place: number): Stop | null {
    if (this.#stops.size === 0 || place < 0) return null
    const stop = this.#stops.get(this.#batch[place]!.orderKey)
    return stop !== undefined && place > stop.place ? stop : null
  }

  #refuse(place: number, error: TrestleError): void {
    if (place < 0) return
    const receipt = this.#stopFor(place)?.receipt ?? notDelivered(error)
    if (receipt.outcome === 'failed') {
      const { orderKey } = this.#batch[place]!
      if (!this.#stops.has(orderKey)) this.#stops.set(orderKey, { place, receipt })
    }
    this.#settle(place, receipt)
  }

  #settle(place: number, receipt: Receipt): void {
    if (place < 0 || this.#receipts[place] !== undefined) return
    this.#receipts[place] = receipt
    this.#left--
    this.#progressMs = performance.now()
  }

  #checkProgress(timeoutMs: number): void {
    const waitedMs = performance.now() - this.#progressMs
    if (waitedMs < timeoutMs) return
    this.#connection?.fail(silent(this.#address.place, 'no confirmation of a message', Math.round(waitedMs)))
  }

  #onLost(error: TrestleError): void {
    this.#connection = null
    this.#giveUp(error)
  }

  /** Whatever has no receipt yet failed with the connection. */
  #giveUp(error: TrestleError): void {
    const again = error.retry === 'reconnect' ? error : reconnecting(error)
    const receipt: Receipt = { outcome: 'failed', error: again, place: null }
    for (const place of this.#queue) this.#settle(place, receipt)
    this.#unflushed = []
    this.#finish()
  }

  #finish(): void {
    const done = this.#done
    this.#done = null
    this.#batch = []
    this.#queue = []
    this.#receipts = []
    for (const slot of this.#slots) if (slot !== undefined) slot.place = -1
    done?.()
  }
}

const reconnecting = ({ code, message, detail, cause }: TrestleError): TrestleError =>
  new TrestleError(code, message, { retry: 'reconnect', detail, cause })

const closed = (place: string): TrestleError => new TrestleError('E601', `${place}: the sink is closed`)
