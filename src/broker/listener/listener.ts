import type { AddressInfo, Server } from 'node:net'
import { TrestleError } from '../../contract/error.ts'
import type { Connection } from '../connection.ts'
import type { Link } from '../output/link.ts'

/** Where clients come in. */
export interface ListenerOptions {
  readonly type: 'tcp' | 'websocket'
  /** For logs and access; the type when not given. */
  readonly name?: string
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** Of a WebSocket listener; `/mqtt` when not given. */
  readonly path?: string
}

/** A listener that is open. */
export interface Listener {
  readonly options: ListenerOptions
  readonly port: number
  /** Takes no more clients; those that are there stay. */
  close(): Promise<void>
}

/** Makes the connection for a link; null when there are too many. */
export type Accept = (link: Link, remoteAddress: string, listener: string) => Connection | null

/** Opens the port. *Errors*: E901 with the port and what to do. */
export function openPort(server: Server, { host, port }: ListenerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const place = `${host}:${port}`
      const [why, advice] =
        cause.code === 'EADDRINUSE'
          ? ['is taken', 'stop the program that uses it, or set another port for this listener']
          : cause.code === 'EACCES'
            ? ['may not be opened by this user', 'choose a port above 1023, or give the program the right']
            : [`cannot be opened (${cause.message})`, 'check the address and the port of this listener']
      reject(new TrestleError('E901', `${place} ${why}: ${advice}`, { detail: { place, advice }, cause }))
    })
    server.listen({ host, port, backlog: 4096 }, () => resolve((server.address() as AddressInfo).port))
  })
}
