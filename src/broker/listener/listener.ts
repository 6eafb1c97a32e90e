import type { CertificateField } from './certificate-name.ts'

/**
 * Where clients come in. *Shape*: `tcp`, `tls`, `websocket` and `wss` have host and port, `unix` a socket; `tls` and
 * `wss` have `tls`.
 */
export interface ListenerOptions {
  readonly type: 'tcp' | 'tls' | 'websocket' | 'wss' | 'unix'
  /** For logs and access; the type when not given. */
  readonly name?: string
  readonly host?: string
  /** 0 lets the system choose. */
  readonly port?: number
  /** File of a Unix socket. */
  readonly socket?: string
  /** Permissions of that file, as octal digits; `0600` when not given. */
  readonly mode?: string
  /** Of a WebSocket listener; `/mqtt` when not given. */
  readonly path?: string
  /** Web pages that may connect by WebSocket, by their origin; all when not given. Clients that are no browser have none. */
  readonly origins?: readonly string[]
  readonly tls?: TlsOptions
  /** What of a client's certificate is its username, whatever its CONNECT says. */
  readonly usernameFrom?: CertificateField
  /** Clients that come through these proxies are told of by a header before anything else. */
  readonly proxyProtocol?: ProxyOptions
  readonly maxConnections?: number
  /** Clients that are not let in yet; the oldest gives way to the newest. */
  readonly maxHandshakes?: number
  /** For proxy header, TLS and WebSocket together; that for CONNECT when not given. *Unit*: ms. */
  readonly handshakeTimeoutMs?: number
  /** *Unit*: ms. */
  readonly connectTimeoutMs?: number
}

/** Certificates and keys: PEM texts, or paths of PEM files. */
export interface TlsOptions {
  readonly cert: string
  readonly key: string
  /** Who signs the clients' certificates. */
  readonly ca?: string
  readonly clientCert?: 'none' | 'request' | 'require'
  /** Certificates of clients that are no longer good. */
  readonly crl?: string
  readonly minVersion?: '1.2' | '1.3'
  /** Other certificates, by the name that the client asks for. */
  readonly sni?: readonly { readonly name: string; readonly cert: string; readonly key: string }[]
}

export interface ProxyOptions {
  /** Addresses and networks (`10.0.0.0/8`) of the proxies. */
  readonly trusted: readonly string[]
}

/** A listener that is open. */
export interface Listener {
  readonly options: ListenerOptions
  /** 0 of a Unix socket. */
  readonly port: number
  /** Takes no more clients; those that are there stay, those that are not let in yet go. */
  close(): Promise<void>
  /** Time passes for those in their handshake. */
  tick(nowMs: number): void
  /** Reads the certificates anew and answers whether they are others; clients that are there notice nothing. *Errors*: E110; the old ones stay. */
  reload(): Promise<boolean>
}
