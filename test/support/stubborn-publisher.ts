/**
 * A device that does not give up: it publishes numbered messages at QoS 1 or 2, remembers what was acknowledged, and
 * after each lost connection sends again, in order, whatever was not. Built on mqtt-packet, not on our own codec.
 */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { generate, type Packet, parser } from 'mqtt-packet'

export interface PublisherOptions {
  port: number
  client: string
  topic: string
  qos: 1 | 2
  version: 4 | 5
  /** Messages per second. */
  rate: number
  maxInFlight: number
  payload: (sequence: number) => string
}

interface InFlight {
  sequence: number
  released: boolean
}

export class StubbornPublisher {
  /** How often each message left, by its number. */
  readonly sends: number[] = []
  /** Numbers of the messages that were acknowledged (PUBACK, or PUBREC for QoS 2). */
  readonly acknowledged = new Set<number>()
  /** Answers other than success, by reason code. */
  readonly refused = new Map<number, number>()
  reconnects = 0
  readonly options: PublisherOptions
  #socket: Socket | null = null
  #connected = false
  #next = 0
  #stopping = false
  #packetId = 0
  readonly #inFlight = new Map<number, InFlight>()
  readonly #resend: number[] = []
  #timer: NodeJS.Timeout | null = null

  constructor(options: PublisherOptions) {
    this.options = options
  }

  start(): void {
    void this.#keepConnected()
    const startedMs = performance.now()
    let due = 0
    this.#timer = setInterval(() => {
      const elapsedMs = performance.now() - startedMs
      if (!this.#connected) due = (elapsedMs / 1000) * this.options.rate
      for (; due < (elapsedMs / 1000) * this.options.rate; due++) this.#publishNext()
    }, 5)
  }

  /** Stops making new messages and waits until all that were made are acknowledged. */
  async finish(timeoutMs = 60_000): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    const deadlineMs = Date.now() + timeoutMs
    while (this.#inFlight.size > 0 || this.#resend.length > 0) {
      if (Date.now() > deadlineMs) throw new Error(`${this.options.client}: ${this.#inFlight.size} never acknowledged`)
      if (this.#connected) this.#drainResend()
      await sleep(10)
    }
    this.#stopping = true
    this.#socket?.end()
  }

  /** Ends it at once, whatever is not acknowledged. */
  abandon(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#stopping = true
    this.#socket?.destroy()
  }

  get made(): number {
    return this.#next
  }

  #publishNext(): void {
    if (!this.#connected || this.#inFlight.size >= this.options.maxInFlight) return
    if (this.#resend.length > 0) this.#drainResend()
    else this.#send(this.#next++)
  }

  #drainResend(): void {
    while (this.#resend.length > 0 && this.#inFlight.size < this.options.maxInFlight) this.#send(this.#resend.shift()!)
  }

  #send(sequence: number): void {
    do this.#packetId = (this.#packetId % 65_535) + 1
    while (this.#inFlight.has(this.#packetId))
    this.#inFlight.set(this.#packetId, { sequence, released: false })
    this.sends[sequence] = (this.sends[sequence] ?? 0) + 1
    const { topic, qos, payload } = this.options
    this.#write({
      cmd: 'publish',
      topic,
      payload: payload(sequence),
      qos,
      retain: false,
      dup: false,
      messageId: this.#packetId,
    })
  }

  #write(packet: Packet): void {
    this.#socket?.write(generate(packet, { protocolVersion: this.options.version } as never))
  }

  async #keepConnected(): Promise<void> {
    while (!this.#stopping) {
      await this.#live()
      if (this.#stopping) return
      // Whatever is not acknowledged goes again, oldest first, ahead of anything new.
      const again = [...this.#inFlight.values()].filter((one) => !one.released).map((one) => one.sequence)
      this.#inFlight.clear()
      this.#resend.unshift(...again.sort((a, b) => a - b))
      this.reconnects++
      await sleep(30)
    }
  }

  /** One connection, from connect to its end. */
  #live(): Promise<void> {
    const { port, client, version } = this.options
    return new Promise((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      this.#socket = socket
      const packets = parser({ protocolVersion: version } as never)
      packets.on('packet', (packet: Packet) => this.#receive(packet))
      socket.on('data', (chunk: Buffer) => packets.parse(chunk))
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        this.#connected = false
        resolve()
      })
      socket.on('connect', () =>
        this.#write({
          cmd: 'connect',
          protocolId: 'MQTT',
          protocolVersion: version,
          clean: true,
          clientId: client,
          keepalive: 60,
        } as Packet),
      )
    })
  }

  #receive(packet: Packet): void {
    if (packet.cmd === 'connack') this.#connected = true
    else if (packet.cmd === 'puback') this.#settle(packet.messageId!, packet.reasonCode ?? 0, true)
    else if (packet.cmd === 'pubrec') {
      const reason = packet.reasonCode ?? 0
      this.#settle(packet.messageId!, reason, reason >= 0x80)
      if (reason < 0x80) this.#write({ cmd: 'pubrel', messageId: packet.messageId! } as Packet)
    } else if (packet.cmd === 'pubcomp') this.#inFlight.delete(packet.messageId!)
  }

  #settle(packetId: number, reason: number, ended: boolean): void {
    const entry = this.#inFlight.get(packetId)
    if (entry === undefined) return
    if (reason < 0x80) this.acknowledged.add(entry.sequence)
    else this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1)
    entry.released = true
    if (ended) this.#inFlight.delete(packetId)
    // A refusal that may pass (full, overloaded) is tried again like a lost connection.
    if (reason >= 0x80 && reason !== 0x99) this.#resend.push(entry.sequence)
  }
}
