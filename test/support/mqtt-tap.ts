/**
 * A point on the wire between MQTT clients and their server: what goes by is passed on as it is, and told packet by packet. It reads
 * with mqtt-packet, which shares no code with ours.
 */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { type Packet, parser } from 'mqtt-packet'

export type TapListener = (clientId: string, isFromClient: boolean, packet: Packet) => void

export class MqttTap {
  readonly port: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #targetPort: number
  readonly #listener: TapListener

  private constructor(server: Server, targetPort: number, listener: TapListener) {
    this.#server = server
    this.port = (server.address() as { port: number }).port
    this.#targetPort = targetPort
    this.#listener = listener
    server.on('connection', (socket) => this.#take(socket))
  }

  /** Listens on 127.0.0.1, and leads to the server there. */
  static async create(targetPort: number, listener: TapListener): Promise<MqttTap> {
    const server = createServer({ noDelay: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new MqttTap(server, targetPort, listener)
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #take(near: Socket): void {
    const far = connect({ port: this.#targetPort, host: '127.0.0.1', noDelay: true })
    let clientId = ''
    let version = 5
    const upward = parser({ protocolVersion: version } as never)
    const told = (packet: Packet): void => {
      if (packet.cmd === 'connect') {
        clientId = packet.clientId
        version = packet.protocolVersion ?? 5
      }
      this.#listener(clientId, true, packet)
    }
    upward.on('packet', told)
    const downward = parser({ protocolVersion: version } as never)
    downward.on('packet', (packet: Packet) => this.#listener(clientId, false, packet))
    // Told before it is passed on: whoever reacts to it is told of later.
    near.on('data', (chunk: Buffer) => upward.parse(chunk))
    far.on('data', (chunk: Buffer) => downward.parse(chunk))
    near.pipe(far)
    far.pipe(near)
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
    }
  }
}
