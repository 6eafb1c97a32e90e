import { TrestleError } from 'trestle/contract'
import { openTransport } from './dial.ts'
import { cut, fromConnack, fromDisconnect, fromReason, fromThrown, silent } from './errors.ts'
import { KeepAlive } from './keep-alive.ts'
import type { MqttOptions } from './options.ts'
import type { Address, Transport } from './transport.ts'
import { Frames } from './wire/frames.ts'
import {
  type Answer,
  type Connack,
  type ConnectPacket,
  Kind,
  readAnswer,
  readCodes,
  readConnack,
  readDisconnect,
  type Subscription,
  writeConnect,
  writeDisconnect,
  writePing,
  writeSubscribe,
  writeUnsubscribe,
} from './wire/packets.ts'
import { type PublishPacket, readPublish } from './wire/publish.ts'
import { PacketReader, WireFault } from './wire/reader.ts'
import { PacketWriter } from './wire/writer.ts'

/** What whoever holds a connection is told. */
export interface ConnectionListener {
  /** The login went well; nothing of the session has been told yet. */
  onWelcome(connack: Connack): void
  onPublish(packet: PublishPacket): void
  /** PUBACK, PUBREC, PUBREL or PUBCOMP by its first byte; `answer` is filled again for the next. */
  onAnswer(kind: number, answer: Answer): void
  /** All packets of one read have been told. */
  onTurn(): void
  /** The connection has ended, not by our own `close`. Told once, and only after it was open. */
  onLost(error: TrestleError): void
}

/** A SUBSCRIBE or UNSUBSCRIBE that waits for its answer. */
interface Question {
  settle(codes: number[], reason: string | null): void
  fail(error: TrestleError): void
}

/**
 * One network connection that speaks MQTT: login, keep alive, subscriptions, topic aliases of what comes in. It does
 * not know what became of a message; see lane (out) and source (in). It never connects again by itself.
 */
export class Connection {
  /** Packets are written here and leave with `flush`. */
  readonly out = new PacketWriter()
  connack!: Connack
  readonly #options: MqttOptions
  readonly #address: Address
  readonly #packet: ConnectPacket
  readonly #listener: ConnectionListener
  readonly #reader = new PacketReader()
  readonly #frames: Frames
  readonly #answer: Answer = { packetId: 0, code: 0, reason: null }
  readonly #aliases: string[] = []
  readonly #asked = new Map<number, Question>()
  #transport: Transport | null = null
  #onConnack: ((error: TrestleError | null) => void) | null = null
  #keepAlive: KeepAlive | null = null
  #nextId = 0
  #isOpen = false
  #isClosed = false
  #isPaused = false

  constructor(options: MqttOptions, address: Address, packet: ConnectPacket, listener: ConnectionListener) {
    this.#options = options
    this.#address = address
    this.#packet = packet
    this.#listener = listener
    this.#frames = new Frames(options.max_packet_bytes)
  }

  get isOpen(): boolean {
    return this.#isOpen
  }
  get place(): string {
    return this.#address.place
  }

  /** Connects and logs in. *Errors*: as `errors.ts` has them. */
  async open(): Promise<Connack> {
    const { connect_timeout_ms: timeoutMs } = this.#options
    const { place } = this.#address
    try {
      const transport = await openTransport(this.#options, this.#address, timeoutMs)
      this.#transport = transport
      if (this.#isClosed) throw new TrestleError('E601', `${place}: closed while it was being opened`)
      transport.onData = (chunk) => this.#take(chunk)
      transport.onClosed = (error) => this.#end(error === null ? cut(place, this.#packet.version) : error)
      await this.#login(timeoutMs)
      if (this.#transport === null) throw cut(place, this.#packet.version)
    } catch (thrown) {
      const error = fromThrown(thrown, place)
      this.#destroy(error)
      throw error
    }
    this.#isOpen = true
    const seconds = this.connack.keepaliveSeconds ?? this.#packet.keepaliveSeconds
    if (seconds > 0) this.#keepAlive = this.#watch(seconds * 500)
    return this.connack
  }

  #watch(halfMs: number): KeepAlive {
    return new KeepAlive({
      halfMs,
      ping: () => {
        writePing(this.out)
        this.flush()
      },
      giveUp: (silentMs) => this.#end(silent(this.place, 'no sign of life', silentMs)),
    })
  }

  #login(timeoutMs: number): Promise<void> {
    return new Promise((settle, fail) => {
      const { place } = this.#address
      const timer = setTimeout(() => fail(silent(place, 'no answer to the login', timeoutMs)), timeoutMs)
      this.#onConnack = (error) => {
        clearTimeout(timer)
        this.#onConnack = null
        if (error === null) settle()
        else fail(error)
      }
      writeConnect(this.out, this.#packet)
      this.flush()
    })
  }

  /** Sends what was written to `out`. `done` is called when the system has it. */
  flush(done?: (error?: Error | null) => void): void {
    if (this.out.length === 0) {
      done?.(null)
      return
    }
    this.#keepAlive?.wrote()
    this.#transport?.write(this.out.take(), done)
  }

  /** Gives the granted QoS of each. *Errors*: those of the first that is refused, with the server's words. */
  async subscribe(subscriptions: readonly Subscription[]): Promise<number[]> {
    const { codes, reason } = await this.#ask((id) => writeSubscribe(this.out, this.#packet.version, id, subscriptions))
    for (const [at, { filter }] of subscriptions.entries()) {
      const code = codes[at] ?? 0x80
      if (code >= 0x80) throw fromReason(code, reason, filter)
    }
    return codes
  }

  async unsubscribe(filters: readonly string[]): Promise<void> {
    await this.#ask((id) => writeUnsubscribe(this.out, this.#packet.version, id, filters))
  }

  #ask(write: (id: number) => void): Promise<{ codes: number[]; reason: string | null }> {
    const { ack_timeout_ms: timeoutMs } = this.#options
    const id = ++this.#nextId
    const { promise, resolve, reject } = Promise.withResolvers<{ codes: number[]; reason: string | null }>()
    const late = (): void => reject(silent(this.place, 'no answer to a subscription', timeoutMs))
    const timer = setTimeout(late, timeoutMs)
    this.#asked.set(id, { settle: (codes, reason) => resolve({ codes, reason }), fail: reject })
    write(id)
    this.flush()
    return promise.finally(() => {
      clearTimeout(timer)
      this.#asked.delete(id)
    })
  }

  /** Reads nothing more until `resume`; signs of life are not waited for meanwhile. */
  pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#keepAlive?.deaf(true)
    this.#transport?.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#keepAlive?.deaf(false)
    this.#transport?.resume()
  }

  /** Takes leave; the session stays as long as was asked for at the login. */
  close(): void {
    this.#isClosed = true
    const transport = this.#transport
    if (!this.#isOpen || transport === null) {
      this.#end(new TrestleError('E601', `${this.place}: closed while it was being opened`))
      return
    }
    writeDisconnect(this.out, this.#packet.version, 0)
    this.flush()
    transport.end()
    // A server that is gone never answers the end.
    setTimeout(() => transport.destroy(), 500).unref()
    this.#destroy(new TrestleError('E601', `${this.place}: closed`), transport)
  }

  /** Gives the connection up, for a reason of ours. */
  fail(error: TrestleError): void {
    this.#end(error)
  }

  #take(chunk: Buffer): void {
    this.#keepAlive?.heard()
    try {
      this.#frames.push(chunk, this.#onFrame)
      if (this.#isOpen) this.#listener.onTurn()
    } catch (thrown) {
      if (this.#isOpen && thrown instanceof WireFault) {
        writeDisconnect(this.out, this.#packet.version, thrown.reason)
        this.flush()
      }
      this.#end(thrown)
    }
  }

  readonly #onFrame = (firstByte: number, buffer: Buffer, start: number, end: number): void => {
    const reader = this.#reader
    const { version } = this.#packet
    reader.open(buffer, start, end)
    const kind = firstByte & 0xf0
    if (kind === Kind.Connack) this.#welcome(readConnack(reader, version))
    else if (!this.#isOpen && this.#transport === null) return
    else if (kind === Kind.Publish) this.#publish(readPublish(reader, firstByte, version))
    else if (kind >= Kind.Puback && kind <= Kind.Pubcomp) {
      readAnswer(reader, version, this.#answer)
      this.#listener.onAnswer(kind, this.#answer)
    } else if (kind === Kind.Suback || kind === Kind.Unsuback) {
      const { packetId, codes, reason } = readCodes(reader, version)
      this.#asked.get(packetId)?.settle(codes, reason)
    } else if (kind === Kind.Disconnect) {
      readDisconnect(reader, version, this.#answer)
      this.#end(fromDisconnect(this.#answer.code, this.#answer.reason, this.place))
    } else if (kind !== Kind.Pingresp) {
      throw new WireFault(`the server sent a packet of kind ${kind >> 4}`, 0x82)
    }
  }

  #welcome(connack: Connack): void {
    if (this.#onConnack === null) throw new WireFault('a CONNACK came twice', 0x82)
    this.connack = connack
    if (connack.code === 0) this.#listener.onWelcome(connack)
    this.#onConnack(connack.code === 0 ? null : fromConnack(connack, this.#packet.version, this.place))
    // Packets of a session may follow in the same read.
    this.#isOpen = connack.code === 0
  }

  #publish(packet: PublishPacket): void {
    const { topicAlias } = packet
    if (topicAlias > this.#packet.topicAliasMaximum)
      throw new WireFault(`topic alias ${topicAlias} was not asked for`, 0x94)
    if (packet.topic === '') {
      const topic = this.#aliases[topicAlias]
      if (topic === undefined) throw new WireFault(`topic alias ${topicAlias} stands for nothing`, 0x94)
      packet.topic = topic
    } else if (topicAlias > 0) this.#aliases[topicAlias] = packet.topic
    this.#listener.onPublish(packet)
  }

  /** Tells the end once: to who waits for the login, or to the listener. */
  #end(thrown: unknown): void {
    if (this.#transport === null) return
    const error = fromThrown(thrown, this.place)
    const tell = this.#onConnack ?? (this.#isOpen ? this.#listener.onLost : null)
    this.#destroy(error)
    tell?.(error)
  }

  /** `spared`: a transport that still has something to say. */
  #destroy(error: TrestleError, spared: Transport | null = null): void {
    const transport = this.#transport
    this.#transport = null
    this.#isOpen = false
    this.#keepAlive?.stop()
    this.#keepAlive = null
    for (const question of [...this.#asked.values()]) question.fail(error)
    if (transport === null) return
    transport.onData = () => {}
    transport.onClosed = () => {}
    if (transport !== spared) transport.destroy()
  }
}
