import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'

export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** What a receiver answers: a status, or one with headers and body; null: nothing, for ever. */
export type Reply = number | { status: number; headers?: Record<string, string>; body?: string } | null

/** A real HTTP server that keeps what it was sent. */
export class Receiver {
  readonly received: Received[] = []
  /** Connections taken so far. */
  connections = 0
  /** Requests that were under way at once, at most. */
  atOnce = 0
  url = ''
  #close: () => Promise<void> = async () => {}

  static async start(
    reply: (request: Received, count: number) => Reply | Promise<Reply> = () => 200,
    tls?: { cert: string; key: string },
  ): Promise<Receiver> {
    const receiver = new Receiver()
    let open = 0
    const listener: RequestListener = async (request, response) => {
      receiver.atOnce = Math.max(receiver.atOnce, ++open)
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const { headers, method = '', url = '' } = request
      const received = { method, path: url, headers, body: Buffer.concat(chunks) }
      receiver.received.push(received)
      const answer = await reply(received, receiver.received.length)
      open--
      if (answer === null) return
      const { status, headers: more = {}, body = '' } = typeof answer === 'number' ? { status: answer } : answer
      response.writeHead(status, more)
      response.end(body)
    }
    const server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener)
    const sockets = new Set<Socket>()
    server.on('connection', (socket: Socket) => {
      receiver.connections++
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    receiver.url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`
    receiver.#close = async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    }
    return receiver
  }

  get texts(): string[] {
    return this.received.map(({ body }) => body.toString())
  }

  close(): Promise<void> {
    return this.#close()
  }
}
