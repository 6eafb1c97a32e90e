import { type ConnectorContext, type Intake, type Source, TrestleError } from 'trestle/contract'
import { NatsClient } from './client.ts'
import { CoreReader } from './core-reader.ts'
import type { NatsOptions } from './options.ts'
import type { NatsSourceOptions } from './source-options.ts'
import { StreamReader } from './stream-reader.ts'

/** NATS as a source: one connection with one reader of the kind that its mode asks for. */
export class NatsSource implements Source {
  readonly #options: NatsOptions
  readonly #source: NatsSourceOptions
  readonly #context: ConnectorContext
  #client: NatsClient | null = null
  #reader: StreamReader | CoreReader | null = null
  #paused = false
  #closed = false

  constructor(options: NatsOptions, source: NatsSourceOptions, context: ConnectorContext) {
    this.#options = options
    this.#source = source
    this.#context = context
  }

  async open(intake: Intake): Promise<void> {
    const client = await NatsClient.open(this.#options, this.#context)
    if (this.#closed) {
      await client.close()
      throw new TrestleError('E601', 'the source was closed while it opened')
    }
    this.#client = client
    const Reader = this.#source.mode === 'core' ? CoreReader : StreamReader
    const reader = new Reader(client, this.#options, this.#source, this.#context)
    this.#reader = reader
    client.onLost = (error) => intake.lost(error)
    if (this.#paused) reader.pause()
    await reader.open(intake)
    if (client.lost !== null) throw client.lost
  }

  pause(): void {
    this.#paused = true
    this.#reader?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#reader?.resume()
  }

  async close(): Promise<void> {
    this.#closed = true
    const client = this.#client
    const reader = this.#reader
    this.#client = null
    this.#reader = null
    try {
      await reader?.close()
    } catch (thrown) {
      // A far side that is gone hears nothing more; what was not acknowledged comes again.
      this.#context.log('debug', 'nats.closed-unheard', { message: String(thrown) })
    } finally {
      await client?.close()
    }
  }
}
