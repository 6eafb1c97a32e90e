/**
 * One connection to a broker or proxy.
 *
 *     open   TCP, TLS, CONNECT → (AUTH_CHALLENGE → AUTH_RESPONSE)… → CONNECTED
 *     then   requests and their answers by request id; SEND_RECEIPT and SEND_ERROR by producer id; MESSAGE and its kin
 *            by consumer id; PING ↔ PONG both ways; AUTH_CHALLENGE whenever the credentials run out
 *     end    once, for whatever reason: pending requests fail, every producer and consumer is told why
 *
 * It does not connect again: whoever holds it decides about that. A peer that is silent for two keep-alive times is
 * taken for gone.
 */
import type { Socket } from 'node:net'
import { type ConnectionSettings, type ConnectionTarget, features, protocolVersion } from './connection-settings.ts'
import { PulsarFault } from './fault.ts'
import { KeepAlive } from './keep-alive.ts'
import type { ConsumerListener, ProducerListener } from './listeners.ts'
import { type AnswerOf, type RequestName, Requests } from './requests.ts'
import { printAddress } from './service-url.ts'
import { openSocket } from './socket.ts'
import type { Command, CommandBody, CommandName } from './wire/commands.ts'
import { defaultMaxMessageBytes, FrameCutter, readFrame, writeCommand } from './wire/frame.ts'
import { WireWriter } from './wire/writer.ts'

/** Older than this: no challenge, no ack receipts. Pulsar 2.8. */
export const oldestProtocolVersion = 17

export class Connection {
  /** host:port, and behind a proxy the broker meant. */
  readonly place: string
  readonly target: ConnectionTarget
  readonly #settings: ConnectionSettings
  readonly #socket: Socket
  readonly #requests: Requests
  readonly #writer = new WireWriter()
  readonly #cutter = new FrameCutter()
  readonly #producers = new Map<number, ProducerListener>()
  readonly #consumers = new Map<number, ConsumerListener>()
  readonly #endListeners = new Set<(fault: PulsarFault) => void>()
  #lastProducerId = 0
  #lastConsumerId = 0
  #connected: { settle: () => void; fail: (fault: PulsarFault) => void } | null = null
  #keepAlive: KeepAlive | null = null
  #fault: PulsarFault | null = null
  #serverVersion = ''
  #protocolVersion = 0
  #maxMessageBytes = defaultMaxMessageBytes

  /** Connects and logs in. *Errors*: PulsarFault `network`, `timeout`, `auth`, `server` (the login was refused). */
  static async open(target: ConnectionTarget, settings: ConnectionSettings): Promise<Connection> {
    const socket = await openSocket(target.address, settings.tls, settings.connectTimeoutMs)
    const connection = new Connection(target, settings, socket)
    await connection.#login()
    return connection
  }

  private constructor(target: ConnectionTarget, settings: ConnectionSettings, socket: Socket) {
    const place = printAddress(target.address)
    this.place = target.broker === null ? place : `${target.broker} behind ${place}`
    this.target = target
    this.#settings = settings
    this.#socket = socket
    this.#requests = new Requests(this.place)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', (cause) => this.#end(new PulsarFault('network', this.place, cause.message, { cause })))
    socket.on('close', () => this.#end(new PulsarFault('network', this.place, 'the broker closed the connection')))
  }

  get serverVersion(): string {
    return this.#serverVersion
  }

  /** What both sides speak. */
  get protocolVersion(): number {
    return this.#protocolVersion
  }

  /** The largest message (metadata and payload) the broker takes. */
  get maxMessageBytes(): number {
    return this.#maxMessageBytes
  }

  get isOpen(): boolean {
    return this.#fault === null
  }

  /** Reads no more until `hold(false)`. Not for long: a peer that is not heard is given up. */
  hold(isHeld: boolean): void {
    if (isHeld) this.#socket.pause()
    else this.#socket.resume()
  }

  /** Sends a request and waits for its answer. *Errors*: PulsarFault; `server` when the broker refuses. */
  request<Name extends RequestName>(
    name: Name,
    values: Omit<Partial<CommandBody<Name>>, 'requestId'>,
    timeoutMs: number = this.#settings.requestTimeoutMs,
  ): Promise<AnswerOf<Name>> {
    if (this.#fault !== null) return Promise.reject(this.#fault)
    const { id, answer } = this.#requests.expect(name, timeoutMs)
    this.command(name, { ...values, requestId: id } as unknown as Partial<CommandBody<Name>>)
    return answer
  }

  /** Sends a command that has no answer. What is sent after the end is dropped: its users were told. */
  command<Name extends CommandName>(name: Name, values: Partial<CommandBody<Name>>): void {
    this.#writer.at = 0
    writeCommand(this.#writer, name, values)
    this.write(this.#writer.copy())
  }

  /** Sends whole frames. The bytes must stay as they are until they are answered. */
  write(frames: Uint8Array): void {
    if (this.#fault === null) this.#socket.write(frames)
  }

  /** As `write`, for a frame whose payload stands elsewhere: one packet, no copy. */
  writeBoth(head: Uint8Array, payload: Uint8Array): void {
    if (this.#fault !== null) return
    this.#socket.cork()
    this.#socket.write(head)
    this.#socket.write(payload)
    this.#socket.uncork()
  }

  /** Registers a producer and answers its id, which goes into PRODUCER and SEND. */
  addProducer(listener: ProducerListener): number {
    const id = ++this.#lastProducerId
    this.#producers.set(id, listener)
    return id
  }

  removeProducer(id: number): void {
    this.#producers.delete(id)
  }

  /** Registers a consumer and answers its id, which goes into SUBSCRIBE, FLOW and ACK. */
  addConsumer(listener: ConsumerListener): number {
    const id = ++this.#lastConsumerId
    this.#consumers.set(id, listener)
    return id
  }

  removeConsumer(id: number): void {
    this.#consumers.delete(id)
  }

  /** Calls `listener` when the connection ends; at once when it has ended. */
  onEnd(listener: (fault: PulsarFault) => void): void {
    if (this.#fault !== null) listener(this.#fault)
    else this.#endListeners.add(listener)
  }

  /** Ends it without a word to the broker, which frees all that was open on it. */
  close(): void {
    this.#end(new PulsarFault('closed', this.place, 'the connection was closed'))
  }

  async #login(): Promise<void> {
    const { auth, clientVersion, connectTimeoutMs } = this.#settings
    const late = (): void =>
      this.#end(new PulsarFault('timeout', this.place, `no answer to the login within ${connectTimeoutMs} ms`))
    const timer = setTimeout(late, connectTimeoutMs)
    try {
      const authData = await auth.data()
      if (this.#fault !== null) throw this.#fault
      await new Promise<void>((settle, fail) => {
        this.#connected = { settle, fail }
        this.command('connect', {
          clientVersion,
          protocolVersion,
          features,
          ...(auth.method === '' ? {} : { authMethod: auth.method, authData }),
          ...(this.target.broker === null ? {} : { proxyToBroker: this.target.broker }),
        })
      })
    } catch (thrown) {
      this.close()
      throw thrown
    } finally {
      clearTimeout(timer)
    }
  }

  #receive(chunk: Buffer): void {
    this.#keepAlive?.heard()
    try {
      this.#cutter.push(chunk, (frame) => {
        const { command, bytes, entryAt } = readFrame(frame)
        if (command !== null && this.#fault === null) this.#take(command, bytes, entryAt)
      })
    } catch (thrown) {
      const known = thrown instanceof PulsarFault ? thrown : null
      this.#end(new PulsarFault(known?.kind ?? 'protocol', this.place, words(thrown), { cause: thrown }))
    }
  }

  #take(command: Command, frame: Buffer, entryAt: number): void {
    switch (command.name) {
      case 'message':
        this.#consumers.get(command.body.consumerId)?.message(command.body, frame, entryAt)
        return
      case 'sendReceipt':
        this.#producers.get(command.body.producerId)?.receipt(command.body)
        return
      case 'sendError':
        this.#producers.get(command.body.producerId)?.sendError(command.body)
        return
      case 'ping':
        this.command('pong', {})
        return
      case 'pong':
        return
      case 'connected':
        this.#accept(command.body)
        return
      case 'authChallenge':
        void this.#authenticate()
        return
      case 'error':
        this.#refused(command)
        return
      case 'activeConsumerChange':
        this.#consumers.get(command.body.consumerId)?.activeChange(command.body.isActive)
        return
      case 'reachedEndOfTopic':
        this.#consumers.get(command.body.consumerId)?.endOfTopic()
        return
      case 'closeProducer':
        this.#release(this.#producers, command.body.producerId, 'the broker closed the producer')
        return
      case 'closeConsumer':
        this.#release(this.#consumers, command.body.consumerId, 'the broker closed the consumer')
        return
      case 'topicMigrated': {
        const map = command.body.resourceType === 0 ? this.#producers : this.#consumers
        this.#release(map, command.body.resourceId, 'the topic was moved to another cluster')
        return
      }
      default:
        this.#requests.answer(command)
    }
  }

  #accept(body: CommandBody<'connected'>): void {
    this.#serverVersion = body.serverVersion
    this.#protocolVersion = Math.min(body.protocolVersion, protocolVersion)
    if (body.maxMessageBytes !== undefined && body.maxMessageBytes > 0) {
      this.#maxMessageBytes = body.maxMessageBytes
      this.#cutter.expect(body.maxMessageBytes)
    }
    this.#keepAlive = new KeepAlive(this.#settings.keepAliveMs, {
      ping: () => this.command('ping', {}),
      lost: (silentMs) =>
        this.#end(new PulsarFault('timeout', this.place, `the broker has been silent for ${silentMs} ms`)),
    })
    this.#connected?.settle()
    this.#connected = null
  }

  /** An error that answers no request refuses the login, or the credentials that were to renew it. */
  #refused(command: Command & { name: 'error' }): void {
    const { requestId, error, message } = command.body
    if (this.#connected === null && requestId > 0) this.#requests.answer(command)
    else this.#end(PulsarFault.fromServer(error, message, this.place))
  }

  async #authenticate(): Promise<void> {
    const { auth, clientVersion } = this.#settings
    try {
      const data = await auth.data()
      this.command('authResponse', { clientVersion, protocolVersion, response: { method: auth.method, data } })
    } catch (thrown) {
      this.#end(thrown instanceof PulsarFault ? thrown : new PulsarFault('auth', this.place, words(thrown)))
    }
  }

  #release(from: Map<number, ProducerListener | ConsumerListener>, id: number, why: string): void {
    const listener = from.get(id)
    from.delete(id)
    listener?.closed(new PulsarFault('closed', this.place, why))
  }

  #end(fault: PulsarFault): void {
    if (this.#fault !== null) return
    this.#fault = fault
    this.#keepAlive?.stop()
    this.#socket.destroy()
    this.#connected?.fail(fault)
    this.#connected = null
    this.#requests.fail(fault)
    for (const listener of [...this.#producers.values(), ...this.#consumers.values()]) listener.closed(fault)
    this.#producers.clear()
    this.#consumers.clear()
    for (const listener of this.#endListeners) listener(fault)
    this.#endListeners.clear()
  }
}

const words = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
