/**
 * Main's end of the bridge: keeps the connector thread alive and speaks with it.
 *
 * Promises: no call here waits for the connector thread longer than its time-out, whatever a connector does to it;
 * when the thread ends it is started again with a back-off and goes on from its cursors; the reason is shown.
 * Does not: touch a payload that leaves the hub; the thread reads the journal itself.
 *
 * `body` is where the host runs, `boundary` what crosses, `report` makes connector reports of what comes back. The
 * other end is `host`.
 */

import type { ProbeStep } from '../contract/connector.ts'
import { TrestleError } from '../contract/error.ts'
import { createSettled } from '../outbox/settled-cells.ts'
import { Arrivals, notYet, type Takers } from './arrivals.ts'
import { type BridgeBody, threadBody } from './body.ts'
import {
  type ConnectorSettings,
  type ControlTable,
  type ControlWord,
  defaultTiming,
  type FromHost,
  fromWire,
} from './boundary.ts'
import type { BridgeOptions } from './bridge-options.ts'
import { takeIdle } from './idle-gate.ts'
import { LettersDesk } from './letters-desk.ts'
import { Questions } from './questions.ts'
import { type BridgeReport, type LinkReport, outOfReach, type ThreadReport, unknownYet } from './report.ts'
import { backOffMs } from './retry.ts'

export type { AnswerSheet } from './arrivals.ts'
export type { IntakeItem, IntakeOrder } from './boundary.ts'
export type { BridgeOptions } from './bridge-options.ts'

/** A thread that ran for so long has got over what ended the one before. */
const steadyMs = 60_000
const stopTimeoutMs = 15_000
/** How long a question may take that needs no far side. */
const shortMs = 10_000

export class Bridge {
  readonly #options: BridgeOptions
  readonly #idle = new SharedArrayBuffer(4)
  readonly #idleFlag = new Int32Array(this.#idle)
  #connectors: readonly ConnectorSettings[]
  #tailSinks: readonly string[]
  readonly #settled: SharedArrayBuffer
  #body: BridgeBody | null = null
  #thread: ThreadReport = { state: 'stopped', why: null, sinceMs: Date.now(), restarts: 0 }
  #known: readonly LinkReport[]
  readonly #questions = new Questions()
  readonly deadLetters: LettersDesk
  #failures = 0
  #restart: NodeJS.Timeout | null = null
  #watch: NodeJS.Timeout | null = null
  #heardMs = 0
  #onReceipt: (position: number, error: TrestleError | null, sink: string) => void = () => {}
  #onLowWater: (position: number) => void = () => {}
  readonly #takers: Takers = { ...notYet }

  constructor(options: BridgeOptions) {
    this.#options = options
    this.deadLetters = new LettersDesk(
      (word, ask) => this.#ask(word, ask, word === 'replay' ? null : shortMs),
      options.events,
    )
    this.#connectors = options.connectors
    this.#tailSinks = options.tailSinks ?? []
    this.#settled = options.settled ?? createSettled(options.tail)
    this.#known = options.connectors.map(({ name, type }) => unknownYet(name, type))
  }

  /** `sink` owes the awaited record at `position` nothing more. After a restart of the thread it may be told twice. */
  onReceipt(listener: (position: number, error: TrestleError | null, sink: string) => void): void {
    this.#onReceipt = listener
  }

  /** No sink needs a record up to `position`, and that is on disk. */
  onLowWater(listener: (position: number) => void): void {
    this.#onLowWater = listener
  }

  /** What a source brings: each of its messages is to be answered on the sheet. Valid during the call, the sheet longer. */
  onIntake(listener: Takers['intake']): void {
    this.#takers.intake = listener
  }

  /** Dead letters that go their way again. One Receipt per item, in order: it decides whether the dead letter is removed. */
  onReplay(listener: Takers['replay']): void {
    this.#takers.replay = listener
  }

  /** Resolves when the thread runs; connectors open in their own time. *Errors*: what ended the thread instead. */
  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => this.#launch(resolve, reject))
    this.#watch = setInterval(() => this.#look(), Math.min(5_000, this.#maxSilenceMs / 4))
    this.#watch.unref()
  }

  /** Lets batches that are out come back, writes the cursors, ends the thread; one that fails meanwhile stays ended. */
  async stop(): Promise<void> {
    if (this.#watch !== null) clearInterval(this.#watch)
    const body = this.#body
    if (body !== null && this.#thread.state !== 'restarting') {
      try {
        await this.#ask('stop', null, stopTimeoutMs)
      } catch (thrown) {
        this.#options.log.note('warn', 'connector-thread.stop-failed', { message: TrestleError.from(thrown).message })
      }
    }
    if (this.#restart !== null) clearTimeout(this.#restart)
    this.#become('stopped', null)
    this.#body = null
    await body?.terminate()
  }

  /** The journal is durable up to `position`, and its tail says so. Costs a load unless the host sleeps. */
  appended(_position: number): void {
    if (takeIdle(this.#idleFlag)) this.#body?.port.postMessage({ kind: 'appended' })
  }

  /** Answers within the time-out, with what was last known when the thread does not. */
  async status(): Promise<BridgeReport> {
    const { state } = this.#thread
    if (state !== 'restarting' && state !== 'stopped') {
      try {
        const { connectors } = await this.#ask('status', null, this.#options.answerTimeoutMs ?? 1000)
        this.#known = connectors
        return { thread: this.#thread, connectors }
      } catch (thrown) {
        // It may have ended while it was asked; then that is why.
        if (this.#body !== null && this.#thread.state === 'running')
          this.#become('blocked', TrestleError.from(thrown).message)
      }
    }
    return { thread: this.#thread, connectors: this.#known.map((known) => outOfReach(known, this.#thread)) }
  }

  async pause(name: string): Promise<void> {
    await this.#short('pause', name)
  }

  async resume(name: string): Promise<void> {
    await this.#short('resume', name)
  }

  /** Starts one more; `slot` its sink's place in the journal's tail. A restarted thread has it too. */
  async add(settings: ConnectorSettings, slot: number): Promise<void> {
    await this.#short('add', { settings, slot })
    this.#connectors = [...this.#connectors.filter(({ name }) => name !== settings.name), settings]
    const known = this.#known.filter(({ name }) => name !== settings.name)
    this.#known = [...known, unknownYet(settings.name, settings.type)]
    if (slot === this.#tailSinks.length) this.#tailSinks = [...this.#tailSinks, settings.name]
  }

  /** Ends one. What it is owed is kept, or dropped: answers how many were. */
  async remove(name: string, discard: boolean): Promise<number> {
    const dropped = await this.#ask('remove', { name, slot: this.#tailSinks.indexOf(name), discard }, null)
    const left = { name, type: null, options: {}, sink: true, sources: [] }
    const known = this.#connectors.find((one) => one.name === name)
    this.#connectors = this.#connectors.filter((one) => one.name !== name)
    this.#known = this.#known.filter((one) => one.name !== name)
    if (known?.sink !== false) this.#connectors = [...this.#connectors, left]
    return dropped
  }

  /** Tries a connector's real path. Takes as long as the far side needs. */
  probe(name: string): Promise<readonly ProbeStep[]> {
    return this.#ask('probe', name, null)
  }

  get #maxSilenceMs(): number {
    return this.#options.maxSilenceMs ?? 60_000
  }

  #launch(onStarted: () => void = () => {}, onFailed: (error: TrestleError) => void = () => {}): void {
    const { folders, hub, makeBody = threadBody, modules, tail, timing } = this.#options
    Atomics.store(this.#idleFlag, 0, 0)
    const body = makeBody()
    this.#body = body
    this.#become('starting', null)
    const startedMs = performance.now()
    const arrivals = new Arrivals(this.#takers, (answer) => {
      if (this.#body === body) body.port.postMessage(answer)
    })
    body.port.on('message', (message) => {
      // What an ended thread had still to say is heard, but for its questions: nobody is there for the answer.
      if (message.kind === 'failed') onFailed(fromWire(message.error))
      else if (message.kind !== 'started') this.#hear(arrivals, message)
      else {
        this.#heardMs = performance.now()
        this.#become('running', null)
        onStarted()
      }
    })
    body.onEnd((why) => {
      if (this.#body !== body) return
      if (performance.now() - startedMs > steadyMs) this.#failures = 0
      onFailed(new TrestleError('E999', `connector thread ended: ${why ?? 'by itself'}`))
      this.#ended(why ?? 'it ended by itself')
    })
    const start = {
      hub,
      folders,
      maxDeadLetterBytes: this.#options.maxDeadLetterBytes ?? Number.POSITIVE_INFINITY,
      tail,
      tailSinks: this.#tailSinks,
      settled: this.#settled,
      idle: this.#idle,
      modules,
      connectors: this.#connectors,
      timing: { ...defaultTiming, ...timing },
    }
    body.port.postMessage({ kind: 'start', start })
  }

  #ended(why: string): void {
    this.#body = null
    const waitMs = Math.max(1, backOffMs(++this.#failures, Math.random))
    this.#thread.restarts++
    this.#become('restarting', why)
    this.#options.events.emit('connector-thread.ended', { why, nextTryMs: Date.now() + waitMs })
    this.#questions.rejectAll(new TrestleError('E608', `connector thread ended: ${why}`))
    this.#restart = setTimeout(() => this.#launch(), waitMs)
  }

  #hear(arrivals: Arrivals, message: Exclude<FromHost, { kind: 'started' | 'failed' }>): void {
    this.#heardMs = performance.now()
    const { events, log } = this.#options
    switch (message.kind) {
      case 'answer':
        if (this.#thread.state === 'blocked') this.#become('running', null)
        this.#questions.answered(message.id, message.answer, message.error)
        break
      case 'receipts':
        for (const { position, error, sink } of message.receipts)
          this.#onReceipt(position, error === null ? null : fromWire(error), sink)
        break
      case 'low-water':
        this.#onLowWater(message.position)
        break
      case 'event':
        events.emit(message.name, message.facts)
        break
      case 'log':
        log.note(message.level, message.event, message.facts)
        break
      default:
        arrivals.hear(message)
    }
  }

  #short<Word extends ControlWord>(word: Word, ask: ControlTable[Word]['ask']): Promise<ControlTable[Word]['answer']> {
    return this.#ask(word, ask, shortMs)
  }

  async #ask<Word extends ControlWord>(
    word: Word,
    ask: ControlTable[Word]['ask'],
    limitMs: number | null,
  ): Promise<ControlTable[Word]['answer']> {
    const body = this.#body
    if (body === null) throw new TrestleError('E608', `connector thread does not run: ${this.#thread.why ?? 'stopped'}`)
    return (await this.#questions.ask(body.port, word, ask, limitMs)) as ControlTable[Word]['answer']
  }

  /** Asks the thread for a sign of life, and ends one that has given none for too long. */
  #look(): void {
    if (this.#body === null || this.#thread.state === 'starting') return
    if (performance.now() - this.#heardMs > this.#maxSilenceMs) void this.#body.terminate()
    else void this.status()
  }

  #become(state: ThreadReport['state'], why: string | null): void {
    const sinceMs = state === this.#thread.state ? this.#thread.sinceMs : Date.now()
    this.#thread = { ...this.#thread, state, why, sinceMs }
  }
}
