import { readFile } from 'node:fs/promises'
import { createConnection, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { MqttOptions } from './options.ts'
import type { Address, Transport } from './transport.ts'
import { openWebSocket } from './websocket.ts'

/** Opens the way to the server: TCP, then TLS, then the WebSocket, where they are asked for. *Errors*: as Node has them. */
export async function openTransport(options: MqttOptions, address: Address, timeoutMs: number): Promise<Transport> {
  const socket = address.secure
    ? await openTls(options, address, timeoutMs)
    : await opened(createConnection({ host: address.host, port: address.port }), 'connect', address.place, timeoutMs)
  socket.setNoDelay(true)
  if (address.webSocket) return openWebSocket(socket, address, timeoutMs)
  return new SocketTransport(socket)
}

async function openTls(options: MqttOptions, address: Address, timeoutMs: number): Promise<Socket> {
  const { ca, cert, key, server_name: given, alpn, reject_unauthorized: rejectUnauthorized } = options.tls ?? {}
  const [caText, certText, keyText] = await Promise.all([pem(ca), pem(cert), pem(key)])
  // A server name must be a name (RFC 6066 §3): an address is verified without one.
  const name = given ?? (isIP(address.host) === 0 ? address.host : undefined)
  const settings: ConnectionOptions = { host: address.host, port: address.port }
  if (caText !== undefined) settings.ca = caText
  if (certText !== undefined) settings.cert = certText
  if (keyText !== undefined) settings.key = keyText
  if (name !== undefined) settings.servername = name
  if (alpn !== undefined) settings.ALPNProtocols = [...alpn]
  settings.rejectUnauthorized = rejectUnauthorized ?? true
  return await opened(connectTls(settings), 'secureConnect', address.place, timeoutMs)
}

/** A PEM text, or the text of the file that is named. */
const pem = async (value: string | undefined): Promise<string | undefined> =>
  value === undefined || value.includes('-----BEGIN') ? value : readFile(value, 'utf8')

function opened(socket: Socket, event: string, place: string, timeoutMs: number): Promise<Socket> {
  return new Promise((settle, fail) => {
    const timer = setTimeout(
      () => socket.destroy(new Error(`${place} does not answer within ${timeoutMs} ms`)),
      timeoutMs,
    )
    const end = (thrown: Error): void => {
      clearTimeout(timer)
      socket.destroy()
      fail(thrown)
    }
    const closed = (): void => end(new Error(`${place} closed the connection`))
    socket.once('error', end)
    socket.once('close', closed)
    socket.once(event, () => {
      clearTimeout(timer)
      socket.off('error', end)
      socket.off('close', closed)
      settle(socket)
    })
  })
}

class SocketTransport implements Transport {
  onData: (chunk: Buffer) => void = () => {}
  onClosed: (error: Error | null) => void = () => {}
  readonly #socket: Socket
  #error: Error | null = null

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.onData(chunk))
    socket.on('error', (error) => {
      this.#error = error
    })
    socket.on('close', () => this.onClosed(this.#error))
  }

  write(bytes: Buffer, done?: (error?: Error | null) => void): void {
    this.#socket.write(bytes, done)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
