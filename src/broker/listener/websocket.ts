import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { Reason, reasonName } from '../codec/reason.ts'
import type { Connection } from '../connection.ts'
import type { BrokerLimits } from '../limits.ts'
import type { Link } from '../output/link.ts'
import type { Accept } from './accept.ts'
import type { Visitor } from './gate.ts'
import type { ListenerOptions } from './listener.ts'

/** Largest WebSocket message; MQTT packets may be cut over several. *Unit*: bytes. */
const maxMessageBytes = 32 * 1024 * 1024
const sendOptions = { binary: true, compress: false }

/** The socket of an upgrade, with who came by it. */
interface UpgradedSocket extends Socket {
  comer?: Visitor
}

/**
 * The WebSocket side of a listener. It has no port: sockets, plain or TLS, are handed to it; how long its handshake may
 * take is the gate's. *Source*: MQTT 5.0 §6.
 */
export class WebSocketDoor {
  readonly #server: Server
  readonly #connectTimeoutMs: number

  constructor({ path = '/mqtt', origins }: ListenerOptions, accept: Accept, limits: BrokerLimits) {
    this.#connectTimeoutMs = limits.connectTimeoutMs
    this.#server = createServer({ keepAlive: false }, (_request, response) => {
      response.writeHead(426, { 'content-type': 'text/plain', connection: 'close' })
      response.end('This port speaks MQTT over WebSocket.\n')
    })
    const sockets = new WebSocketServer({
      server: this.#server,
      path,
      perMessageDeflate: false,
      maxPayload: maxMessageBytes,
      // A browser says whose page it is; other programs say nothing. *Source*: RFC 6455 §10.2.
      verifyClient: ({ origin }: { origin?: string }) =>
        origins === undefined || origin === undefined || origins.includes(origin),
      // [MQTT-6.0.0-3, -4]: the client must offer "mqtt"; older ones say "mqttv3.1".
      handleProtocols: (offered) => (offered.has('mqtt') ? 'mqtt' : offered.has('mqttv3.1') ? 'mqttv3.1' : false),
    })
    sockets.on('connection', (socket, request) => this.#onSocket(socket, request.socket as UpgradedSocket, accept))
  }

  begin(socket: Socket, visitor: Visitor): void {
    ;(socket as UpgradedSocket).comer = visitor
    this.#server.emit('connection', socket)
    socket.resume()
  }

  #onSocket(socket: WebSocket, under: UpgradedSocket, accept: Accept): void {
    // A socket whose errors nobody hears ends the process.
    socket.on('error', () => socket.terminate())
    const visitor = under.comer
    if (socket.protocol !== '' && visitor !== undefined) {
      visitor.isInHandshake = false
      attach(socket, under, visitor, accept)
      return
    }
    socket.close(1002, 'subprotocol mqtt is required')
    // It is no client: what else it sends is not waited for.
    setTimeout(() => socket.terminate(), this.#connectTimeoutMs).unref()
  }
}

function attach(socket: WebSocket, under: Socket, visitor: Visitor, accept: Accept): void {
  const link = new WebSocketLink(socket)
  const connection = accept(link, visitor)
  if (connection === null) {
    socket.terminate()
    return
  }
  link.client = connection
  boundStranger(socket, under, connection)
  socket.on('message', (data: Buffer, isBinary) => {
    // [MQTT-6.0.0-1]: anything but binary frames ends the connection.
    if (isBinary) connection.receive(data, data.length, false)
    else connection.onClose()
  })
  socket.on('error', () => connection.onClose())
  socket.on('close', () => connection.onClose())
}

/**
 * `ws` gathers a message until it is whole, up to `maxMessageBytes`: more than a stranger may make us hold. So until
 * the client is let in, what comes over the socket is counted: twice the largest CONNECT, because of the framing.
 */
function boundStranger(socket: WebSocket, under: Socket, connection: Connection): void {
  const { events, limits } = connection.context
  let left = 2 * limits.maxConnectBytes
  const count = (bytes: Buffer): void => {
    left -= bytes.length
    if (connection.session === null && left >= 0) return
    under.off('data', count)
    if (connection.session !== null) return
    const why = 'more bytes than a CONNECT may have'
    events('warn', 'client.malformed', { client: null, reason: reasonName(Reason.PacketTooLarge), why })
    socket.terminate()
  }
  under.on('data', count)
}

class WebSocketLink implements Link {
  client: Connection | null = null
  readonly #socket: WebSocket
  readonly #sent = () => {
    if (this.writableLength === 0) this.client?.onDrain()
  }

  constructor(socket: WebSocket) {
    this.#socket = socket
  }

  get writableLength(): number {
    return this.#socket.bufferedAmount
  }

  write(bytes: Uint8Array): void {
    this.#socket.send(bytes, sendOptions, this.#sent)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.close()
  }

  destroy(): void {
    this.#socket.terminate()
  }
}
