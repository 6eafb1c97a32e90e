import type { Turn } from './turn.ts'

const windowMs = 25
/** More turns a second than this are worth making fewer of … */
const manyTurnsPerMs = 1.5
/** … while a turn reads few sockets. */
const fewReads = 16
const trialWindows = 2
const keepMs = 2000
/** The pause stays while at least so much of the bytes still arrives. */
const keptShare = 0.93
const minBackOffMs = 500
const maxBackOffMs = 16_000
/** Below this there is nothing to merge. */
const idleReadsPerMs = 0.8

/**
 * Interrupt moderation for the event loop. Many devices that each send a little wake the loop for every message, and a
 * wake-up costs more than the message; a short sleep between two polls lets one poll find several sockets. A client that
 * sends only after its answer would be held up by it, and nothing tells such a client from the others but the bytes
 * that arrive: so the sleep is tried, and kept only while as much arrives as before.
 *
 * *Unit*: `budgetMs` is the latency it may add; 0 switches it off. Clock and sleep are handed in by tests.
 */
export class Pacing {
  /** Whether turns are paced now. */
  isOn = false
  readonly #turn: Pick<Turn, 'flush'>
  readonly #budgetMs: number
  readonly #clock: () => number
  readonly #sleep: (ms: number) => void
  #isScheduled = false
  #phase: 'off' | 'trial' | 'on' = 'off'
  #windowStartMs = 0
  #turns = 0
  #reads = 0
  #bytes = 0
  #baseRate = 0
  #windows = 0
  #untilMs = 0
  #backOffMs = minBackOffMs

  constructor(
    turn: Pick<Turn, 'flush'>,
    budgetMs: number,
    clock: () => number = () => performance.now(),
    sleep: (ms: number) => void = sleepThread,
  ) {
    this.#turn = turn
    this.#budgetMs = budgetMs
    this.#clock = clock
    this.#sleep = sleep
  }

  /** A socket has been read and what came has been handled. */
  read(bytes: number): void {
    this.#reads++
    this.#bytes += bytes
    if (this.#isScheduled || this.#budgetMs === 0) return
    this.#isScheduled = true
    setImmediate(this.#atTurnEnd)
  }

  /** All sockets of this poll have been read. */
  readonly #atTurnEnd = (): void => {
    this.#isScheduled = false
    this.endTurn()
  }

  /** What the turn has to write leaves before the sleep. */
  endTurn(): void {
    this.#turns++
    const nowMs = this.#clock()
    const tookMs = nowMs - this.#windowStartMs
    if (tookMs >= windowMs) this.#judge(nowMs, tookMs)
    if (!this.isOn || this.#budgetMs === 0) return
    this.#turn.flush()
    this.#sleep(this.#budgetMs)
  }

  #judge(nowMs: number, tookMs: number): void {
    // A window with a long silence in it says nothing but that there is no hurry.
    if (tookMs > 4 * windowMs) this.#become('off')
    else if (this.#phase === 'off') this.#judgeIdle(nowMs, tookMs)
    else if (this.#phase === 'trial') this.#judgeTrial(nowMs, tookMs)
    else if (nowMs >= this.#untilMs || this.#reads < idleReadsPerMs * tookMs) this.#become('off')
    this.#windowStartMs = nowMs
    this.#turns = 0
    this.#reads = 0
    this.#bytes = 0
  }

  #judgeIdle(nowMs: number, tookMs: number): void {
    const isWorthIt = this.#turns > manyTurnsPerMs * tookMs && this.#reads < fewReads * this.#turns
    if (!isWorthIt || nowMs < this.#untilMs) return
    this.#baseRate = this.#bytes / tookMs
    this.#windows = 0
    this.#become('trial')
  }

  #judgeTrial(nowMs: number, tookMs: number): void {
    if (this.#bytes < keptShare * this.#baseRate * tookMs) {
      this.#become('off')
      this.#untilMs = nowMs + this.#backOffMs
      this.#backOffMs = Math.min(maxBackOffMs, this.#backOffMs * 2)
    } else if (++this.#windows === trialWindows) {
      this.#become('on')
      this.#untilMs = nowMs + keepMs
      this.#backOffMs = minBackOffMs
    }
  }

  #become(phase: 'off' | 'trial' | 'on'): void {
    this.#phase = phase
    this.isOn = phase !== 'off'
  }
}

const cell = new Int32Array(new SharedArrayBuffer(4))

/** Sleeps the thread: nobody ever wakes this cell. */
const sleepThread = (ms: number): void => {
  Atomics.wait(cell, 0, 0, ms)
}
