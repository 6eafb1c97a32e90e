const windowMs = 50
const trialMs = 100
const keepMs = 2000
const minBackOffMs = 500
const maxBackOffMs = 16_000
/** A commit of so many records costs little per record already. */
const enoughRecords = 64
const worthwhileRecords = 1.2
/** Spacing stays while at least so much of the earlier rate arrives. */
const keptShare = 0.8
const immediateMs = 0.5

/**
 * Decides how far apart commits start. A commit costs 60 to 100 µs of CPU whatever is in it, so when many publishers
 * send a little each, waiting up to `maxMs` makes one commit of many. A publisher that sends only after its
 * acknowledgement must not be held up; it cannot be told from the others by one batch, so spacing is tried for a moment
 * and kept only while it does not lower the rate. Pure: all times are handed in.
 */
export class CommitSpacing {
  /** Whoever appends keeps the commits apart himself: each may start at once. */
  isPaced = false
  readonly #maxMs: number
  #phase: 'off' | 'trial' | 'on' = 'off'
  #lastStartMs = Number.NEGATIVE_INFINITY
  #windowStartMs = 0
  #commits = 0
  #records = 0
  #baseRate = 0
  #untilMs = 0
  #backOffMs = minBackOffMs

  constructor(maxMs: number) {
    this.#maxMs = maxMs
  }

  get spaced(): boolean {
    return this.#phase !== 'off'
  }

  /** How long the next commit is to wait; 0 when it may start. With nobody waiting it may always take its time. */
  waitMs(nowMs: number, waiting: number): number {
    if (this.#maxMs === 0 || this.isPaced || (this.#phase === 'off' && waiting > 0)) return 0
    const wait = this.#lastStartMs + this.#maxMs - nowMs
    return wait < immediateMs ? 0 : wait
  }

  /** A commit of so many records starts. */
  started(nowMs: number, records: number): void {
    this.#lastStartMs = nowMs
    this.#commits += 1
    this.#records += records
    const tookMs = nowMs - this.#windowStartMs
    if (tookMs < (this.#phase === 'trial' ? trialMs : windowMs)) return
    // A window with a long silence in it says nothing.
    if (tookMs < 2 * trialMs) this.#judge(nowMs, tookMs)
    this.#windowStartMs = nowMs
    this.#commits = 0
    this.#records = 0
  }

  #judge(nowMs: number, tookMs: number): void {
    const rate = this.#records / tookMs
    const perCommit = this.#records / this.#commits
    if (this.#phase === 'off') {
      const saves = this.#commits / tookMs > 1.2 / this.#maxMs
      if (nowMs < this.#untilMs || !saves || perCommit < worthwhileRecords || perCommit > enoughRecords) return
      this.#phase = 'trial'
      this.#baseRate = rate
    } else if (this.#phase === 'trial') {
      const kept = rate >= keptShare * this.#baseRate
      this.#phase = kept ? 'on' : 'off'
      this.#untilMs = nowMs + (kept ? keepMs : this.#backOffMs)
      this.#backOffMs = kept ? minBackOffMs : Math.min(maxBackOffMs, this.#backOffMs * 2)
    } else if (nowMs >= this.#untilMs || perCommit < worthwhileRecords) {
      this.#phase = 'off'
    }
  }
}
