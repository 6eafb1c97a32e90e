import { hostname } from 'node:os'
import { join } from 'node:path'
import type { DeadLetterChoice, HubPort } from '../api/port.ts'
import { type Api, startApi } from '../api/server.ts'
import type { ConnectorSettings } from '../bridge/boundary.ts'
import { Bridge } from '../bridge/supervisor.ts'
import { Broker } from '../broker/broker.ts'
import { TrestleError } from '../contract/error.ts'
import type { Message } from '../contract/message.ts'
import { noteRule, stateSink } from '../flow/state-notes.ts'
import { Flow } from '../flow.ts'
import { Journal } from '../journal/journal.ts'
import { deadLetterSink } from '../journal/port.ts'
import { WriteThread } from '../journal/write-thread.ts'
import type { DeadLetterFilter } from '../outbox/dead-letters.ts'
import { createSettled } from '../outbox/settled-cells.ts'
import type { Events } from '../telemetry/events.ts'
import type { Log } from '../telemetry/log.ts'
import type { HubReport } from '../telemetry/report.ts'
import { topicFilterFault } from '../topic/filter.ts'
import { brokerOptions } from './broker-options.ts'
import { Buffers } from './buffers.ts'
import { bridgeSettingsOf, Connectors } from './connectors.ts'
import { refuseHalfAFolder } from './data-folder.ts'
import { InnerDoors } from './intake.ts'
import { addCounts, connectorReports, hubLedger, ruleReports } from './ledger.ts'
import { openListeners } from './listeners.ts'
import { LoopGuard } from './loop-guard.ts'
import type { Plan } from './plan.ts'
import { Reload } from './reload.ts'
import type { Reloaded } from './rule-book.ts'
import { RuleState } from './rule-state.ts'
import { Schemas } from './schemas.ts'
import { watchSparkplug } from './sparkplug-watch.ts'
import { tellRecovery } from './tell-recovery.ts'

export interface HubOptions {
  readonly plan: Plan
  readonly events: Events
  readonly log: Log
  readonly version: string
  readonly secrets: ReadonlySet<string>
  /** Secrets that come while it runs: no log line shows them. */
  readonly learnSecrets: (secrets: ReadonlySet<string>) => void
}

/** A name in the journal that is no connector: it must not stand in the configuration. */
const isReserved = (name: string): boolean => name.startsWith('$')

/**
 * One hub: builds the rooms from a plan, starts them in order, stops them in reverse, and is what the API speaks to.
 *
 * *Order*: the journal first (nothing may be acknowledged before it is read back), then the connector thread, then
 * the doors for devices, the API last: when it answers, everything is there.
 */
export class Hub implements HubPort {
  readonly #options: HubOptions
  readonly #journal: Journal
  readonly #broker: Broker
  readonly #flow: Flow
  readonly #bridge: Bridge
  readonly #doors: InnerDoors
  readonly #buffers: Buffers
  readonly clients: HubPort['clients']
  readonly connectors: Connectors
  readonly schemas: Schemas
  readonly #reload: Reload
  readonly #state: RuleState
  readonly #startedMs = Date.now()
  #api: Api | null = null
  #ready = false

  static async start(options: HubOptions): Promise<Hub> {
    const { plan, events } = options
    const { journal: limits, data } = plan.settings
    refuseHalfAFolder(data)
    let made: Hub | null = null
    const journal = await Journal.open({
      folder: join(data, 'journal'),
      sinks: [...sinkNames(plan), deadLetterSink],
      rules: [...plan.rules.rules.map((rule) => rule.name), stateSink, noteRule],
      maxBytes: limits.maxBytes,
      segmentBytes: limits.segmentBytes,
      spacingMs: limits.spacingMs,
      sync: limits.sync,
      files: new WriteThread(),
      onDurable: (position) => {
        if (made === null) return
        made.#bridge.appended(position)
        made.#buffers.look()
      },
      onLost: (records, error) => {
        if (made !== null) made.#onLost(records, error)
      },
      onStuck: (file, error) => events.emit('journal.segment-stuck', { file, error: error.message }),
      onState: (state, error) => {
        if (state === 'failing' && made !== null) made.#state.forgetUnwritten()
        events.emit(`journal.${state}`, { error: error?.message })
      },
    })
    tellRecovery(journal, events)
    const hub = new Hub(options, journal)
    made = hub
    try {
      await hub.#open()
    } catch (error) {
      await hub.stop()
      throw error
    }
    return hub
  }

  private constructor(options: HubOptions, journal: Journal) {
    const { plan, events, log, secrets, learnSecrets } = options
    this.#options = options
    this.#journal = journal
    this.#flow = new Flow(plan.rules, journal)
    const { data, limits } = plan.settings
    const maxBytes = limits.maxStateBytes
    this.#state = new RuleState({ data, journal, flow: this.#flow, events, maxBytes }, plan.rules)
    const guard = new LoopGuard(journal.hub, events)
    this.#broker = new Broker({
      flow: this.#flow,
      storing: journal,
      access: plan.access.access,
      ...brokerOptions(plan.settings, options.version),
      events: (level, event, facts) => events.tell(level, event, facts),
    })
    this.clients = this.#broker.clients
    this.#flow.route = (message) => this.#broker.publish(message)
    watchSparkplug(plan.registry.sparkplug, this.#broker)
    this.#doors = new InnerDoors(this.#broker, this.#flow, journal, guard)
    const settled = createSettled(journal.tail)
    this.#buffers = new Buffers(journal.tail, settled, this.#flow)
    this.#bridge = new Bridge({
      settled,
      hub: journal.hub,
      folders: {
        journal: join(data, 'journal'),
        cursors: join(data, 'cursors'),
        connectors: join(data, 'connectors'),
        deadLetters: join(data, 'dead-letters.sqlite'),
      },
      maxDeadLetterBytes: plan.settings.deadLetters.maxBytes,
      tail: journal.tail,
      modules: new URL(`../../connectors/index${import.meta.url.slice(-3)}`, import.meta.url).href,
      connectors: bridgeSettings(plan, journal),
      tailSinks: [...sinkNames(plan), deadLetterSink],
      events,
      log,
    })
    this.#reload = new Reload({ plan, flow: this.#flow, journal, connectors: () => this.connectors, events })
    this.schemas = new Schemas({
      book: () => this.#reload.book,
      source: plan.schemaSource,
      folder: plan.settings.schemas,
      events,
      refreshMs: plan.settings.registry.refreshMs,
    })
    this.connectors = new Connectors({
      plan,
      rules: () => this.#reload.book.rules,
      bridge: this.#bridge,
      journal,
      buffers: this.#buffers,
      events,
      secrets,
      learnSecrets,
    })
    for (const [slot, name] of sinkNames(plan).entries())
      this.#buffers.add(name, slot, plan.settings.connectors[name]!.buffer)
    this.#bridge.onReceipt((position, error, sink) => this.#flow.awaiting.settle(position, sink, error))
    this.#bridge.onLowWater((position) => this.#state.settled(position))
    this.#bridge.onIntake((order, sheet) => this.#doors.takeIn(order, sheet))
    this.#bridge.onReplay((items) => this.#doors.replay(items))
  }

  async #open(): Promise<void> {
    const { plan, events, version } = this.#options
    for (const name of plan.overruled)
      events.emit('config.warning', {
        message: `connector ${name} was added at run time, and is in the configuration now, which wins`,
      })
    await this.#state.open()
    await this.#bridge.start()
    await openListeners(this.#broker, plan.settings.listeners, events)
    await this.#reload.watch()
    await this.schemas.start()
    this.#ready = true
    const { host, port, token } = plan.settings.api
    this.#api = await startApi({ hub: this, events, version, host, port, token })
  }

  /** Where the API listens. */
  get apiUrl(): string {
    return this.#api?.url ?? ''
  }

  get id(): string {
    return this.#journal.hub
  }

  /** Doors first, the journal last: what was taken is written before this returns. */
  async stop(): Promise<void> {
    this.#ready = false
    this.#state.stop()
    this.#reload.close()
    await this.schemas.stop()
    await this.#broker.stop()
    await this.#api?.stop()
    await this.#bridge.stop()
    this.#buffers.close()
    await this.#state.close()
    await this.#journal.close()
  }

  async report(): Promise<HubReport> {
    const bridge = await this.#bridge.status()
    // From here on one snapshot: no await, so that the ledger's columns belong together.
    const tally = this.#journal.tally()
    const broker = this.#broker.report()
    const dropped = addCounts(this.#journal.lost(), this.#flow.drops.byRule)
    const rules = ruleReports(this.#reload.book.counted(), bridge.connectors, tally, dropped, this.#state.report())
    return {
      version: this.#options.version,
      hub: this.#journal.hub,
      host: hostname(),
      startedMs: this.#startedMs,
      nowMs: Date.now(),
      journal: this.#journal.report(),
      broker,
      connectors: connectorReports(bridge, tally, this.#flow.drops.bySink),
      rules,
      ledger: hubLedger(rules, bridge.connectors, broker.dropped['loop'] ?? 0),
    }
  }

  /** Reads certificates, users and access rules, then rules and schemas anew. *Errors*: E110; those of access files; as `RuleBook.reload`. */
  async reload(): Promise<Reloaded> {
    await this.#broker.reloadCertificates()
    await this.#options.plan.access.reload()
    return this.#reload.now()
  }

  async readiness(): Promise<{ ready: boolean; reasons: string[] }> {
    const reasons: string[] = []
    const { state, error } = this.#journal.report()
    if (!this.#ready) reasons.push('the listeners are not open')
    if (state !== 'writing') reasons.push(`the journal is ${state}: ${error}`)
    return { ready: reasons.length === 0, reasons }
  }

  async publish(request: Parameters<HubPort['publish']>[0]): ReturnType<HubPort['publish']> {
    return this.#doors.publish({ ...request, client: 'api', username: null, source: null, timeMs: Date.now() })
  }

  subscribe(filter: string, onMessage: (message: Message) => void): () => void {
    const fault = topicFilterFault(filter)
    if (fault !== null) throw new TrestleError('E405', `topic filter ${fault}`)
    return this.#broker.subscribe(filter, onMessage)
  }

  readonly deadLetters: HubPort['deadLetters'] = {
    list: async (question) => {
      const [items, counts] = await Promise.all([
        this.#bridge.deadLetters.list(question),
        this.#bridge.deadLetters.count(),
      ])
      const total =
        question.sink === undefined ? Object.values(counts).reduce((sum, n) => sum + n, 0) : counts[question.sink]
      return { items, total: question.rule === undefined ? (total ?? 0) : null }
    },
    show: (id) => this.#bridge.deadLetters.show(id),
    replay: (choice) => this.#bridge.deadLetters.replay(filterOf(choice)),
    discard: async (choice) => ({ discarded: await this.#bridge.deadLetters.discard(filterOf(choice)) }),
  }

  /** Messages that were taken without a promise, and are gone with a write that failed. */
  #onLost(messages: number, error: TrestleError): void {
    this.#broker.countLost(messages)
    this.#options.events.emit('message.dropped', { reason: 'journal', messages, error: error.message }, messages)
  }
}

const filterOf = ({ all, ...rest }: DeadLetterChoice): DeadLetterFilter => (all === true ? {} : rest)

const sinkNames = ({ connectors }: Plan): string[] =>
  [...connectors].filter(([, { createSink }]) => createSink !== undefined).map(([name]) => name)

/** The configured connectors, and those the configuration no longer names but the journal still owes something. */
function bridgeSettings({ settings, connectors }: Plan, journal: Journal): ConnectorSettings[] {
  const configured = Object.entries(settings.connectors).map(([name, entry]) =>
    bridgeSettingsOf(name, entry, connectors.get(name)),
  )
  const left = Object.keys(journal.tally()).filter((name) => !connectors.has(name) && !isReserved(name))
  return [...configured, ...left.map((name) => ({ name, type: null, options: {}, sources: [], sink: true }))]
}
