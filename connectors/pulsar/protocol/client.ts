/**
 * The door of the protocol room: a client of one Pulsar cluster.
 *
 * It holds one connection to each broker, finds out which broker owns a topic, and hands that connection out. What is
 * done on it stands in `producer/` and `consumer/`; the bytes in `wire/`. It imports nothing but Node. It never
 * connects again by itself: a connection that ended is opened anew when it is next asked for, and nobody is told twice.
 */
import { type Auth, type AuthSettings, authOf } from './auth.ts'
import { Connection } from './connection.ts'
import type { ConnectionSettings } from './connection-settings.ts'
import { PulsarFault } from './fault.ts'
import { lookUp, partitionsOf, topicsOf } from './lookup.ts'
import { type BrokerAddress, parseServiceUrl, printAddress } from './service-url.ts'
import type { TlsSettings } from './socket.ts'
import type { topicModes } from './wire/commands.ts'

export interface ClientOptions {
  /** `pulsar://host:port` or `pulsar+ssl://host:port`; the first that answers is taken. */
  readonly serviceUrls: readonly string[]
  readonly auth?: AuthSettings | undefined
  readonly tls?: TlsSettings | undefined
  /** How the client names itself to the brokers. */
  readonly clientVersion?: string | undefined
  /** The advertised listener of the brokers to use, where they have several. */
  readonly listenerName?: string | undefined
  readonly connectTimeoutMs?: number | undefined
  readonly requestTimeoutMs?: number | undefined
  readonly keepAliveMs?: number | undefined
}

export class PulsarClient {
  readonly #urls: readonly BrokerAddress[]
  readonly #settings: ConnectionSettings
  readonly #listenerName: string | null
  readonly #connections = new Map<string, Promise<Connection>>()
  #service: BrokerAddress
  #isClosed = false

  /** Connects to the first service URL that answers. *Errors*: PulsarFault; a refusal counts for more than a silence. */
  static async open(options: ClientOptions): Promise<PulsarClient> {
    const client = new PulsarClient(options, authOf(options.auth ?? { type: 'none' }))
    await client.serviceConnection()
    return client
  }

  private constructor(options: ClientOptions, auth: Auth) {
    this.#urls = options.serviceUrls.map(parseServiceUrl)
    if (this.#urls.length === 0) throw new PulsarFault('usage', '', 'no service URL')
    this.#service = this.#urls[0]!
    this.#listenerName = options.listenerName ?? null
    this.#settings = {
      clientVersion: options.clientVersion ?? 'trestle',
      auth,
      tls: options.tls ?? {},
      connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
      requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
      keepAliveMs: options.keepAliveMs ?? 30_000,
    }
  }

  /** A connection to the address the client was given: for lookups and questions about namespaces. */
  async serviceConnection(): Promise<Connection> {
    const faults: PulsarFault[] = []
    for (const address of [this.#service, ...this.#urls.filter((url) => url !== this.#service)]) {
      try {
        const connection = await this.#connect(address, null)
        this.#service = address
        return connection
      } catch (thrown) {
        if (!(thrown instanceof PulsarFault) || this.#isClosed) throw thrown
        faults.push(thrown)
      }
    }
    throw faults.find(({ kind }) => kind === 'server' || kind === 'auth') ?? faults[0]!
  }

  /** The connection to the broker that owns a topic (or one partition of it) now. *Errors*: PulsarFault. */
  async connectionFor(topic: string): Promise<Connection> {
    const service = await this.serviceConnection()
    const connectTo = (address: BrokerAddress): Promise<Connection> => this.#connect(address, null)
    const { address, throughServiceUrl } = await lookUp(topic, service, connectTo, this.#listenerName)
    const { target } = service
    // A broker that stands alone says so of itself too: then there is no proxy in between.
    const isSelf = printAddress(address) === printAddress(target.address)
    if (!throughServiceUrl || isSelf) return this.#connect(address, null)
    return this.#connect(target.address, printAddress(address))
  }

  /** The number of partitions of a topic; 0: it has none. `create`: let the broker create it where it may; default true. */
  async partitionsOf(topic: string, create = true): Promise<number> {
    return partitionsOf(topic, await this.serviceConnection(), create)
  }

  /** The topics of `tenant/namespace`, by their full names, each partition for itself. */
  async topicsOf(namespace: string, mode: keyof typeof topicModes = 'persistent'): Promise<readonly string[]> {
    return topicsOf(namespace, mode, await this.serviceConnection())
  }

  /** Ends every connection; whoever uses one is told. */
  close(): void {
    this.#isClosed = true
    for (const opening of this.#connections.values()) {
      opening.then(
        (connection) => connection.close(),
        () => {
          // One that never came to be has nothing to close; who asked for it was told.
        },
      )
    }
    this.#connections.clear()
  }

  #connect(address: BrokerAddress, broker: string | null): Promise<Connection> {
    if (this.#isClosed) return Promise.reject(new PulsarFault('closed', printAddress(address), 'the client is closed'))
    const key = `${address.tls ? 'tls' : 'tcp'} ${printAddress(address)} ${broker ?? ''}`
    const known = this.#connections.get(key)
    if (known !== undefined) return known
    const opening = Connection.open({ address, broker }, this.#settings)
    this.#connections.set(key, opening)
    const forget = (): void => {
      if (this.#connections.get(key) === opening) this.#connections.delete(key)
    }
    opening.then((connection) => connection.onEnd(forget), forget)
    return opening
  }
}
