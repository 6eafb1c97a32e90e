import type { Auth } from './auth.ts'
import type { BrokerAddress } from './service-url.ts'
import type { TlsSettings } from './socket.ts'

/** What every connection of a client is opened with. */
export interface ConnectionSettings {
  readonly clientVersion: string
  readonly auth: Auth
  readonly tls: TlsSettings
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly keepAliveMs: number
}

/** Where a connection goes; behind a proxy, `broker` is the broker meant, as host:port. */
export interface ConnectionTarget {
  readonly address: BrokerAddress
  readonly broker: string | null
}

/** The newest version of the protocol this client speaks. */
export const protocolVersion = 21

/** What it can do beyond what its version says. */
export const features = { authRefresh: true, brokerEntryMetadata: true, partitionsWithoutCreation: true }
