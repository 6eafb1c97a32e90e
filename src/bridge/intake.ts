/**
 * One loop per source: open, let it flow, make a new one when it says that it lost its far side.
 *
 * Promises: whatever the source does (throw, hang, lose its far side while it opens, again and again), the loop goes on
 * with a back-off; what it handed in is answered before it is closed; a record that the hub may not drop and cannot
 * take holds the source, closed, with the reason shown, and is tried again slowly.
 * Does not: carry messages (`source-door` does, `arrivals` is main's end), nor decide what becomes of them (the hub).
 */
import type { Source } from '../contract/connector.ts'
import { TrestleError } from '../contract/error.ts'
import type { BridgeTiming, IntakeOrder } from './boundary.ts'
import type { Link } from './link.ts'
import { backOffMs, type ReconnectGovernor } from './retry.ts'
import { Patience, Signal, within } from './signal.ts'
import { type IntakeLine, SourceDoor } from './source-door.ts'

export interface SourceLoopOptions {
  /** Names it in the log; for main it is the source. */
  name: string
  makeSource: () => Promise<Source>
  onRefused: IntakeOrder['onRefused']
  line: IntakeLine
  link: Link
  governor: ReconnectGovernor
  timing: BridgeTiming
  log: (level: 'warn' | 'error', event: string, facts: Record<string, unknown>) => void
  random: () => number
  now: () => number
}

/** A source that was open for so long without a message has got over what was wrong before. */
const steadyMs = 5_000

interface Ending {
  readonly error: TrestleError
  /** A record stands in the way. */
  readonly held: boolean
}

export class SourceLoop {
  /** Messages that have come in and are dealt with, since the start. */
  taken = 0
  readonly #options: SourceLoopOptions
  readonly #signal = new Signal()
  readonly #epochs = { last: 0 }
  /** The one that is open. */
  #source: Source | null = null
  #paused = false
  #stopped = false
  /** Openings in a row after which nothing came in. */
  #failures = 0
  #done: Promise<void> = Promise.resolve()
  readonly #opening = new Patience()

  constructor(options: SourceLoopOptions) {
    this.#options = options
  }

  get link(): Link {
    return this.#options.link
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
    if (!this.#paused) return
    this.#paused = false
    this.#failures = 0
    this.#options.link.resume()
    // It was open all the while: holding the flow does not close it.
    if (this.#source !== null) {
      this.#source.resume()
      this.#options.link.opened()
    }
    this.#signal.set()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#options.link.stop()
    this.#opening.end(new TrestleError('E902', `${this.#options.name} is stopped`))
    this.#signal.set()
    await this.#done
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      if (this.#paused) await this.#signal.wait(null)
      else await this.#live()
    }
  }

  /** From one opening to its end. Whatever goes wrong inside ends here. */
  async #live(): Promise<void> {
    const takenBefore = this.taken
    const openedMs = this.#options.now()
    const { promise: ended, resolve: end } = Promise.withResolvers<Ending>()
    const door = this.#door(end)
    let source: Source | null = null
    let ending: Ending | null
    try {
      source = await this.#options.makeSource()
      ending = (await this.#open(source, door, ended)) ?? (await this.#flow(ended))
    } catch (thrown) {
      ending = { error: TrestleError.from(thrown, 'E601'), held: false }
    }
    this.#source = null
    if (this.taken > takenBefore || this.#options.now() - openedMs >= steadyMs) this.#failures = 0
    // The standing is told first, then waited for: a source that hangs in closing must not hide what is wrong.
    const waitMs = ending === null ? 0 : this.#failed(ending)
    await this.#close(source, door, ending)
    await this.#rest(waitMs)
  }

  #door(end: (ending: Ending) => void): SourceDoor {
    const { line, link, name, now, onRefused, random } = this.#options
    return new SourceDoor({
      name,
      onRefused,
      line,
      epochs: this.#epochs,
      random,
      now,
      onEnd: (error, held) => end({ error, held }),
      onTrouble: (error, nextTryMs) => link.hold(error, nextTryMs),
      onSettled: (messages) => {
        this.taken += messages
      },
    })
  }

  /** Answers how it ended already: a source may lose its far side while it opens. */
  async #open(source: Source, door: SourceDoor, ended: Promise<Ending>): Promise<Ending | null> {
    const { governor, name, timing } = this.#options
    const release = await governor.acquire()
    try {
      if (this.#paused || this.#stopped) return null
      const late = (): TrestleError =>
        new TrestleError('E601', `${name} did not open within ${timing.openTimeoutMs} ms`)
      const opened = within(source.open(door), timing.openTimeoutMs, late).then(() => null)
      const ending = await this.#opening.wait(Promise.race([opened, ended]))
      if (ending === null) this.#source = source
      return ending
    } finally {
      release()
    }
  }

  /** While it is open; null when it was stopped. */
  async #flow(ended: Promise<Ending>): Promise<Ending | null> {
    if (this.#source === null) return null
    this.#options.link.opened()
    if (this.#paused) this.#source.pause()
    let ending: Ending | null = null
    void ended.then((told) => {
      ending = told
      this.#signal.set()
    })
    while (ending === null && !this.#stopped) await this.#signal.wait(null)
    return ending
  }

  /** Says so, and answers how long to wait before the next opening. */
  #failed({ error, held }: Ending): number {
    const { link, now, random, timing } = this.#options
    const waitMs = held ? timing.holdMs : Math.max(1, backOffMs(++this.#failures, random))
    link.failed(error, now() + waitMs)
    return waitMs
  }

  /** What is under way is answered first, so that it can still be acknowledged upstream. */
  async #close(source: Source | null, door: SourceDoor, ending: Ending | null): Promise<void> {
    const { log, name, timing } = this.#options
    try {
      if (source !== null && (ending === null || ending.held)) source.pause()
      await door.close(timing.closeTimeoutMs / 2)
      const late = (): TrestleError =>
        new TrestleError('E608', `${name} did not close within ${timing.closeTimeoutMs} ms and is left behind`)
      if (source !== null) await within(source.close(), timing.closeTimeoutMs, late)
    } catch (thrown) {
      log('warn', 'connector.close-failed', { connector: name, message: TrestleError.from(thrown).message })
    }
  }

  async #rest(waitMs: number): Promise<void> {
    const dueMs = this.#options.now() + waitMs
    for (let leftMs = waitMs; leftMs > 0 && !this.#paused && !this.#stopped; leftMs = dueMs - this.#options.now())
      await this.#signal.wait(leftMs)
  }
}
