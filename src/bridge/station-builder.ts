import { TrestleError } from '../contract/error.ts'
import { deadLetterSink } from '../journal/port.ts'
import type { DeadLetterShelf } from '../outbox/dead-letter.ts'
import {
  type OpenedOutbox,
  type OpenOutboxOptions,
  openOutbox,
  owedBytesOf,
  owedCountOf,
} from '../outbox/open-outbox.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { writeSettled } from '../outbox/settled-cells.ts'
import type { EventName } from '../telemetry/events.ts'
import type { ConnectorSettings, OnRefused, StartMessage } from './boundary.ts'
import type { ConnectorMaker } from './connector-maker.ts'
import type { CursorKeeper } from './cursor-keeper.ts'
import { Dispatch } from './dispatch.ts'
import type { IdleGate } from './idle-gate.ts'
import { SourceLoop } from './intake.ts'
import { Link, stateEvents } from './link.ts'
import type { MainLine } from './main-line.ts'
import { refusals } from './refusals.ts'
import type { ReconnectGovernor } from './retry.ts'
import { Station } from './station.ts'

export interface StationBuilderOptions {
  start: StartMessage
  line: MainLine
  maker: ConnectorMaker
  shelf: DeadLetterShelf
  governor: ReconnectGovernor
  gate: IdleGate
  keeper: CursorKeeper
  event: (name: EventName, facts: Record<string, unknown>) => void
  log: (level: 'debug' | 'info' | 'warn' | 'error', event: string, facts: Record<string, unknown>) => void
  now: () => number
  random: () => number
  makeReader: OpenOutboxOptions['makeReader'] | undefined
}

/** Puts one connector together: outbox, cursor and loop of its sink, a loop for each of its sources. */
export class StationBuilder {
  readonly #options: StationBuilderOptions

  constructor(options: StationBuilderOptions) {
    this.#options = options
  }

  /** `slot`: the sink's place in the journal's tail, -1 for none. `outbox`: one that is open already. */
  build(settings: ConnectorSettings, slot: number, outbox: Outbox | null = null): Station {
    const station = new Station(settings, this.#options.now())
    if (settings.sink) this.#buildSink(station, slot, outbox)
    for (const [at, source] of settings.sources.entries()) this.#buildSource(station, source, at)
    return station
  }

  #buildSink(station: Station, slot: number, given: Outbox | null): void {
    const { start, keeper, event } = this.#options
    const { settings } = station
    const { name } = settings
    const owedCount = owedCountOf(start.tail, slot)
    if (given === null) {
      try {
        const opened = this.#openOutbox(settings, owedCount)
        station.outbox = opened.outbox
        keeper.add({ name, ...opened, owedCount })
      } catch (thrown) {
        // Without its cursor nothing may be sent, and nothing it may be owed may be removed.
        station.fault = TrestleError.from(thrown, 'E501')
        keeper.block()
        const { code, detail, message: why } = station.fault
        event('connector.failing', { connector: name, why, code, advice: detail.advice })
        return
      }
    } else station.outbox = given
    if (slot >= 0) {
      const { outbox } = station
      station.tellSettled = () => writeSettled(start.settled, slot, outbox!.settledBytes)
      station.owedBytes = () => owedBytesOf(start.tail, slot) - outbox!.settledBytes
      station.tellSettled()
    }
    if (settings.type !== null || name === deadLetterSink) this.#buildDispatch(station, owedCount)
  }

  #buildDispatch(station: Station, owedCount: (() => number) | null): void {
    const { gate, governor, keeper, log, maker, now, random, start } = this.#options
    const { settings, outbox, tellSettled } = station
    const { name } = settings
    station.sinkLink = this.#link(name)
    station.dispatch = new Dispatch({
      name,
      outbox: outbox!,
      makeSink: () => (name === deadLetterSink ? Promise.resolve(refusals()) : maker.makeSink(settings)),
      link: station.sinkLink,
      governor,
      gate,
      owedCount,
      timing: start.timing,
      onSettled: () => {
        tellSettled()
        keeper.touch()
      },
      log,
      now,
      random,
    })
  }

  #openOutbox(settings: ConnectorSettings, owedCount: (() => number) | null): OpenedOutbox {
    const { line, makeReader, random, shelf, start } = this.#options
    const { folders, hub, tail } = start
    return openOutbox({
      sink: settings.name,
      hub,
      journalFolder: folders.journal,
      cursorFolder: folders.cursors,
      tail,
      owedCount,
      deadLetters: shelf,
      onReceipt: (position, error) => line.receipt(settings.name, position, error),
      random,
      ...(settings.budget === undefined ? {} : { budget: settings.budget }),
      ...(makeReader === undefined ? {} : { makeReader }),
    })
  }

  #buildSource(station: Station, source: Readonly<Record<string, unknown>>, at: number): void {
    const { governor, line, log, maker, now, random, start } = this.#options
    const { settings } = station
    const name = settings.sources.length === 1 ? settings.name : `${settings.name}[${at}]`
    const loop = new SourceLoop({
      name,
      makeSource: () => maker.makeSource(settings, source),
      // Held against the connector's schema before it came here; one without the field keeps what it cannot take.
      onRefused: (source['on_refused'] as OnRefused | undefined) ?? 'dead-letter',
      line,
      link: this.#link(name),
      governor,
      timing: start.timing,
      log,
      random,
      now,
    })
    station.sources.push(loop)
  }

  #link(name: string): Link {
    const { event, now } = this.#options
    return new Link(now, (link) => {
      event(stateEvents[link.state], {
        connector: name,
        why: link.why,
        nextTryMs: link.lastError?.nextTryMs ?? null,
      })
    })
  }
}
