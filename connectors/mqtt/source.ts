import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ConnectorContext, type InboundBatch, type Intake, type Source, TrestleError } from 'trestle/contract'
import { Arrival } from './arrival.ts'
import { Connection } from './connection.ts'
import { fromThrown } from './errors.ts'
import { clientIdOf, connectPacket, filtersMark } from './login.ts'
import type { MqttOptions } from './options.ts'
import { SentWindow } from './sent-window.ts'
import type { MqttSourceOptions } from './source-options.ts'
import { Taken } from './taken.ts'
import { addressOf } from './transport.ts'
import { Unsettled } from './unsettled.ts'
import { type Answer, type Connack, Kind, type Subscription } from './wire/packets.ts'
import type { PublishPacket } from './wire/publish.ts'

const retainHandlings = { always: 0, new: 1, never: 2 } as const

/**
 * Subscriptions at an MQTT server as a source. What one read brought goes into the hub as one batch, in its order;
 * PUBACK and PUBREC leave only when the hub has answered, in the order of arrival. What is unsettled is bounded by the
 * receive maximum, and by not reading on.
 *
 * What was taken and not acknowledged when the connection ends comes again with the session; of QoS 2 a repeat is
 * known by its identifier (see taken), also by a source that was made anew and after a restart.
 */
export class MqttSource implements Source {
  readonly #options: MqttOptions
  readonly #source: MqttSourceOptions
  readonly #context: ConnectorContext
  readonly #arrival: Arrival
  readonly #unsettled = new Unsettled()
  readonly #echoes: SentWindow | null
  #intake: Intake | null = null
  #connection: Connection | null = null
  #taken: Taken | null = null
  #session = 0
  #stopListening: (() => void) | null = null
  /** Of the read that is going on. */
  #packets: PublishPacket[] = []
  #batch: InboundBatch = { messages: [], faults: new Map() }
  /** Repeats of what an earlier source has with the hub: acknowledged when that is answered. */
  readonly #awaited = new Set<number>()
  #toReceive: number[] = []
  #toComplete: number[] = []
  #isAcknowledging = false
  #acknowledged: Promise<void> = Promise.resolve()
  #isHeld = false
  #isClosed = false
  #isReady = false

  constructor(options: MqttOptions, source: MqttSourceOptions, context: ConnectorContext) {
    this.#options = options
    this.#source = source
    this.#context = context
    this.#arrival = new Arrival(source, context.name)
    this.#echoes = options.version === '5' ? null : SentWindow.of(context.folder)
  }

  async open(intake: Intake): Promise<void> {
    const { filters, share } = this.#source
    const clientId = this.#source.client_id ?? clientIdOf(this.#options, this.#context, filtersMark(filters, share))
    const name = join(this.#context.folder, `source-${encodeURIComponent(clientId)}`)
    this.#intake = intake
    try {
      const taken = await Taken.open(`${name}.taken`)
      this.#taken = taken
      taken.onAnswered = (packetId, isSafe) => this.#onAnswered(packetId, isSafe)
      await this.#connect(clientId)
      // A server sends nothing in a new session before it was asked to, so no repeat can be missed here.
      if (!this.#connection!.connack.sessionPresent) await taken.save()
      this.#stopListening = this.#echoes?.listen(filters) ?? null
      await this.#subscribe(`${name}.filters`)
    } catch (thrown) {
      throw fromThrown(thrown, this.#connection?.place ?? name)
    }
    this.#isReady = true
  }

  async #connect(clientId: string): Promise<void> {
    const address = addressOf(this.#options.server)
    const clean = this.#options.session_expiry_s === 0
    const { max_unsettled: receiveMaximum, will } = this.#source
    const aliases = this.#options.topic_alias_maximum
    const packet = connectPacket(this.#options, clientId, clean, will, receiveMaximum, aliases)
    if (this.#isClosed) throw new TrestleError('E601', `${address.place}: the source is closed`)
    const connection = new Connection(this.#options, address, packet, {
      onWelcome: (connack) => this.#onWelcome(connack),
      onPublish: (publish) => this.#onPublish(publish),
      onAnswer: (kind, answer) => this.#onAnswer(kind, answer),
      onTurn: () => this.#onTurn(),
      onLost: (error) => this.#onLost(error),
    })
    this.#connection = connection
    await connection.open()
    this.#readOrNot()
  }

  /** Subscribes; what an earlier configuration subscribed to under this client id ends. */
  async #subscribe(path: string): Promise<void> {
    const connection = this.#connection!
    const { filters, share, subscribe_qos: qos } = this.#source
    const wanted = filters.map((filter) => (share === undefined ? filter : `$share/${share}/${filter}`))
    const before = await readFile(path, 'utf8').then(
      (text) => JSON.parse(text) as string[],
      () => [],
    )
    const gone = before.filter((filter) => !wanted.includes(filter))
    if (gone.length > 0 && connection.connack.sessionPresent) await connection.unsubscribe(gone)
    await writeFile(path, JSON.stringify(wanted))
    const granted = await connection.subscribe(wanted.map((filter) => this.#subscription(filter)))
    const lowered = wanted.filter((_, at) => granted[at]! < qos)
    if (lowered.length > 0) this.#context.log('warn', 'mqtt.qos-lowered', { filters: lowered, asked: qos })
  }

  #subscription(filter: string): Subscription {
    const { subscribe_qos: qos, no_local: noLocal, retain_as_published: retainAsPublished } = this.#source
    const retainHandling = retainHandlings[this.#source.retain_handling]
    // A shared subscription may not ask for it [MQTT-3.8.3-4].
    return { filter, qos, noLocal: noLocal && !filter.startsWith('$share/'), retainAsPublished, retainHandling }
  }

  pause(): void {
    this.#isHeld = true
    this.#readOrNot()
  }

  resume(): void {
    this.#isHeld = false
    this.#readOrNot()
  }

  async close(): Promise<void> {
    this.#stopListening?.()
    this.#stopListening = null
    await this.#acknowledge()
    this.#isClosed = true
    this.#connection?.close()
    this.#connection = null
    await this.#taken?.close()
  }

  #onWelcome({ sessionPresent }: Connack): void {
    const taken = this.#taken!
    if (!sessionPresent) taken.forget()
    this.#session = taken.session
  }

  #onPublish(packet: PublishPacket): void {
    if (packet.qos === 2 && this.#isRepeat(packet)) return
    this.#packets.push(packet)
    this.#arrival.add(this.#batch, packet, this.#context.now())
  }

  /** Without DUP it is another message, under an identifier that is free again. */
  #isRepeat({ packetId, dup }: PublishPacket): boolean {
    const taken = this.#taken!
    if (dup && taken.isSafe(packetId)) this.#toReceive.push(packetId)
    else if (dup && taken.isPending(packetId)) this.#awaited.add(packetId)
    else {
      taken.begin(packetId)
      return false
    }
    return true
  }

  #onAnswer(kind: number, { packetId }: Answer): void {
    if (kind === (Kind.Pubrel & 0xf0)) this.#toComplete.push(packetId)
  }

  /** The hub has answered for a message of QoS 2, this source's or an earlier one's. */
  #onAnswered(packetId: number, isSafe: boolean): void {
    if (!this.#awaited.delete(packetId)) return
    if (isSafe) {
      this.#toReceive.push(packetId)
      void this.#acknowledge()
    } else {
      // Its bytes are gone; a new connection brings them once more.
      const { place } = this.#connection ?? { place: this.#context.name }
      this.#connection?.fail(new TrestleError('E601', `${place}: a message must be sent once more`))
    }
  }

  #onTurn(): void {
    if (this.#packets.length > 0) void this.#handIn()
    if (this.#toComplete.length > 0 || this.#toReceive.length > 0) void this.#acknowledge()
  }

  async #handIn(): Promise<void> {
    const packets = this.#packets
    const batch = this.#batch
    this.#packets = []
    this.#batch = { messages: [], faults: new Map() }
    const entries = this.#unsettled.add(packets)
    this.#readOrNot()
    const isEcho = this.#echoesAmong(packets)
    const { messages, faults } = isEcho === null ? batch : withoutEchoes(batch, isEcho)
    const answered = await this.#intake!.take(messages, faults)
    let next = 0
    const receipts = isEcho === null ? answered : packets.map((_, at) => (isEcho[at] ? wasEcho : answered[next++]!))
    for (const [at, { packetId, qos }] of packets.entries()) {
      if (qos === 2) this.#taken?.answer(packetId, this.#session, receipts[at]!.outcome !== 'failed')
    }
    this.#unsettled.settle(entries, receipts)
    await this.#acknowledge()
  }

  /** Which of them this connector has published itself; null for none. */
  #echoesAmong(packets: readonly PublishPacket[]): boolean[] | null {
    const window = this.#echoes
    if (window === null) return null
    const nowMs = this.#context.now()
    const found = packets.map(({ topic, payload }) => window.take(topic, payload, nowMs))
    return found.includes(true) ? found : null
  }

  /** Sends what may be acknowledged; QoS 2 after it is written down. One run at a time, so that the order stays. */
  #acknowledge(): Promise<void> {
    if (!this.#isAcknowledging) this.#acknowledged = this.#acknowledgeAll()
    return this.#acknowledged
  }

  async #acknowledgeAll(): Promise<void> {
    this.#isAcknowledging = true
    try {
      while (this.#connection !== null) {
        const answers: [kind: number, packetId: number][] = []
        for (const packetId of this.#toReceive.splice(0)) answers.push([Kind.Pubrec, packetId])
        let isDurable = false
        this.#unsettled.take((packetId, qos) => {
          isDurable ||= qos === 2
          answers.push([qos === 2 ? Kind.Pubrec : Kind.Puback, packetId])
        })
        for (const packetId of this.#toComplete.splice(0)) {
          isDurable = true
          this.#taken?.release(packetId)
          answers.push([Kind.Pubcomp, packetId])
        }
        this.#readOrNot()
        if (answers.length === 0) return
        if (isDurable) await this.#taken?.save()
        this.#send(answers)
      }
    } catch (thrown) {
      this.#connection?.fail(fromThrown(thrown, this.#context.folder))
    } finally {
      // In the same turn in which nothing more was found, so that what settles next begins another run.
      this.#isAcknowledging = false
    }
  }

  #send(answers: readonly [kind: number, packetId: number][]): void {
    const connection = this.#connection
    if (connection === null || !connection.isOpen) return
    for (const [kind, packetId] of answers) connection.out.acknowledgement(kind, packetId)
    connection.flush()
  }

  /** Reads on while what is unsettled stays within its bounds. */
  #readOrNot(): void {
    const { max_unsettled: maxCount, max_unsettled_bytes: maxBytes } = this.#source
    const isFull = this.#unsettled.count >= maxCount || this.#unsettled.bytes >= maxBytes
    if (isFull || this.#isHeld) this.#connection?.pause()
    else this.#connection?.resume()
  }

  #onLost(error: TrestleError): void {
    this.#connection = null
    if (this.#isReady && !this.#isClosed) this.#intake?.lost(error)
  }
}

const wasEcho = { outcome: 'received', error: null, place: null } as const

/** The batch without what this connector has published itself. */
function withoutEchoes({ messages, faults }: InboundBatch, isEcho: readonly boolean[]): InboundBatch {
  const kept: InboundBatch = { messages: [], faults: new Map() }
  for (const [at, message] of messages.entries()) {
    if (isEcho[at]) continue
    const fault = faults.get(at)
    if (fault !== undefined) kept.faults.set(kept.messages.length, fault)
    kept.messages.push(message)
  }
  return kept
}
