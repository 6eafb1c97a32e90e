import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ConnectorContext, ProbeStep, Sink, Source } from '../contract/connector.ts'
import { TrestleError } from '../contract/error.ts'
import type { ConnectorSettings, StartMessage } from './boundary.ts'
import { ConnectorModules } from './connector-modules.ts'
import { within } from './signal.ts'

export interface ConnectorMakerOptions {
  start: StartMessage
  now: () => number
  log: ConnectorContext['log']
}

/** Makes sinks and sources of what the configuration names, each with its own context, and probes them. */
export class ConnectorMaker {
  readonly #options: ConnectorMakerOptions
  readonly #modules: ConnectorModules

  constructor(options: ConnectorMakerOptions) {
    this.#options = options
    this.#modules = new ConnectorModules(options.start.modules)
  }

  /** *Errors*: E107, E609, and what the connector throws. */
  async makeSink(settings: ConnectorSettings): Promise<Sink> {
    const connector = await this.#modules.find(settings.type!)
    if (connector.createSink === undefined)
      throw new TrestleError('E609', `connector ${settings.type} takes no messages out of the hub`)
    return connector.createSink(settings.options as never, this.#context(settings))
  }

  /** *Errors*: E107, E609, and what the connector throws. */
  async makeSource(settings: ConnectorSettings, source: Readonly<Record<string, unknown>>): Promise<Source> {
    const connector = await this.#modules.find(settings.type!)
    if (connector.createSource === undefined)
      throw new TrestleError('E609', `connector ${settings.type} brings no messages into the hub`)
    return connector.createSource(settings.options as never, source as never, this.#context(settings))
  }

  /** *Errors*: E702 when it has no probe, E601 when the probe does not end. */
  async probe(settings: ConnectorSettings): Promise<readonly ProbeStep[]> {
    if (settings.type === null) throw new TrestleError('E702', `${settings.name} cannot be probed`)
    const connector = await this.#modules.find(settings.type)
    if (connector.probe === undefined) throw new TrestleError('E702', `connector ${settings.type} has no probe`)
    const limitMs = this.#options.start.timing.openTimeoutMs
    const late = (): TrestleError => new TrestleError('E601', `the probe did not end within ${limitMs} ms`)
    return await within(connector.probe(settings.options as never, this.#context(settings)), limitMs, late)
  }

  #context(settings: ConnectorSettings): ConnectorContext {
    const { log, now, start } = this.#options
    const { name } = settings
    const folder = join(start.folders.connectors, encodeURIComponent(name))
    mkdirSync(folder, { recursive: true })
    return {
      name,
      hub: start.hub,
      folder,
      now,
      log: (level, event, facts) => log(level, event, { connector: name, ...facts }),
    }
  }
}
