import { join } from 'node:path'
import { type ConnectorContext, type Delivery, delivered, type Receipt, TrestleError } from 'trestle/contract'
import { Claims } from './claims.ts'
import { Connection } from './connection.ts'
import { fromReason, fromThrown, silent } from './errors.ts'
import { checkServer, clientIdOf, connectPacket } from './login.ts'
import type { MqttOptions } from './options.ts'
import { Publication } from './publication.ts'
import { Recorder } from './recorder.ts'
import type { SentWindow } from './sent-window.ts'
import { Share } from './share.ts'
import { type Slot, Slots } from './slots.ts'
import type { Address } from './transport.ts'
import { type Answer, Kind } from './wire/packets.ts'

export interface LaneSettings {
  readonly options: MqttOptions
  readonly address: Address
  readonly context: ConnectorContext
  /** From 1 on: it is in the client id. */
  readonly number: number
  /** Null where messages can say themselves where they were. */
  readonly sent: SentWindow | null
}

/**
 * One connection that publishes, in order. Many messages are on their way at once, never more than the server takes.
 *
 * Order: packets are sent, and released (QoS 2), in the order of the deliveries. Where the server refuses a message
 * for now, nothing later of its key is sent, and what was sent already is not counted as delivered but goes again
 * behind it; a later message of QoS 2 is not released until then and so is not published twice.
 */
export class Lane {
  readonly #settings: LaneSettings
  readonly #publication: Publication
  #isClosed = false
  #connection: Connection | null = null
  /** Why the last connection was lost. */
  #why: TrestleError | null = null
  #claims: Claims | null = null
  #slots = new Slots(() => false)
  #maxInFlight = 1
  #recorder: Recorder | null = null
  /** QoS 0 that was written and not flushed. */
  #unflushed: number[] = []
  #share: Share | null = null

  constructor(settings: LaneSettings) {
    this.#settings = settings
    this.#publication = new Publication(settings.options, settings.context.hub)
  }

  /** Connects, and takes up the session with what is known of it. */
  async open(): Promise<void> {
    const { address, context, number, options } = this.#settings
    const keeps = options.session_expiry_s > 0
    if (keeps) this.#claims ??= await Claims.open(join(context.folder, `qos2-${number}.claims`))
    // What the server may hold under identifiers we know nothing of must not be mistaken for what we send.
    let clean = !keeps || this.#claims!.isNew
    if (clean && keeps) {
      // In 3.1.1 a clean session is none, and Mosquitto writes none to its disk: the old one is ended first.
      const first = this.#connect(true)
      await first.open()
      first.close()
      clean = false
    }
    if (this.#isClosed) throw closed(address.place)
    const connection = this.#connect(clean)
    this.#connection = connection
    const connack = await connection.open()
    await this.#claims?.begin()
    checkServer(options, connack, address.place)
    const { maxQos, retainAvailable } = connack
    if (maxQos < 2 || !retainAvailable) context.log('info', 'mqtt.server-limits', { maxQos, retainAvailable })
    this.#publication.begin(connack)
    this.#maxInFlight = Math.min(options.max_in_flight, connack.receiveMaximum)
    this.#resume(connack.sessionPresent)
  }

  #connect(clean: boolean): Connection {
    const { address, context, number, options } = this.#settings
    const will = number === 1 ? options.will : undefined
    const packet = connectPacket(options, clientIdOf(options, context, String(number)), clean, will, 0, 0)
    return new Connection(options, address, packet, {
      onWelcome: () => {},
      onPublish: () => {},
      onAnswer: (kind, answer) => this.#onAnswer(kind, answer),
      onTurn: () => this.#onTurn(),
      onLost: (error) => this.#onLost(error),
    })
  }

  /** Begins with the identifiers the session has; a session that is gone has none. */
  #resume(sessionPresent: boolean): void {
    const claims = this.#claims
    this.#slots = new Slots((packetId) => claims?.has(packetId) ?? false)
    this.#recorder = new Recorder({
      claims,
      onRecorded: (slots) => this.#onRecorded(slots),
      onError: (thrown) => this.#connection?.fail(fromThrown(thrown, this.#settings.context.folder)),
    })
    if (claims === null || sessionPresent) return
    const unfinished = claims.openCount
    for (const { packetId } of [...claims.open]) claims.void(packetId)
    if (unfinished > 0) this.#settings.context.log('warn', 'mqtt.session-lost', { unfinished })
  }

  /** Sends these places of the batch; resolves when each has its receipt. */
  async deliver(
    batch: readonly Delivery[],
    places: readonly number[],
    receipts: (Receipt | undefined)[],
  ): Promise<void> {
    if (places.length === 0) return
    const share = new Share(batch, places, receipts)
    let unwatch = (): void => {}
    try {
      if (!this.#connection?.isOpen) await this.open()
      await this.#claim(share)
      if (!this.#connection?.isOpen) throw this.#why ?? closed(this.#settings.address.place)
      // Not before now: what comes in while the connection is being opened must not send any of it.
      this.#share = share
      unwatch = share.watch(this.#settings.options.ack_timeout_ms, (waitedMs) =>
        this.#connection?.fail(silent(this.#settings.address.place, 'no confirmation of a message', waitedMs)),
      )
      this.#pump(this.#connection)
    } catch (thrown) {
      share.giveUp(fromThrown(thrown, this.#settings.address.place))
    }
    await share.settled
    unwatch()
    this.#share = null
    this.#slots.forgetPlaces()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#connection?.close()
    this.#connection = null
    this.#share?.giveUp(closed(this.#settings.address.place))
    await this.#claims?.close()
    this.#claims = null
  }

  /** Binds identifiers to what leaves with QoS 2, on disk, before anything of the batch leaves. */
  async #claim({ batch, places }: Share): Promise<void> {
    const claims = this.#claims
    if (claims === null) return
    let some = false
    for (const place of places) {
      const delivery = batch[place]!
      if (this.#publication.qosOf(delivery) !== 2) continue
      if (claims.isComplete(delivery) || claims.find(delivery) !== undefined) continue
      claims.claim(this.#slots.take().packetId, delivery)
      some = true
    }
    if (some) await claims.save(true)
  }

  /** Sends what may be sent. */
  #pump(connection: Connection): void {
    const share = this.#share
    while (share?.hasNext && this.#slots.inFlight < this.#maxInFlight) this.#send(connection, share, share.next())
    this.#flush(connection, share)
  }

  #flush(connection: Connection, share: Share | null): void {
    if (this.#unflushed.length === 0 || share === null) {
      connection.flush()
      return
    }
    const places = this.#unflushed
    this.#unflushed = []
    connection.flush((error) => {
      // What was not written is told by the end of the connection.
      if (!error) for (const place of places) share.settle(place, delivered)
    })
  }

  #send(connection: Connection, share: Share, place: number): void {
    const delivery = share.batch[place]!
    const stopped = share.stopFor(place)
    if (stopped !== null) {
      share.settle(place, stopped)
      return
    }
    const qos = this.#publication.qosOf(delivery)
    if (qos === 2 && this.#claims !== null) this.#sendClaimed(connection, this.#claims, share, place)
    else if (qos === 0) {
      if (this.#write(connection, share, place, null, 0, false)) this.#unflushed.push(place)
    } else {
      const slot = this.#slots.take()
      if (this.#write(connection, share, place, slot, qos, false))
        this.#slots.step(slot, qos === 1 ? 'publish1' : 'publish2')
      else this.#slots.giveBack(slot)
    }
  }

  /** QoS 2 with a session: begins, or takes up where an earlier connection stopped. */
  #sendClaimed(connection: Connection, claims: Claims, share: Share, place: number): void {
    const delivery = share.batch[place]!
    const claim = claims.find(delivery)
    if (claim === undefined) {
      // Complete: an earlier life of the hub did not come to note it.
      share.settle(place, delivered)
      return
    }
    const slot = this.#slots.of(claim.packetId)
    slot.place = place
    if (claim.received) {
      this.#slots.takeUp(slot)
      this.#release(connection, slot)
    } else if (this.#write(connection, share, place, slot, 2, claim.sent)) {
      claim.sent = true
      this.#slots.step(slot, 'publish2')
    } else {
      claims.void(claim.packetId)
      this.#slots.giveBack(slot)
    }
  }

  /** Writes a PUBLISH; what cannot be written is refused at once and answers false. */
  #write(
    connection: Connection,
    share: Share,
    place: number,
    slot: Slot | null,
    qos: 0 | 1 | 2,
    dup: boolean,
  ): boolean {
    const delivery = share.batch[place]!
    const nowMs = this.#settings.context.now()
    const error = this.#publication.write(connection.out, delivery, slot?.packetId ?? 0, qos, dup, nowMs)
    if (error !== null) {
      share.refuse(place, error)
      return false
    }
    if (slot !== null) slot.place = place
    this.#settings.sent?.add(this.#publication.topicOf(delivery), delivery.payload, nowMs)
    return true
  }

  #onAnswer(kind: number, { packetId, code, reason }: Answer): void {
    const slot = this.#slots.find(packetId)
    if (slot === undefined) return
    const { place } = slot
    const share = this.#share
    if (kind === Kind.Pubrec && code < 0x80) {
      if (this.#slots.step(slot, 'pubrec')) this.#recorder?.add(slot)
      return
    }
    // A PUBCOMP that says "not found" comes from a server that forgot, over a lost connection, what it has released.
    const event = kind === Kind.Pubcomp ? 'pubcomp' : code >= 0x80 ? 'refused' : 'puback'
    if (!this.#slots.step(slot, event)) return
    slot.place = -1
    if (event === 'pubcomp') this.#claims?.complete(packetId)
    else if (event === 'refused') this.#claims?.void(packetId)
    if (share === null || place < 0) return
    if (event === 'refused') share.refuse(place, fromReason(code, reason, share.batch[place]!.message.topic))
    else share.accept(place)
  }

  #onTurn(): void {
    this.#recorder?.run()
    if (this.#connection?.isOpen) this.#pump(this.#connection)
  }

  /** It is on disk that the server has these: they are released, in order. */
  #onRecorded(slots: readonly Slot[]): void {
    const connection = this.#connection
    if (connection === null) return
    for (const slot of slots) this.#releaseInTurn(connection, slot)
    this.#pump(connection)
  }

  #releaseInTurn(connection: Connection, slot: Slot): void {
    const stopped = this.#claims === null ? null : (this.#share?.stopFor(slot.place) ?? null)
    if (stopped === null) this.#release(connection, slot)
    else {
      this.#slots.step(slot, 'hold')
      this.#share?.settle(slot.place, stopped)
      slot.place = -1
    }
  }

  #release(connection: Connection, slot: Slot): void {
    if (this.#slots.step(slot, 'release')) connection.out.acknowledgement(Kind.Pubrel, slot.packetId)
  }

  #onLost(error: TrestleError): void {
    this.#connection = null
    this.#why = error
    this.#recorder?.stop()
    this.#unflushed = []
    this.#share?.giveUp(error)
  }
}

const closed = (place: string): TrestleError => new TrestleError('E601', `${place}: the connection is closed`)
