/** A server that says what a test wants; it reads and writes with mqtt-packet, which shares no code with the connector. */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import packets, { type IConnackPacket, type IConnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet'

export interface Peer {
  readonly connect: IConnectPacket
  send(packet: Packet): void
  destroy(): void
}

export interface Script {
  connack?: Partial<IConnackPacket>
  /** Without it every PUBLISH is confirmed as its QoS wants. */
  onPublish?: (packet: IPublishPacket, peer: Peer) => void
  /** Without it SUBSCRIBE is granted, PUBREC is released and PUBREL confirmed. Answers whether it has dealt with it. */
  onOther?: (packet: Packet, peer: Peer) => boolean
}

export class ScriptedServer {
  readonly port: number
  readonly published: IPublishPacket[] = []
  /** All that came, in order. */
  readonly packets: Packet[] = []
  peer: Peer | null = null
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server, script: Script) {
    this.#server = server
    this.port = (server.address() as { port: number }).port
    server.on('connection', (socket) => this.#serve(socket, script))
  }

  static async start(script: Script = {}): Promise<ScriptedServer> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new ScriptedServer(server, script)
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #serve(socket: Socket, script: Script): void {
    this.#sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#sockets.delete(socket))
    let version: 4 | 5 = 5
    const parser = packets.parser({ protocolVersion: 5 })
    const peer = {
      connect: null as unknown as IConnectPacket,
      send: (packet: Packet) => void socket.write(packets.generate(packet, { protocolVersion: version })),
      destroy: () => socket.destroy(),
    }
    parser.on('packet', (packet: Packet) => {
      this.packets.push(packet)
      if (packet.cmd === 'connect') {
        version = packet.protocolVersion === 5 ? 5 : 4
        peer.connect = packet
        this.peer = peer
        const code = version === 5 ? { reasonCode: 0 } : { returnCode: 0 }
        peer.send({ cmd: 'connack', sessionPresent: false, ...code, ...script.connack } as Packet)
      } else if (packet.cmd === 'publish') {
        this.published.push(packet)
        if (script.onPublish) script.onPublish(packet, peer)
        else confirm(packet, peer)
      } else if (script.onOther?.(packet, peer) !== true) answer(packet, peer)
    })
    socket.on('data', (chunk) => parser.parse(chunk))
  }
}

/** PUBACK or PUBREC, with a reason code in MQTT 5. */
export function confirm(packet: IPublishPacket, peer: Peer, reasonCode = 0, reasonString?: string): void {
  if (packet.qos === 0) return
  const properties = reasonString === undefined ? {} : { properties: { reasonString } }
  const code = peer.connect.protocolVersion === 5 ? { reasonCode, ...properties } : {}
  peer.send({ cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId: packet.messageId!, ...code } as Packet)
}

function answer(packet: Packet, peer: Peer): void {
  if (packet.cmd === 'pubrel') peer.send({ cmd: 'pubcomp', messageId: packet.messageId! })
  else if (packet.cmd === 'pubrec') peer.send({ cmd: 'pubrel', messageId: packet.messageId! })
  else if (packet.cmd === 'pingreq') peer.send({ cmd: 'pingresp' })
  else if (packet.cmd === 'subscribe') {
    const granted = packet.subscriptions.map(({ qos }) => qos)
    peer.send({ cmd: 'suback', messageId: packet.messageId!, granted } as Packet)
  }
}
