/**
 * What runs in the connector thread: all connectors, their outboxes, their cursors and the dead letters.
 *
 * Promises: one connector's fault is told and tried again and touches no other; nothing is settled that is not safe;
 * main is told the low-water mark only when the cursors below it are on disk.
 * Does not: know whether it is a thread (`host-thread`) or runs in the caller's own (tests); it has a port.
 *
 * `boundary` is the table of messages, `station` one connector and `station-builder` what puts it together, `dispatch`
 * a sink's loop, `intake` a source's loop, `source-door` what carries its messages to main and `arrivals` where they
 * come, `link` where a connector stands, `retry` who may open when, `idle-gate` who wakes whom, `cursor-keeper` the
 * cursors on disk, `replay` dead letters sent again. Main's end of all this is `supervisor`.
 */
import { mkdirSync } from 'node:fs'
import { TrestleError } from '../contract/error.ts'
import { deadLetterSink } from '../journal/port.ts'
import type { DeadLetter, DeadLetterShelf } from '../outbox/dead-letter.ts'
import { DeadLetters } from '../outbox/dead-letters.ts'
import { type OpenOutboxOptions, tailOf } from '../outbox/open-outbox.ts'
import type { EventName } from '../telemetry/events.ts'
import {
  type BoundaryPort,
  type ConnectorSettings,
  type ControlTable,
  type ControlWord,
  cloneable,
  type FromHost,
  type HostReport,
  type StartMessage,
  type ToHost,
  toWire,
} from './boundary.ts'
import { ConnectorMaker } from './connector-maker.ts'
import { CursorKeeper } from './cursor-keeper.ts'
import { IdleGate } from './idle-gate.ts'
import { MainLine } from './main-line.ts'
import { replay } from './replay.ts'
import { ReconnectGovernor } from './retry.ts'
import type { Station } from './station.ts'
import { StationBuilder } from './station-builder.ts'

/** How often buffers that drop their oldest are looked at. */
const trimEveryMs = 250

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
  readonly #now: () => number
  readonly #maker: ConnectorMaker
  readonly #deadLetters: DeadLetters
  readonly #gate: IdleGate
  readonly #keeper: CursorKeeper
  readonly #builder: StationBuilder
  readonly #stations = new Map<string, Station>()
  #sampler: NodeJS.Timeout | null = null
  #trimmer: NodeJS.Timeout | null = null

  constructor(start: StartMessage, line: MainLine, seams: HostSeams) {
    this.#start = start
    this.#line = line
    this.#now = seams.now ?? Date.now
    this.#maker = new ConnectorMaker({
      start,
      now: this.#now,
      log: (level, event, facts) => this.#log(level, event, facts ?? {}),
    })
    mkdirSync(start.folders.cursors, { recursive: true })
    this.#deadLetters = new DeadLetters(start.folders.deadLetters, start.maxDeadLetterBytes)
    const shelf: DeadLetterShelf = {
      putMany: (letters) => this.#keep(letters),
      keptAfter: (sink, position) => this.#deadLetters.keptAfter(sink, position),
    }
    const { maxOpens, openSpacingMs, restMs } = start.timing
    const governor = new ReconnectGovernor({ maxOpens, spacingMs: openSpacingMs })
    const tail = tailOf(start.tail)
    this.#gate = new IdleGate(start.idle, tail, restMs)
    this.#keeper = new CursorKeeper({
      timing: start.timing,
      tail,
      onLowWater: (position) => line.post({ kind: 'low-water', position }),
      onError: (sink, error) => this.#log('error', 'cursor.failed', { connector: sink, message: error.message }),
    })
    this.#builder = new StationBuilder({
      start,
      line,
      maker: this.#maker,
      shelf,
      governor,
      gate: this.#gate,
      keeper: this.#keeper,
      event: (name, facts) => this.#event(name, facts),
      log: (level, event, facts) => this.#log(level, event, facts),
      now: this.#now,
      random: seams.random ?? Math.random,
      makeReader: seams.makeReader,
    })
  }

  start(): void {
    for (const settings of this.#start.connectors) if (settings.name !== deadLetterSink) this.#build(settings)
    this.#build({ name: deadLetterSink, type: null, options: {}, sink: true, sources: [] })
    for (const station of this.#stations.values()) station.start()
    this.#keeper.start()
    this.#sampler = setInterval(() => this.#sample(), 1000)
    this.#sample()
    this.#trimmer = setInterval(() => this.#trim(), trimEveryMs)
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
    add: (ask) => this.#add(ask),
    remove: (ask) => this.#remove(ask),
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

  /** Whatever was there of this name gives its outbox away. */
  #build(settings: ConnectorSettings, slot = this.#start.tailSinks.indexOf(settings.name)): Station {
    const before = this.#stations.get(settings.name) ?? null
    const station = this.#builder.build(settings, slot, before?.outbox ?? null)
    this.#stations.set(settings.name, station)
    return station
  }

  #add({ settings, slot }: ControlTable['add']['ask']): null {
    const known = this.#stations.get(settings.name)
    if (known !== undefined && known.settings.type !== null)
      throw new TrestleError('E702', `there is a connector ${settings.name} already`)
    this.#build(settings, slot).start()
    return null
  }

  /** Its loops end; what it is owed is kept under its name, or dropped. */
  async #remove({ name, slot, discard }: ControlTable['remove']['ask']): Promise<number> {
    const station = this.#station(name)
    await station.stop()
    const left = this.#build({ name, type: null, options: {}, sink: station.outbox !== null, sources: [] }, slot)
    if (left.outbox === null) this.#stations.delete(name)
    if (!discard || left.outbox === null) return 0
    const dropped = left.outbox.discardAll()
    left.tellSettled()
    // A hub that is killed now must not owe it again.
    await this.#keeper.flush()
    return dropped
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

  /** Also while a sink is away: a buffer fills just then. */
  #trim(): void {
    for (const station of this.#stations.values()) station.trim()
  }

  async #stop(): Promise<void> {
    await Promise.all([...this.#stations.values()].map((station) => station.stop()))
    if (this.#sampler !== null) clearInterval(this.#sampler)
    if (this.#trimmer !== null) clearInterval(this.#trimmer)
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
