import type { TLSSocket } from 'node:tls'
import type { Connection } from '../connection.ts'
import type { Link } from '../output/link.ts'
import type { Accept } from './accept.ts'
import type { Visitor } from './gate.ts'

/** Makes a TLS socket whose handshake is over a client's. */
export function attachTls(socket: TLSSocket, visitor: Visitor, accept: Accept): void {
  const link = new TlsLink(socket)
  const connection = accept(link, visitor)
  if (connection === null) {
    socket.destroy()
    return
  }
  link.client = connection
  socket.on('data', (bytes: Buffer) => {
    connection.receive(bytes, bytes.length, false)
    connection.context.pacing.read(bytes.length)
  })
  // A reset by the client is no event of ours; 'close' follows.
  socket.on('error', () => socket.destroy())
  socket.on('close', () => connection.onClose())
}

/** What is written over TLS leaves after the write returns, so each write tells when it has. */
class TlsLink implements Link {
  client: Connection | null = null
  readonly #socket: TLSSocket
  readonly #sent = () => {
    if (this.#socket.writableLength === 0) this.client?.onDrain()
  }

  constructor(socket: TLSSocket) {
    this.#socket = socket
  }

  get writableLength(): number {
    return this.#socket.writableLength
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes, this.#sent)
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
