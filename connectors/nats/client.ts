import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { connect, errors, type NatsConnection } from '@nats-io/transport-node'
import { type ConnectorContext, TrestleError } from 'trestle/contract'
import { fromThrown, lostBecause, notAllowed } from './errors.ts'
import { loginOf } from './login.ts'
import type { NatsOptions } from './options.ts'

/** A subject that the server would not let this user use. */
export interface Violation {
  readonly operation: string
  readonly subject: string
  readonly error: TrestleError
}

/**
 * One connection to a NATS server. It never reconnects by itself: what was under way on a lost connection is unknown,
 * and only who sent it may decide what becomes of it; the hub opens a new one.
 */
export class NatsClient {
  readonly connection: NatsConnection
  /** The server, as host:port. */
  readonly place: string
  /** Called for each refusal of a subject. */
  onViolation: (violation: Violation) => void = () => {}
  /** Called once, when the connection has ended and `close` was not called. */
  onLost: (error: TrestleError) => void = () => {}
  /** Why it ended; null while it lives. */
  lost: TrestleError | null = null
  readonly #options: NatsOptions
  readonly #flushing = new Set<(error: TrestleError) => void>()
  #closed = false
  #lastError: Error | null = null

  private constructor(connection: NatsConnection, options: NatsOptions) {
    this.connection = connection
    this.#options = options
    this.place = connection.getServer()
    void this.#watch()
    void connection.closed().then((reason) => this.#ended(reason ?? this.#lastError))
  }

  /** *Errors*: E601, E602, E104. */
  static async open(options: NatsOptions, context: ConnectorContext): Promise<NatsClient> {
    const place = options.servers.map(hostOf).join(', ')
    try {
      const login = await loginOf(options)
      const connection = await connect({
        ...login,
        servers: options.servers.map(hostOf),
        name: `${options.client_id} ${context.name}`,
        reconnect: false,
        timeout: options.connect_timeout_ms,
        pingInterval: options.ping_interval_ms,
        maxPingOut: 2,
        noEcho: options.no_echo,
        ignoreClusterUpdates: options.ignore_discovered_servers,
        noRandomize: options.retain_servers_order,
        inboxPrefix: options.inbox_prefix,
        noAsyncTraces: true,
      })
      return new NatsClient(connection, options)
    } catch (thrown) {
      throw fromThrown(thrown, place)
    }
  }

  /** *Errors*: E603, E601. */
  async manager(): Promise<JetStreamManager> {
    const { domain, request_timeout_ms: timeout } = this.#options
    try {
      return await jetstreamManager(this.connection, { timeout, ...(domain === undefined ? {} : { domain }) })
    } catch (thrown) {
      throw fromThrown(thrown, this.place)
    }
  }

  /** Where requests to JetStream's own interface go. */
  get api(): string {
    const { domain } = this.#options
    return domain === undefined ? '$JS.API' : `$JS.${domain}.API`
  }

  /** Until the server has taken in all that was published: it answers a ping behind it. *Errors*: E601. */
  flush(timeoutMs: number = this.#options.request_timeout_ms): Promise<void> {
    if (this.lost !== null) return Promise.reject(this.lost)
    return new Promise((done, fail) => {
      const end = (error: TrestleError | null): void => {
        clearTimeout(timer)
        this.#flushing.delete(end)
        if (error !== null) fail(error)
        // What the server refused it has said before its answer; the library tells it a turn later.
        else setImmediate(done)
      }
      const late = `${this.place} did not answer within ${timeoutMs} ms`
      const timer = setTimeout(() => end(new TrestleError('E601', late)), timeoutMs)
      this.#flushing.add(end)
      this.connection.flush().then(
        () => end(null),
        (thrown: unknown) => end(fromThrown(thrown, this.place)),
      )
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.connection.close()
  }

  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type !== 'error') continue
      const { error } = status
      if (error instanceof errors.PermissionViolationError) {
        const { operation, subject } = error
        this.onViolation({ operation, subject, error: notAllowed(operation, subject, error.message) })
      } else this.#lastError = error
    }
  }

  #ended(reason: unknown): void {
    this.lost ??= lostBecause(reason, this.place)
    for (const end of this.#flushing) end(this.lost)
    if (!this.#closed) this.onLost(this.lost)
  }
}

/** An address without what says how to speak there. */
export const hostOf = (server: string): string => server.replace(/^(nats|tls):\/\//, '')
