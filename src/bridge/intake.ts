import type { Intake, Source } from '../contract/connector.ts'
import { TrestleError } from '../contract/error.ts'
import type { Message } from '../contract/message.ts'
import { notDelivered, type Receipt } from '../contract/receipt.ts'
import type { BridgeTiming } from './boundary.ts'
import { encodeBatch } from './intake-batch.ts'
import type { Link } from './link.ts'
import { backOffMs, type ReconnectGovernor } from './retry.ts'
import { Signal, within } from './signal.ts'

/** Carries a batch to the main thread; resolves with one Receipt per message. */
export type SendBatch = (source: string, batch: ArrayBuffer) => Promise<readonly Receipt[]>

interface Taken {
  readonly messages: readonly Message[]
  readonly answer: (receipts: readonly Receipt[]) => void
}

/** Gathers what sources hand in during one turn of the loop and sends it as one transferred buffer. */
export class TurnIntake {
  /** Messages taken since the start. */
  taken = 0
  readonly #source: string
  readonly #send: SendBatch
  #turn: Taken[] = []

  constructor(source: string, send: SendBatch) {
    this.#source = source
    this.#send = send
  }

  take(messages: readonly Message[]): Promise<readonly Receipt[]> {
    if (messages.length === 0) return Promise.resolve([])
    this.taken += messages.length
    return new Promise((answer) => {
      if (this.#turn.push({ messages, answer }) === 1) setImmediate(() => void this.#flush())
    })
  }

  async #flush(): Promise<void> {
    const turn = this.#turn
    this.#turn = []
    const messages = turn.length === 1 ? turn[0]!.messages : turn.flatMap((taken) => taken.messages)
    let receipts: readonly Receipt[]
    try {
      receipts = await this.#send(this.#source, encodeBatch(messages))
      if (receipts.length !== messages.length) throw new TrestleError('E999', 'a receipt is missing')
    } catch (thrown) {
      const receipt = notDelivered(TrestleError.from(thrown))
      receipts = messages.map(() => receipt)
    }
    let at = 0
    for (const taken of turn) {
      taken.answer(receipts.slice(at, at + taken.messages.length))
      at += taken.messages.length
    }
  }
}

export interface SourceLoopOptions {
  name: string
  makeSource: () => Promise<Source>
  intake: TurnIntake
  link: Link
  governor: ReconnectGovernor
  timing: BridgeTiming
  random: () => number
  now: () => number
}

/** One loop per source: keeps it open, and makes a new one when it says that it lost its far side. */
export class SourceLoop {
  readonly #options: SourceLoopOptions
  readonly #signal = new Signal()
  #source: Source | null = null
  /** Why the open source must be closed and made anew. */
  #lost: TrestleError | null = null
  #paused = false
  #stopped = false
  #failures = 0
  #done: Promise<void> = Promise.resolve()

  constructor(options: SourceLoopOptions) {
    this.#options = options
  }

  /** Messages taken since the start. */
  get taken(): number {
    return this.#options.intake.taken
  }

  start(): void {
    this.#done = this.#run()
  }

  pause(): void {
    this.#paused = true
    this.#options.link.pause()
    this.#source?.pause()
    this.#signal.set()
  }

  resume(): void {
    this.#paused = false
    this.#options.link.resume()
    this.#source?.resume()
    // It was open all the while: holding the flow does not close it.
    if (this.#source !== null) this.#options.link.opened()
    this.#signal.set()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#options.link.stop()
    this.#signal.set()
    await this.#done
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      if (this.#lost !== null) await this.#giveUp(this.#lost)
      else if (this.#paused || this.#source !== null) await this.#signal.wait(null)
      else await this.#open()
    }
    if (this.#source !== null) await this.#close(this.#source)
  }

  async #open(): Promise<void> {
    const { governor, intake, link, makeSource, name, now, random, timing } = this.#options
    let source: Source | null = null
    let release = (): void => {}
    try {
      source = await makeSource()
      release = await governor.acquire()
      const late = (): TrestleError =>
        new TrestleError('E601', `${name} did not open within ${timing.openTimeoutMs} ms`)
      await within(source.open(this.#doorFor(() => source)), timing.openTimeoutMs, late)
      this.#source = source
      this.#failures = 0
      link.opened()
      if (this.#paused) source.pause()
    } catch (thrown) {
      const waitMs = Math.max(1, backOffMs(++this.#failures, random))
      link.failed(TrestleError.from(thrown, 'E601'), now() + waitMs)
      release()
      if (source !== null) await this.#close(source)
      await this.#signal.wait(waitMs)
    } finally {
      release()
    }
  }

  /** The door into the hub for one source: what an earlier one still says no longer counts. */
  #doorFor(source: () => Source | null): Intake {
    const { intake } = this.#options
    return {
      take: (messages) => intake.take(messages),
      lost: (error) => {
        if (this.#source === null || this.#source !== source()) return
        this.#lost ??= error
        this.#signal.set()
      },
    }
  }

  async #giveUp(error: TrestleError): Promise<void> {
    const { link, now, random } = this.#options
    const source = this.#source!
    this.#source = null
    this.#lost = null
    const waitMs = Math.max(1, backOffMs(++this.#failures, random))
    link.failed(error, now() + waitMs)
    await this.#close(source)
    await this.#signal.wait(waitMs)
  }

  async #close(source: Source): Promise<void> {
    const { link, name, timing } = this.#options
    try {
      const late = (): TrestleError =>
        new TrestleError('E608', `${name} did not close within ${timing.closeTimeoutMs} ms`)
      await within(source.close(), timing.closeTimeoutMs, late)
    } catch (thrown) {
      link.note(TrestleError.from(thrown, 'E608'), null)
    }
  }
}
