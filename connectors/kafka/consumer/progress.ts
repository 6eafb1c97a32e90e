import type { Receipt } from 'trestle/contract'

/** Records of one partition that were handed in together. */
export interface Run {
  /** Offset of each, in their order. */
  readonly offsets: readonly number[]
  settled: boolean
}

/**
 * How far one partition was handed in and answered. What may be stored upstream is the offset below which everything
 * is answered: a later answer never uncovers an earlier gap.
 */
export class Progress {
  /** Offset of the next record to hand in. */
  next: number
  /** What the group has stored, as far as is known; -1: nothing. */
  committed: number
  /** What was sent to be stored last; its answer may have been lost. */
  attempted: number
  /** A record was not taken: nothing from it on counts. */
  failed = false
  #runs: Run[] = []
  #failedAt = 0
  #rested: (() => void)[] = []

  constructor(next: number, committed: number) {
    this.next = next
    this.committed = committed
    this.attempted = committed
  }

  /** The offset that may be stored: everything below it is answered. */
  get done(): number {
    const [oldest] = this.#runs
    const done = oldest === undefined ? this.next : oldest.offsets[0]!
    return this.failed ? Math.min(done, this.#failedAt) : done
  }

  /** Everything handed in is answered. */
  get isResting(): boolean {
    return this.#runs.length === 0
  }

  /** Records were handed in, at least one; reading goes on at `nextOffset`. */
  handedIn(offsets: readonly number[], nextOffset: number): Run {
    const run: Run = { offsets, settled: false }
    this.#runs.push(run)
    this.next = nextOffset
    return run
  }

  /** There was nothing for a reader up to here: control batches, aborted transactions, what compaction removed. */
  skipTo(offset: number): void {
    if (offset > this.next) this.next = offset
  }

  /** `receipts` from `first` on are those of the run. */
  settle(run: Run, receipts: readonly Receipt[], first: number): void {
    run.settled = true
    for (let at = 0; at < run.offsets.length; at++) {
      const outcome = receipts[first + at]?.outcome ?? 'failed'
      if (outcome !== 'failed') continue
      const offset = run.offsets[at]!
      this.#failedAt = this.failed ? Math.min(this.#failedAt, offset) : offset
      this.failed = true
      break
    }
    while (this.#runs[0]?.settled) this.#runs.shift()
    if (this.#runs.length > 0) return
    for (const rested of this.#rested) rested()
    this.#rested = []
  }

  /** Resolves when everything handed in is answered, or after `maxMs`; answers which. */
  rest(maxMs: number): Promise<boolean> {
    if (this.isResting) return Promise.resolve(true)
    return new Promise((done) => {
      const timer = setTimeout(() => done(false), maxMs)
      this.#rested.push(() => {
        clearTimeout(timer)
        done(true)
      })
    })
  }
}
