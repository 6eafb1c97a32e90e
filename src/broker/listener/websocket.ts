import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { Reason, reasonName } from '../codec/reason.ts'
import type { Connection } from '../connection.ts'
import type { BrokerLimits } from '../limits.ts'
import type { Link } from '../output/link.ts'
import { type Accept, type Listener, type ListenerOptions, openPort } from './listener.ts'

/** Largest WebSocket message; MQTT packets may be cut over several. *Unit*: bytes. */
const maxMessageBytes = 32 * 1024 * 1024
const sendOptions = { binary: true, compress: false }

/** What bounds those who are not yet MQTT clients. */
export type StrangerLimits = Pick<BrokerLimits, 'maxConnections' | 'connectTimeoutMs'>

/** Opens a WebSocket listener for MQTT. *Source*: MQTT 5.0 §6. *Errors*: E901. */
export async function listenWebSocket(
  options: ListenerOptions,
  accept: Accept,
  { maxConnections, connectTimeoutMs }: StrangerLimits,
): Promise<Listener> {
  const name = options.name ?? 'websocket'
  // The broker knows of a client only when the handshake is over; until then it is bounded here.
  const timing = {
    headersTimeout: connectTimeoutMs,
    requestTimeout: connectTimeoutMs,
    connectionsCheckingInterval: Math.max(20, connectTimeoutMs / 4),
  }
  const server = createServer(timing, (_request, response) => {
    response.writeHead(426, { 'content-type': 'text/plain', connection: 'close' })
    response.end('This port speaks MQTT over WebSocket.\n')
  })
  server.maxConnections = maxConnections
  const sockets = new WebSocketServer({
    server,
    path: options.path ?? '/mqtt',
    perMessageDeflate: false,
    maxPayload: maxMessageBytes,
    // [MQTT-6.0.0-3, -4]: the client must offer "mqtt"; older ones say "mqttv3.1".
    handleProtocols: (offered) => (offered.has('mqtt') ? 'mqtt' : offered.has('mqttv3.1') ? 'mqttv3.1' : false),
  })
  sockets.on('error', () => {
    // openPort hears the server's error too and reports it.
  })
  sockets.on('connection', (socket, request) => {
    // A socket whose errors nobody hears ends the process.
    socket.on('error', () => socket.terminate())
    if (socket.protocol !== '') attach(socket, request.socket, name, accept)
    else {
      socket.close(1002, 'subprotocol mqtt is required')
      // It is no client: what else it sends is not waited for.
      setTimeout(() => socket.terminate(), connectTimeoutMs).unref()
    }
  })
  const port = await openPort(server, options)
  return {
    options,
    port,
    close: () =>
      new Promise((resolve) => {
        sockets.close()
        server.close(() => resolve())
        server.closeIdleConnections()
      }),
  }
}

function attach(socket: WebSocket, under: Socket, name: string, accept: Accept): void {
  const link = new WebSocketLink(socket)
  const connection = accept(link, under.remoteAddress ?? '', name)
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
