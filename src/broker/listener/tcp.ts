import { createServer, type Socket } from 'node:net'
import type { Connection } from '../connection.ts'
import { type Accept, type Listener, type ListenerOptions, openPort } from './listener.ts'
import { readShared } from './shared-read.ts'

/** Opens a TCP listener. *Errors*: E901. */
export async function listenTcp(options: ListenerOptions, accept: Accept, mayShare = true): Promise<Listener> {
  const name = options.name ?? 'tcp'
  // Every write asks for 'drain', however little the kernel left: the outlet waits for it.
  const settings = { noDelay: true, pauseOnConnect: true, highWaterMark: 1 }
  const server = createServer(settings, (socket) => attach(socket, name, accept, mayShare))
  const port = await openPort(server, options)
  return {
    options,
    port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

interface ClientSocket extends Socket {
  client: Connection
}

function attach(socket: Socket, name: string, accept: Accept, mayShare: boolean): void {
  const connection = accept(socket, socket.remoteAddress ?? '', name)
  if (connection === null) {
    socket.destroy()
    return
  }
  // Functions that find their connection through the socket: no closure per client.
  ;(socket as ClientSocket).client = connection
  if (!mayShare || !readShared(socket, onRead)) socket.on('data', onData as (this: Socket) => void)
  socket.on('drain', onDrain as (this: Socket) => void)
  socket.on('error', onError)
  socket.on('close', onClose as (this: Socket) => void)
  socket.resume()
}

function onRead(this: ClientSocket, size: number, buffer: Buffer): boolean {
  this.client.receive(buffer, size, true)
  this.client.context.pacing.read(size)
  return true
}

function onData(this: ClientSocket, bytes: Buffer): void {
  this.client.receive(bytes, bytes.length, false)
  this.client.context.pacing.read(bytes.length)
}

function onDrain(this: ClientSocket): void {
  this.client.onDrain()
}

/** 'close' follows and does what is to be done; a reset by the client is no event of ours. */
function onError(): void {}

function onClose(this: ClientSocket): void {
  this.client.onClose()
}
