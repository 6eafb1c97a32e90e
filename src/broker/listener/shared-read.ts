import type { Socket } from 'node:net'

/**
 * One read buffer for all sockets of a process instead of a fresh one per read. Node offers it for sockets that
 * connect (`onread`) but not for those that are accepted; what it does for the former is done here to the latter. That
 * leans on inner names of `node:net`, so every step is checked, and where one is missing the socket is read by its
 * 'data' event: the same behaviour, at a third of a microsecond more per read.
 */
export const sharedReadBuffer: Buffer = Buffer.allocUnsafeSlow(64 * 1024)

/** Called with the socket as `this`. Answers false to have reading rest. */
type OnRead = (this: never, size: number, buffer: Buffer) => boolean

interface InnerSocket {
  [name: symbol]: unknown
  _handle?: { useUserBuffer?(buffer: Buffer): void; reading?: boolean } | null
}

let names: { buffer: symbol; callback: symbol } | null | undefined

/**
 * Lets a socket that is not being read yet (`pauseOnConnect`) read into the shared buffer. Answers whether it could.
 * Call `resume` to begin.
 */
export function readShared(socket: Socket, onRead: OnRead): boolean {
  const inner = socket as unknown as InnerSocket
  names ??= findNames(inner)
  const handle = inner._handle
  if (names === null || typeof handle?.useUserBuffer !== 'function' || handle.reading === true) return false
  inner[names.buffer] = sharedReadBuffer
  inner[names.callback] = onRead
  handle.useUserBuffer(sharedReadBuffer)
  return true
}

function findNames(socket: InnerSocket): { buffer: symbol; callback: symbol } | null {
  const symbols = Object.getOwnPropertySymbols(socket)
  const buffer = symbols.find((symbol) => symbol.description === 'kBuffer')
  const callback = symbols.find((symbol) => symbol.description === 'kBufferCb')
  if (buffer === undefined || callback === undefined) return null
  // Both are null on a socket that reads in the usual way; anything else is not what we know.
  return socket[buffer] === null && socket[callback] === null ? { buffer, callback } : null
}
