import { TrestleError } from 'trestle/contract'

/** A stream of bytes to the server, whatever lies under it. */
export interface Transport {
  /** Called with what arrives; never before it is set. */
  onData: (chunk: Buffer) => void
  /** Called once, when nothing more will arrive. */
  onClosed: (error: Error | null) => void
  /** `done` is called when the system has taken the bytes, with an error when it has not. */
  write(bytes: Buffer, done?: (error?: Error | null) => void): void
  pause(): void
  resume(): void
  /** Writes what is left and closes. */
  end(): void
  destroy(): void
}

/** Where the server is, as `server` says. */
export interface Address {
  readonly secure: boolean
  readonly webSocket: boolean
  readonly host: string
  readonly port: number
  /** Of a WebSocket, with its query. */
  readonly path: string
  /** `host:port`, for people. */
  readonly place: string
}

const ports = { 'mqtt:': 1883, 'mqtts:': 8883, 'ws:': 80, 'wss:': 443 } as const

/** *Errors*: E104. */
export function addressOf(server: string): Address {
  let url: URL
  try {
    url = new URL(server)
  } catch {
    throw new TrestleError('E104', `server: \`${server}\` is not an address`, {
      detail: { advice: 'write mqtt://host:port, mqtts://, ws:// or wss://' },
    })
  }
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = url.port === '' ? ports[url.protocol as keyof typeof ports] : Number(url.port)
  const path = `${url.pathname === '' || url.pathname === '/' ? '/mqtt' : url.pathname}${url.search}`
  const webSocket = url.protocol.startsWith('ws')
  const secure = url.protocol === 'mqtts:' || url.protocol === 'wss:'
  return { secure, webSocket, host, port, path, place: `${url.hostname}:${port}` }
}
