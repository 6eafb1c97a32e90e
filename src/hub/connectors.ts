/**
 * The connectors of a running hub: listed, shown, probed, paused and resumed, added and removed.
 *
 * Promises: what is added is held against the same schema as the configuration, runs at once and is there after a
 * restart; nothing is removed that a rule names, or that is owed something, unless one says that this may go; secrets do not show.
 * Does not: change the configuration's own file, nor load rules anew: a rule may name an added sink from the next reload.
 */
import type { ConnectorPort, ConnectorSettingsView } from '../api/port.ts'
import type { ConnectorSettings } from '../bridge/boundary.ts'
import type { Bridge } from '../bridge/supervisor.ts'
import type { Connector } from '../contract/connector.ts'
import { TrestleError } from '../contract/error.ts'
import { type Fault, printFault } from '../document/fault.ts'
import type { RuleSet } from '../engine/rule-set.ts'
import type { Journal } from '../journal/journal.ts'
import { Redactor } from '../settings/redact.ts'
import type { ConnectorSettings as Entry } from '../settings/settings.ts'
import type { Events } from '../telemetry/events.ts'
import type { Buffers } from './buffers.ts'
import { writeEntry } from './connector-store.ts'
import { checkEntry, type WishedEntry } from './entry-check.ts'
import { type Plan, surroundings } from './plan.ts'
import { waysBack } from './ways-back.ts'

export interface ConnectorsOptions {
  readonly plan: Plan
  readonly bridge: Bridge
  readonly journal: Journal
  readonly buffers: Buffers
  readonly events: Pick<Events, 'emit'>
  /** Secrets that came with a connector: from now on no log line shows them. */
  readonly learnSecrets: (secrets: ReadonlySet<string>) => void
  readonly secrets: ReadonlySet<string>
  /** The rules as they are now. */
  readonly rules: () => RuleSet
}

export class Connectors implements ConnectorPort {
  readonly #options: ConnectorsOptions
  readonly #entries: Map<string, Entry>
  readonly #code: Map<string, Connector>
  readonly #written: Map<string, Readonly<Record<string, unknown>>>
  readonly #added: Set<string>
  #secrets: ReadonlySet<string>
  /** One change at a time. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: ConnectorsOptions) {
    const { plan } = options
    this.#options = options
    this.#entries = new Map(Object.entries(plan.settings.connectors))
    this.#code = new Map(plan.connectors)
    this.#written = new Map(Object.entries(plan.written))
    this.#added = new Set(plan.added)
    this.#secrets = options.secrets
  }

  /** What rules may name of them now, and how they lead back in. */
  surroundings(): ReturnType<typeof surroundings> {
    return surroundings(Object.fromEntries(this.#entries), this.#code)
  }

  async pause(name: string): Promise<void> {
    await this.#options.bridge.pause(this.#known(name))
  }

  async resume(name: string): Promise<void> {
    await this.#options.bridge.resume(this.#known(name))
  }

  async probe(name: string): ReturnType<ConnectorPort['probe']> {
    return this.#options.bridge.probe(this.#known(name))
  }

  async settings(name: string): Promise<ConnectorSettingsView> {
    const written = this.#written.get(this.#known(name)) ?? {}
    const shown = new Redactor(this.#secrets).value(written) as Record<string, unknown>
    return { name, origin: this.#added.has(name) ? 'run-time' : 'configuration', settings: shown }
  }

  /** *Errors*: the first fault's code, with all faults; E708 for a name that is taken; E501. */
  add(wish: WishedEntry): Promise<void> {
    return this.#next(() => this.#add(wish))
  }

  /** *Errors*: E702; E708 when the configuration or a rule names it, or something is owed to it. */
  remove(name: string, options: { discard: boolean }): Promise<{ discarded: number }> {
    return this.#next(() => this.#remove(name, options))
  }

  async #add(wish: WishedEntry): Promise<void> {
    const { buffers, bridge, events, journal, learnSecrets, plan } = this.#options
    const { name } = wish
    if (this.#entries.has(name)) {
      const where = this.#added.has(name) ? 'remove it first' : 'change it in the configuration'
      throw conflict(`there is a connector ${name} already`, where)
    }
    const { faults, secrets, settings, written } = await checkEntry(wish, plan)
    const entry = settings?.connectors[name]
    if (entry === undefined) throw refusal(faults)
    const connector = plan.types.get(entry.type)!
    this.#refuseLoops(name, entry, connector)
    learnSecrets(secrets)
    const raw = (written!['connectors'] as Record<string, Record<string, unknown>>)[name]!
    const slot = connector.createSink === undefined ? -1 : journal.addSink(name)
    buffers.add(name, slot, entry.buffer)
    await bridge.add(bridgeSettingsOf(name, entry, connector), slot)
    try {
      writeEntry(plan.settings.data, name, raw)
    } catch (thrown) {
      await bridge.remove(name, false)
      throw thrown
    }
    this.#secrets = new Set([...this.#secrets, ...secrets])
    this.#entries.set(name, entry)
    this.#code.set(name, connector)
    this.#written.set(name, raw)
    this.#added.add(name)
    events.emit('connector.added', { connector: name, type: entry.type })
  }

  async #remove(name: string, { discard }: { discard: boolean }): Promise<{ discarded: number }> {
    const { buffers, bridge, events, plan } = this.#options
    const { connectors } = await bridge.status()
    const link = connectors.find((one) => one.name === name)
    if (link === undefined) throw this.#unknown(name)
    if (this.#entries.has(name) && !this.#added.has(name))
      throw conflict(`${name} is in the configuration`, `take it out of ${plan.settings.file ?? 'it'} and start again`)
    const rule = this.#options.rules().rules.find(({ sinks }) => sinks.some(({ sink }) => sink === name))
    if (rule !== undefined) throw conflict(`rule ${rule.name} (${rule.file}) sends to ${name}`, 'change the rule first')
    const owed = this.#options.journal.tally()[name]?.messages ?? 0
    const waiting = owed - (link.sink?.settled ?? owed)
    if (waiting > 0 && !discard)
      throw conflict(`${waiting} deliveries are still owed to ${name}`, 'let go of them with --discard')
    const discarded = await bridge.remove(name, discard)
    buffers.remove(name)
    if (this.#added.delete(name)) writeEntry(plan.settings.data, name, null)
    this.#entries.delete(name)
    this.#code.delete(name)
    this.#written.delete(name)
    events.emit('connector.removed', { connector: name, discarded })
    return { discarded }
  }

  #refuseLoops(name: string, entry: Entry, connector: Connector): void {
    const settings = { ...Object.fromEntries(this.#entries), [name]: entry }
    const faults = this.#options.rules().loops(waysBack(settings, new Map([...this.#code, [name, connector]])))
    if (faults.length > 0) throw refusal(faults)
  }

  #known(name: string): string {
    if (this.#entries.has(name)) return name
    throw this.#unknown(name)
  }

  #unknown(name: string): TrestleError {
    const advice = `there are: ${[...this.#entries.keys()].join(', ') || 'none'}`
    return new TrestleError('E702', `there is no connector ${name}`, { detail: { advice } })
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => null)
    return done
  }
}

/** A connector as the bridge runs it. */
export const bridgeSettingsOf = (name: string, entry: Entry, connector: Connector | undefined): ConnectorSettings => ({
  name,
  type: entry.type,
  options: entry.options,
  sources: entry.sources,
  sink: connector?.createSink !== undefined,
  budget: entry.retry,
  buffer: entry.buffer,
})

const conflict = (message: string, advice: string): TrestleError =>
  new TrestleError('E708', message, { detail: { advice } })

const refusal = (faults: readonly Fault[]): TrestleError => {
  const [first] = faults
  return new TrestleError(first?.code ?? 'E703', faults.map(printFault).join('\n'), { detail: { faults } })
}
