import type { Turn } from './turn.ts'

const windowMs = 25
/** More turns a second than this are worth making fewer of … */
const manyTurnsPerMs = 1.5
/** … while a turn reads few sockets. */
const fewReads = 16
const trialWindows = 2
/** How long the pause is kept after a trial, and at most after several that went well one after the other. */
const minKeepMs = 2000
const maxKeepMs = 8000
/** The pause stays while at least so much of the bytes still arrives. */
const keptShare = 0.93
const minBackOffMs = 500
const maxBackOffMs = 16_000
/** Below this there is nothing to merge. */
const idleReadsPerMs = 0.8
/** A shorter sleep costs more than it saves. */
const minSleepMs = 0.1

/** Whoever makes messages durable, as the pacing sees it: while most turns wait for it, the sleep is spent on it. */
export interface Storing {
  /** Somebody waits for a commit. */
  readonly isAwaited: boolean
  /** How long commits may be apart, and so turns that store. *Unit*: ms; 0: not at all. */
  readonly spacingMs: number
  /** Told when turns are spaced so, and commits need not be. */
  isPaced: boolean
  /** Sleeps until the commit under way is back and who waited has been told, at most so long. */
  awaitCommit(maxMs: number): void
}

/** Turns that store are spaced as commits are when at least so many of them have someone waiting. */
const storingShare = 0.75

/**
 * Interrupt moderation for the event loop. Many devices that each send a little wake the loop for every message, and a
 * wake-up costs more than the message; a short sleep between two polls lets one poll find several sockets. A client that
 * sends only after its answer would be held up by it, and nothing tells such a client from the others but the bytes
 * that arrive: so the sleep is tried, and kept only while as much arrives as before.
 *
 * Where nearly all that comes is stored before it is answered, commits would be kept apart anyway: then the turns are,
 * each ends with its commit, and the answers leave when that is back.
 *
 * *Unit*: `budgetMs` is the latency it may add; 0 switches it off. Clock and sleep are handed in by tests.
 */
export class Pacing {
  /** Whether turns are paced now. */
  isOn = false
  /** Who stores what comes in, when somebody does. */
  storing: Storing | null = null
  #isStoring = false
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
  /** Turns after which somebody waited for a commit. */
  #awaited = 0
  #wokeMs = 0
  #baseRate = 0
  #windows = 0
  #untilMs = 0
  #backOffMs = minBackOffMs
  #keepMs = minKeepMs

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
    if (this.storing?.isAwaited) this.#awaited++
    const nowMs = this.#clock()
    const tookMs = nowMs - this.#windowStartMs
    if (tookMs >= windowMs) this.#judge(nowMs, tookMs)
    if (!this.isOn || this.#budgetMs === 0) return
    this.#turn.flush()
    if (this.#isStoring) this.#endStoringTurn(this.storing!)
    else this.#sleep(this.#budgetMs)
  }

  /** The answers leave as soon as the commit is back; what is left of the time is slept. */
  #endStoringTurn(storing: Storing): void {
    const { spacingMs } = storing
    storing.awaitCommit(spacingMs)
    this.#turn.flush()
    const restMs = this.#wokeMs + spacingMs - this.#clock()
    if (restMs > minSleepMs) this.#sleep(restMs)
    this.#wokeMs = this.#clock()
  }

  #judge(nowMs: number, tookMs: number): void {
    // A window with a long silence in it says nothing but that there is no hurry.
    if (tookMs > 4 * windowMs) this.#become('off')
    else if (this.#phase === 'off') this.#judgeIdle(nowMs, tookMs)
    else if (this.#phase === 'trial') this.#judgeTrial(nowMs, tookMs)
    else if (nowMs >= this.#untilMs || this.#reads < idleReadsPerMs * tookMs) this.#become('off')
    this.#judgeStoring()
    this.#windowStartMs = nowMs
    this.#turns = 0
    this.#awaited = 0
    this.#reads = 0
    this.#bytes = 0
  }

  #judgeStoring(): void {
    const { storing } = this
    if (storing === null) return
    const isStoring = this.isOn && storing.spacingMs > 0 && this.#awaited >= storingShare * this.#turns
    if (isStoring === this.#isStoring) return
    this.#isStoring = isStoring
    storing.isPaced = isStoring
    this.#wokeMs = this.#clock()
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
      this.#keepMs = minKeepMs
    } else if (++this.#windows === trialWindows) {
      this.#become('on')
      this.#untilMs = nowMs + this.#keepMs
      this.#keepMs = Math.min(maxKeepMs, this.#keepMs * 2)
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
