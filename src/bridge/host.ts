/**
 * What runs in the connector thread: all connectors, their outboxes, their cursors and the dead letters.
 *
 * Promises: one connector's fault is told and tried again and touches no other; nothing is settled that is not safe;
 * main is told the low-water mark only when the cursors below it are on disk.
 * Does not: know whether it is a thread (`host-thread`) or runs in the caller's own (tests); it has a port.
 *
 * `boundary` is the table of messages, `station` one connector, `dispatch` a sink's loop, `intake` a source's loop,
 * `source-door` carries its messages to main and `arrivals` is where
 * they come, `link` where a connector stands, `retry` who may open when, `idle-gate` who wakes whom, `cursor-keeper` the cursors
 * on disk, `replay` dead letters sent again. Main's end of all this is `supervisor`.
 */
import { mkdirSync } from 'node:fs'
import { TrestleError } from '../contract/error.ts'
import { deadLetterSink } from '../journal/port.ts'
import type { DeadLetter, DeadLetterShelf } from '../outbox/dead-letter.ts'
import { DeadLetters } from '../outbox/dead-letters.ts'
import { type OpenedOutbox, type OpenOutboxOptions, openOutbox, owedCountOf, tailOf } from '../outbox/open-outbox.ts'
import type { EventName } from '../telemetry/events.ts'
import {
  type BoundaryPort,
  type ConnectorSettings,
  type ControlTable,
  type ControlWord,
  cloneable,
  type FromHost,
  type HostReport,
  type OnRefused,
  type StartMessage,
  type ToHost,
  toWire,
} from './boundary.ts'
import { ConnectorMaker } from './connector-maker.ts'
import { CursorKeeper } from './cursor-keeper.ts'
import { Dispatch } from './dispatch.ts'
import { IdleGate } from './idle-gate.ts'
import { SourceLoop } from './intake.ts'
import { Link, stateEvents } from './link.ts'
import { MainLine } from './main-line.ts'
import { refusals } from './refusals.ts'
import { replay } from './replay.ts'
import { ReconnectGovernor } from './retry.ts'
import { Station } from './station.ts'

/** What tests hand in instead of the real thing. */
export interface HostSeams {
  now?: () => number
  random?: () => number
  makeReader?: OpenOutboxOptions['makeReader']
}

/** Runs a host behind `port`; it begins with the start message. */
export function runHost(port: BoundaryPort<FromHost, ToHost>, seams: HostSeams = {}): void {
  const line = new MainLine(port)
  let host: Host | null = null
  port.on('message', (message) => {
    if (message.kind === 'start') {
      host = line.begin(() => new Host(message.start, line, seams))
    } else if (message.kind === 'appended') host?.wake()
    else if (message.kind === 'intake-receipts') line.batchAnswered(message.id, message.runs)
    else if (message.kind === 'intake-synced') line.synced(message.id)
    else if (message.kind === 'replay-receipts') line.answered(message.id, message.receipts)
    else void answer(host, line, message.id, message.word, message.ask)
  })
}

const answer = async (
  host: Host | null,
  line: MainLine,
  id: number,
  word: ControlWord,
  ask: unknown,
): Promise<void> => {
  try {
    if (host === null) throw new TrestleError('E902', 'connectors are not started')
    const control = host.control[word] as (ask: unknown) => unknown
    line.post({ kind: 'answer', id, answer: await control(ask), error: null })
  } catch (thrown) {
    line.post({ kind: 'answer', id, answer: null, error: toWire(TrestleError.from(thrown)) })
  }
}

class Host {
  readonly #start: StartMessage
  readonly #line: MainLine
  readonly #seams: HostSeams
  readonly #now: () => number
  readonly #random: () => number
  readonly #maker: ConnectorMaker
  readonly #deadLetters: DeadLetters
  readonly #shelf: DeadLetterShelf
  readonly #governor: ReconnectGovernor
  readonly #gate: IdleGate
  readonly #keeper: CursorKeeper
  readonly #stations = new Map<string, Station>()
  #sampler: NodeJS.Timeout | null = null

  constructor(start: StartMessage, line: MainLine, seams: HostSeams) {
    this.#start = start
    this.#line = line
    this.#seams = seams
    this.#now = seams.now ?? Date.now
    this.#random = seams.random ?? Math.random
    this.#maker = new ConnectorMaker({
      start,
      now: this.#now,
      log: (level, event, facts) => this.#log(level, event, facts ?? {}),
    })
    mkdirSync(start.folders.cursors, { recursive: true })
    this.#deadLetters = new DeadLetters(start.folders.deadLetters, start.maxDeadLetterBytes)
    this.#shelf = {
      putMany: (letters) => this.#keep(letters),
      keptAfter: (sink, position) => this.#deadLetters.keptAfter(sink, position),
    }
    const { maxOpens, openSpacingMs, restMs } = start.timing
    this.#governor = new ReconnectGovernor({ maxOpens, spacingMs: openSpacingMs })
    const tail = tailOf(start.tail)
    this.#gate = new IdleGate(start.idle, tail, restMs)
    this.#keeper = new CursorKeeper({
      timing: start.timing,
      tail,
      onLowWater: (position) => line.post({ kind: 'low-water', position }),
      onError: (sink, error) => this.#log('error', 'cursor.failed', { connector: sink, message: error.message }),
    })
  }

  start(): void {
    for (const settings of this.#start.connectors) if (settings.name !== deadLetterSink) this.#build(settings)
    this.#build({ name: deadLetterSink, type: null, options: {}, sink: true, sources: [] })
    for (const station of this.#stations.values()) station.start()
    this.#keeper.start()
    this.#sampler = setInterval(() => this.#sample(), 1000)
    this.#sample()
  }

  wake(): void {
    this.#gate.wake()
    this.#keeper.touch()
  }

  /** One body per word of the control table. */
  readonly control: {
    [Word in ControlWord]: (
      ask: ControlTable[Word]['ask'],
    ) => ControlTable[Word]['answer'] | Promise<ControlTable[Word]['answer']>
  } = {
    status: () => this.#report(),
    pause: (name) => {
      this.#station(name).pause()
      return null
    },
    resume: (name) => {
      this.#station(name).resume()
      return null
    },
    probe: (name) => this.#maker.probe(this.#station(name).settings),
    list: (filter) => this.#deadLetters.list(filter),
    show: (id) => this.#deadLetters.show(id),
    replay: (filter) => replay(this.#deadLetters, filter, (items) => this.#line.sendReplay(items)),
    discard: (filter) => this.#deadLetters.discard(filter),
    count: () => this.#deadLetters.counts(),
    stop: async () => {
      await this.#stop()
      return null
    },
  }

  #build(settings: ConnectorSettings): void {
    const station = new Station(settings, this.#now())
    this.#stations.set(settings.name, station)
    if (settings.sink) this.#buildSink(station)
    for (const [at, source] of settings.sources.entries()) this.#buildSource(station, source, at)
  }

  #buildSink(station: Station): void {
    const { settings } = station
    const { name } = settings
    const owedCount = owedCountOf(this.#start.tail, this.#start.tailSinks.indexOf(name))
    let opened: OpenedOutbox
    try {
      opened = this.#openOutbox(settings, owedCount)
    } catch (thrown) {
      // Without its cursor nothing may be sent, and nothing it may be owed may be removed.
      station.fault = TrestleError.from(thrown, 'E501')
      this.#keeper.block()
      const { code, detail, message: why } = station.fault
      this.#event('connector.failing', { connector: name, why, code, advice: detail.advice })
      return
    }
    station.outbox = opened.outbox
    this.#keeper.add({ name, ...opened, owedCount })
    if (settings.type === null && name !== deadLetterSink) return
    const link = this.#link(name)
    station.links.push(link)
    station.dispatch = new Dispatch({
      name,
      outbox: opened.outbox,
      makeSink: () => (name === deadLetterSink ? Promise.resolve(refusals()) : this.#maker.makeSink(settings)),
      link,
      governor: this.#governor,
      gate: this.#gate,
      owedCount,
      timing: this.#start.timing,
      onSettled: () => this.#keeper.touch(),
      log: (level, event, facts) => this.#log(level, event, facts),
      now: this.#now,
      random: this.#random,
    })
  }

  #openOutbox(settings: ConnectorSettings, owedCount: (() => number) | null): OpenedOutbox {
    const { folders, hub, tail } = this.#start
    const { makeReader } = this.#seams
    return openOutbox({
      sink: settings.name,
      hub,
      journalFolder: folders.journal,
      cursorFolder: folders.cursors,
      tail,
      owedCount,
      deadLetters: this.#shelf,
      onReceipt: (position, error) => this.#line.receipt(settings.name, position, error),
      random: this.#random,
      ...(settings.budget === undefined ? {} : { budget: settings.budget }),
      ...(makeReader === undefined ? {} : { makeReader }),
    })
  }

  #buildSource(station: Station, source: Readonly<Record<string, unknown>>, at: number): void {
    const { settings } = station
    const name = settings.sources.length === 1 ? settings.name : `${settings.name}[${at}]`
    const link = this.#link(name)
    station.links.push(link)
    const loop = new SourceLoop({
      name,
      makeSource: () => this.#maker.makeSource(settings, source),
      // Held against the connector's schema before it came here; one without the field keeps what it cannot take.
      onRefused: (source['on_refused'] as OnRefused | undefined) ?? 'dead-letter',
      line: this.#line,
      link,
      governor: this.#governor,
      timing: this.#start.timing,
      log: (level, event, facts) => this.#log(level, event, facts),
      random: this.#random,
      now: this.#now,
    })
    station.sources.push(loop)
  }

  #link(name: string): Link {
    return new Link(this.#now, (link) => {
      this.#event(stateEvents[link.state], {
        connector: name,
        why: link.why,
        nextTryMs: link.lastError?.nextTryMs ?? null,
      })
    })
  }

  #keep(letters: readonly DeadLetter[]): void {
    this.#deadLetters.putMany(letters)
    for (const { delivery, error } of letters) {
      const { position, index, rule, sink } = delivery
      this.#event('dead-letter.kept', { connector: sink, rule, id: `${position}-${index}`, code: error.code })
    }
  }

  #report(): HostReport {
    const nowMs = this.#now()
    const stations = [...this.#stations]
    const connectors = stations.map(([name, station]) => station.report(this.#deadLetters.count(name), nowMs))
    return { connectors, deadLetters: this.#deadLetters.counts() }
  }

  #sample(): void {
    const nowMs = this.#now()
    for (const station of this.#stations.values()) station.sample(nowMs)
  }

  async #stop(): Promise<void> {
    await Promise.all([...this.#stations.values()].map((station) => station.stop()))
    if (this.#sampler !== null) clearInterval(this.#sampler)
    this.#gate.close()
    await this.#keeper.close()
    this.#deadLetters.close()
  }

  #station(name: string): Station {
    const station = this.#stations.get(name)
    if (station !== undefined) return station
    throw new TrestleError('E702', `there is no connector ${name}`)
  }

  #event(name: EventName, facts: Record<string, unknown>): void {
    this.#line.post({ kind: 'event', name, facts })
  }

  #log(level: 'debug' | 'info' | 'warn' | 'error', event: string, facts: Record<string, unknown>): void {
    this.#line.post({ kind: 'log', level, event, facts: cloneable(facts) })
  }
}
