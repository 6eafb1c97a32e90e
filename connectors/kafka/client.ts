import { isIP } from 'node:net'
import {
  type API,
  apiVersionsV3,
  Connection,
  type ConnectionOptions,
  createTopicsV5,
  createTopicsV6,
  createTopicsV7,
  initProducerIdV3,
  initProducerIdV4,
  initProducerIdV5,
  MultipleErrors,
  metadataV10,
  metadataV11,
  metadataV12,
} from '@platformatic/kafka'
import { TrestleError } from 'trestle/contract'
import { fromKafkaCode, fromThrown } from './errors.ts'
import { connectionSettings } from './login.ts'
import { creationOf, type KafkaOptions } from './options.ts'
import { type ProduceAnswer, type ProduceRequest, produceApis } from './produce.ts'
import type { ProducerIdentity } from './record-batch.ts'

/** Every request this connector makes, newest version first; all are understood by Kafka 2.8. */
const requests = {
  metadata: [metadataV12.api, metadataV11.api, metadataV10.api],
  initProducerId: [initProducerIdV5.api, initProducerIdV4.api, initProducerIdV3.api],
  createTopics: [createTopicsV7.api, createTopicsV6.api, createTopicsV5.api],
  produce: produceApis,
}

type Apis = { [Name in keyof typeof requests]: (typeof requests)[Name][number] }

export type Metadata = Awaited<ReturnType<typeof metadataV12.api.async>>

export interface Broker {
  readonly host: string
  readonly port: number
}

/**
 * The connections to the brokers of one cluster and the questions asked over them. It connects when asked and never
 * again by itself: who holds it decides about trying again. Nothing here writes records; see producer.
 */
export class KafkaClient {
  readonly #options: KafkaOptions
  readonly #connections = new Map<string, Connection>()
  readonly #opening = new Map<string, Promise<Connection>>()
  #nodes = new Map<number, Broker>()
  #apis: Apis | null = null
  #settings: ConnectionOptions | null = null
  #closed = false

  constructor(options: KafkaOptions) {
    this.#options = options
  }

  /** Connects to the first broker that answers and agrees on versions. */
  async open(): Promise<void> {
    await this.anyConnection()
  }

  /** The brokers the cluster named last. */
  get nodes(): ReadonlyMap<number, Broker> {
    return this.#nodes
  }

  /** What the cluster says of these topics; faults of a topic are in the answer. */
  async metadata(topics: readonly string[]): Promise<Metadata> {
    const { connection, apis, place } = await this.anyConnection()
    const answer = await apis.metadata.async(connection, [...topics], false, false).catch((thrown: unknown) => {
      if (thrown instanceof MultipleErrors && thrown['response']) return thrown['response'] as Metadata
      throw fromThrown(thrown, place)
    })
    this.#nodes = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]))
    return answer
  }

  /** A new identity for idempotent producing. A broker that has just started needs a moment to have one. */
  async newIdentity(): Promise<ProducerIdentity> {
    for (let attempt = 1; ; attempt++) {
      const { connection, apis, place } = await this.anyConnection()
      try {
        const { producerId, producerEpoch } = await apis.initProducerId.async(connection, null, 0, -1n, -1)
        return { id: producerId, epoch: producerEpoch }
      } catch (thrown) {
        const error = fromThrown(thrown, place)
        if (error.code !== 'E607' || attempt === 20) throw error
      }
      await new Promise((done) => setTimeout(done, 100))
    }
  }

  /** Creates topics as the options say; answers the fault of each that could not be. */
  async createTopics(names: readonly string[]): Promise<Map<string, TrestleError>> {
    const { connection, apis, place } = await this.anyConnection()
    const { partitions = -1, replication_factor = -1, config = {} } = creationOf(this.#options) ?? {}
    const configs = Object.entries(config as object).map(([name, value]) => ({ name, value: String(value) }))
    const wanted = names.map((name) => ({
      name,
      numPartitions: partitions,
      replicationFactor: replication_factor,
      assignments: [],
      configs,
    }))
    const api = apis.createTopics as API<[typeof wanted, number, boolean], CreateTopicsAnswer>
    const answer = await api.async(connection, wanted, this.#options.request_timeout_ms, false).catch((thrown) => {
      if (thrown instanceof MultipleErrors && thrown['response']) return thrown['response'] as CreateTopicsAnswer
      throw fromThrown(thrown, place)
    })
    const faults = new Map<string, TrestleError>()
    for (const { name, errorCode, errorMessage } of answer.topics) {
      if (errorCode !== 0) faults.set(name, fromKafkaCode(errorCode, errorMessage, name))
    }
    return faults
  }

  /** Sends record batches to their leader. *Errors*: only those of the connection; each partition has its own answer. */
  async produce(node: number, request: ProduceRequest): Promise<ProduceAnswer[]> {
    const broker = this.#nodes.get(node)
    if (broker === undefined) throw new TrestleError('E607', `broker ${node} is not in the cluster now`)
    const connection = await this.connectionTo(broker)
    const apis = this.#apis ?? (await this.#agree(connection, printBroker(broker)))
    return new Promise((settle, fail) => {
      apis.produce(connection, request, (thrown, answers) => {
        if (thrown) fail(fromThrown(thrown, printBroker(broker)))
        else settle(answers ?? [])
      })
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    const open = [...this.#connections.values()]
    this.#connections.clear()
    for (const connection of open) {
      const socket = connection.socket
      connection.close(() => socket?.destroy())
      // A peer that is gone never answers the end of the stream.
      socket?.destroy()
    }
  }

  /** A live connection, else the first of the brokers known by name that answers. */
  async anyConnection(): Promise<{ connection: Connection; apis: Apis; place: string }> {
    for (const [place, connection] of this.#connections) {
      if (connection.isConnected() && this.#apis !== null) return { connection, apis: this.#apis, place }
    }
    const errors: TrestleError[] = []
    const places = new Set([...this.#options.brokers, ...[...this.#nodes.values()].map(printBroker)])
    for (const place of places) {
      const broker = parseBroker(place)
      try {
        const connection = await this.connectionTo(broker)
        return { connection, apis: await this.#agree(connection, place), place }
      } catch (thrown) {
        errors.push(fromThrown(thrown, place))
      }
    }
    // A refusal says more than a silence.
    throw errors.find((error) => error.code !== 'E601') ?? errors[0]!
  }

  /** The connection to one broker, opened when there is none. */
  connectionTo(broker: Broker): Promise<Connection> {
    const name = printBroker(broker)
    const known = this.#connections.get(name)
    if (known?.isConnected()) return Promise.resolve(known)
    const opening = this.#opening.get(name) ?? this.#connect(broker, name).finally(() => this.#opening.delete(name))
    this.#opening.set(name, opening)
    return opening
  }

  async #connect(broker: Broker, name: string): Promise<Connection> {
    this.#settings ??= await connectionSettings(this.#options)
    if (this.#closed) throw new TrestleError('E601', `${name}: the connector is closed`)
    // A server name must be a name (RFC 6066 §3): an address is verified without one.
    const tlsServerName = this.#options.tls?.server_name ?? isIP(broker.host) === 0
    const connection = new Connection(this.#options.client_id, { ...this.#settings, tlsServerName })
    // An error without a listener would end the thread; every request hears of it by its own callback.
    connection.on('error', () => this.#forget(name, connection))
    connection.on('close', () => this.#forget(name, connection))
    try {
      await connection.connect(broker.host, broker.port)
    } catch (thrown) {
      connection.socket?.destroy()
      throw fromThrown(thrown, name)
    }
    if (this.#closed) {
      connection.socket.destroy()
      throw new TrestleError('E601', `${name}: the connector is closed`)
    }
    // One that logs in anew is not waited for.
    this.#connections.get(name)?.close(() => {})
    this.#connections.set(name, connection)
    return connection
  }

  #forget(name: string, connection: Connection): void {
    if (this.#connections.get(name) === connection) this.#connections.delete(name)
  }

  async #agree(connection: Connection, place: string): Promise<Apis> {
    try {
      const { apiKeys } = await apiVersionsV3.api.async(connection, 'trestle', '1')
      const ranges = new Map(apiKeys.map((api) => [api.apiKey, api]))
      const chosen = Object.entries(requests).map(([name, versions]) => {
        const range = ranges.get(versions[0]!.key)
        const api = versions.find(({ version }) => range && version >= range.minVersion && version <= range.maxVersion)
        if (api !== undefined) return [name, api]
        throw new TrestleError('E611', `${place}: no version of the ${name} request is understood by both sides`, {
          detail: { place, advice: 'Kafka 2.8 or newer is needed' },
        })
      })
      this.#apis = Object.fromEntries(chosen) as Apis
      return this.#apis
    } catch (thrown) {
      throw fromThrown(thrown, place)
    }
  }
}

interface CreateTopicsAnswer {
  topics: { name: string; errorCode: number; errorMessage: string | null }[]
}

export function parseBroker(text: string): Broker {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) }
}

export const printBroker = ({ host, port }: Broker): string => `${host.includes(':') ? `[${host}]` : host}:${port}`
