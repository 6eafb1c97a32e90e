import { createServer } from 'node:http'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Connection } from '../connection.ts'
import type { Link } from '../output/link.ts'
import { type Accept, type Listener, type ListenerOptions, openPort } from './listener.ts'

/** Largest WebSocket message; MQTT packets may be cut over several. *Unit*: bytes. */
const maxMessageBytes = 32 * 1024 * 1024
/** A close handshake that is not answered ends so. *Unit*: ms. */
const sendOptions = { binary: true, compress: false }

/** Opens a WebSocket listener for MQTT. *Source*: MQTT 5.0 §6. *Errors*: E901. */
export async function listenWebSocket(options: ListenerOptions, accept: Accept): Promise<Listener> {
  const name = options.name ?? 'websocket'
  const server = createServer((_request, response) => {
    response.writeHead(426, { 'content-type': 'text/plain' })
    response.end('This port speaks MQTT over WebSocket.\n')
  })
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
    if (socket.protocol === '') socket.close(1002, 'subprotocol mqtt is required')
    else attach(socket, request.socket.remoteAddress ?? '', name, accept)
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

function attach(socket: WebSocket, remoteAddress: string, name: string, accept: Accept): void {
  const link = new WebSocketLink(socket)
  const connection = accept(link, remoteAddress, name)
  if (connection === null) {
    socket.terminate()
    return
  }
  link.client = connection
  socket.on('message', (data: Buffer, isBinary) => {
    // [MQTT-6.0.0-1]: anything but binary frames ends the connection.
    if (isBinary) connection.receive(data, data.length, false)
    else connection.onClose()
  })
  socket.on('error', () => connection.onClose())
  socket.on('close', () => connection.onClose())
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
