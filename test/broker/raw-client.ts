import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodePacket } from '../../src/broker/codec/decode.ts'
import { encodePacket } from '../../src/broker/codec/encode.ts'
import { FrameScan, scanFrame } from '../../src/broker/codec/frame.ts'
import type { Packet } from '../../src/broker/codec/packet.ts'
import type { ConnectPacket } from '../../src/broker/codec/packets/connect.ts'
import type { PublishPacket } from '../../src/broker/codec/packets/publish.ts'

/** A client that sends exactly what a test tells it to and does nothing by itself. */
export class RawClient {
  readonly socket: Socket
  readonly version: 3 | 4 | 5
  readonly packets: Packet[] = []
  isClosed = false
  #rest = Buffer.alloc(0)
  #waiting: (() => void)[] = []

  private constructor(socket: Socket, version: 3 | 4 | 5) {
    this.socket = socket
    this.version = version
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.isClosed = true
      this.#wake()
    })
  }

  static async open(port: number, version: 3 | 4 | 5 = 4): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1')
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    socket.setNoDelay(true)
    return new RawClient(socket, version)
  }

  /** Opens, sends CONNECT, and takes the CONNACK. */
  static async connect(port: number, version: 3 | 4 | 5 = 4, wish: Partial<ConnectPacket> = {}): Promise<RawClient> {
    const client = await RawClient.open(port, version)
    client.send(connectPacket(version, wish))
    await client.next('connack')
    return client
  }

  send(packet: Packet): void {
    this.socket.write(encodePacket(packet, this.version))
  }

  /** Writes bytes as they are: hex text, or numbers. */
  bytes(...parts: (string | number[])[]): void {
    this.socket.write(
      Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'hex') : Buffer.from(part)))),
    )
  }

  publish(wish: Partial<PublishPacket> & { topic: string }): void {
    const packet = {
      qos: 0,
      retain: false,
      dup: false,
      packetId: 0,
      properties: null,
      payload: Buffer.from('x'),
      ...wish,
    }
    this.send({ type: 'publish', ...packet } as PublishPacket)
  }

  async subscribe(
    filter: string,
    qos: 0 | 1 | 2 = 0,
    more: Record<string, unknown> = {},
    id?: number,
  ): Promise<number> {
    const options = { filter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0, ...more }
    const properties = id === undefined ? null : { subscriptionId: id }
    this.send({ type: 'subscribe', packetId: 77, subscriptions: [options as never], properties })
    return (await this.next('suback')).reasons[0]!
  }

  /** The next packet of this type; others that come before it are dropped. */
  async next<T extends Packet['type']>(type: T, withinMs = 2000): Promise<Extract<Packet, { type: T }>> {
    const deadline = Date.now() + withinMs
    for (;;) {
      while (this.packets.length > 0) {
        const packet = this.packets.shift()!
        if (packet.type === type) return packet as Extract<Packet, { type: T }>
      }
      if (this.isClosed) throw new Error(`closed while waiting for ${type}`)
      if (Date.now() > deadline) throw new Error(`no ${type} within ${withinMs} ms`)
      await this.#change(deadline - Date.now() + 1)
    }
  }

  async closed(withinMs = 2000): Promise<void> {
    const deadline = Date.now() + withinMs
    while (!this.isClosed) {
      if (Date.now() > deadline) throw new Error(`not closed within ${withinMs} ms`)
      await this.#change(deadline - Date.now() + 1)
    }
  }

  /** A round trip: everything sent before has been handled. */
  async settle(): Promise<Packet[]> {
    const before: Packet[] = []
    this.send({ type: 'pingreq' })
    for (;;) {
      const at = this.packets.findIndex((packet) => packet.type === 'pingresp')
      if (at !== -1) {
        before.push(...this.packets.splice(0, at + 1))
        before.pop()
        return before
      }
      if (this.isClosed) throw new Error('closed while settling')
      await this.#change(2000)
    }
  }

  kill(): void {
    this.socket.resetAndDestroy()
  }

  async #change(ms: number): Promise<void> {
    await Promise.race([
      new Promise<void>((resolve) => this.#waiting.push(resolve)),
      sleep(ms, undefined, { ref: false }),
    ])
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  #take(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk])
    const scan = new FrameScan()
    for (;;) {
      if (this.#rest.length < 2) break
      const size = scanFrame(this.#rest, 0, this.#rest.length, 1 << 28, scan)
      if (size === 0) break
      this.packets.push(decodePacket(this.#rest, 0, scan.headerBytes, size, this.version))
      this.#rest = this.#rest.subarray(size)
    }
    this.#wake()
  }
}

let count = 0

export function connectPacket(version: 3 | 4 | 5, wish: Partial<ConnectPacket> = {}): ConnectPacket {
  return {
    type: 'connect',
    version,
    cleanStart: true,
    keepAliveS: 0,
    clientId: `raw-${++count}`,
    username: null,
    password: null,
    will: null,
    properties: null,
    ...wish,
  }
}
