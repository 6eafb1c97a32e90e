import type { Socket } from 'node:net'
import type { Connection } from '../connection.ts'
import type { Accept } from './accept.ts'
import type { Visitor } from './gate.ts'
import { readShared } from './shared-read.ts'

interface ClientSocket extends Socket {
  client: Connection
}

/** Makes a plain socket, TCP or Unix, a client's. It writes for itself: a socket is a link as it stands. */
export function attachPlain(socket: Socket, visitor: Visitor, accept: Accept, mayShare: boolean): void {
  const connection = accept(socket, visitor)
  if (connection === null) {
    socket.destroy()
    return
  }
  // Functions that find their connection through the socket: no closure per client.
  ;(socket as ClientSocket).client = connection
  if (!mayShare || !readShared(socket, onRead)) socket.on('data', onData as (this: Socket) => void)
  socket.on('drain', onDrain as (this: Socket) => void)
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

function onClose(this: ClientSocket): void {
  this.client.onClose()
}
