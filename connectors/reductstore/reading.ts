import type { Position } from './positions.ts'

/** What the server says of an entry. */
export interface EntryInfo {
  readonly name: string
  readonly record_count: number
  /** *Unit*: µs since the epoch. */
  readonly oldest_record: number
  readonly latest_record: number
}

/** A record that is still being written is waited for so long before what is newer may pass it. *Unit*: ms. */
const unfinishedMs = 1000

/** Records of one entry handed to the hub together, in the order they were handed in. */
interface Handed {
  readonly timestamps: readonly number[]
  safe: boolean
}

/**
 * How far one entry is read. In time it looks so, `high` being the newest timestamp handed to the hub, `mark` that up
 * to which all are safe in it:
 *
 *     … done …│ look back: late records are still looked for │ handed in, not yet safe │ not read yet
 *              mark − look_back                              mark                      high
 *
 * The server tells how many records an entry has. Where this does not fit what was read, a record came late, or was
 * still being written while a newer one was read, and the stretch behind is looked through again for a while.
 */
export class Reading {
  readonly entry: string
  readonly #position: Position
  readonly #lookBackUs: number
  /** Handed in and not known to be safe. */
  readonly #out = new Set<number>()
  readonly #handed: Handed[] = []
  high: number
  /** What the server said when this was last read to its end; null before that. */
  #seen: { count: number; latest: number } | null = null
  /** Until when the stretch behind is looked through, and when next. *Unit*: ms. */
  #suspectUntilMs: number
  #nextLookMs = 0
  /** Records the server counts and does not give yet: they are still being written. */
  #missing = 0
  /** Newest timestamps the server named while some were missing, and when. */
  #tips: { latest: number; sinceMs: number }[] = []

  constructor(entry: string, position: Position, lookBackMs: number, nowMs: number) {
    this.entry = entry
    this.#position = position
    this.#lookBackUs = lookBackMs * 1000
    this.high = position.mark
    // Who was away does not know what came late meanwhile.
    this.#suspectUntilMs = nowMs + lookBackMs
  }

  /** Whether there may be something new; `from` and `to` are the stretch to read, both included. */
  wants(info: EntryInfo, nowMs: number): { from: number; to: number; lookBack: boolean } | null {
    const { latest_record: latest, record_count: count } = info
    if (count === 0) return null
    const due = nowMs >= this.#nextLookMs && nowMs < this.#suspectUntilMs
    if (due || (this.#seen !== null && this.#seen.count !== count && latest <= this.high)) {
      return { from: this.#oldest(), to: Math.max(latest, this.high), lookBack: true }
    }
    return latest > this.high ? { from: this.high + 1, to: latest, lookBack: false } : null
  }

  /** Whether a record is to be taken: new, or late and not seen before. */
  takes(timestamp: number): boolean {
    if (this.#position.safe.has(timestamp) || this.#out.has(timestamp)) return false
    return timestamp > this.high || timestamp >= this.#oldest()
  }

  hand(timestamps: readonly number[]): Handed {
    const handed = { timestamps, safe: false }
    this.#handed.push(handed)
    for (const timestamp of timestamps) {
      this.#out.add(timestamp)
      if (timestamp > this.high) this.high = timestamp
    }
    return handed
  }

  /** These are safe in the hub; answers up to where all are. */
  settle(handed: Handed): number {
    handed.safe = true
    for (const timestamp of handed.timestamps) this.#out.delete(timestamp)
    let mark = this.#position.mark
    while (this.#handed[0]?.safe)
      for (const timestamp of this.#handed.shift()!.timestamps) mark = Math.max(mark, timestamp)
    // A late record that is still out lies before the mark: the look back finds it again should it be lost.
    return mark
  }

  /**
   * A stretch was read to its end; `records` were new. Null when that cannot be compared with what the server counts (a
   * condition hides records).
   */
  finished(info: EntryInfo, records: number | null, lookBack: boolean, nowMs: number, lookBackMs: number): void {
    const { latest_record: latest, record_count: count } = info
    const before = this.#seen
    this.#seen = { count, latest }
    if (lookBack) this.#nextLookMs = nowMs + Math.max(1000, lookBackMs / 2)
    const expected = before === null ? null : count - before.count + this.#missing
    const fits = records !== null && (expected === null ? this.high >= latest : expected === records)
    if (fits) {
      this.#missing = 0
      this.#tips = []
      if (latest > this.high) this.high = latest
      return
    }
    this.#missing = records === null || expected === null ? 0 : Math.max(0, expected - records)
    if (records !== null || before?.count !== count) this.#suspectUntilMs = nowMs + lookBackMs
    this.#pass(latest, nowMs)
  }

  /** What is newer passes what is missing when that has had its time; the look back may still find it. */
  #pass(latest: number, nowMs: number): void {
    if (this.#tips.at(-1)?.latest !== latest) this.#tips.push({ latest, sinceMs: nowMs })
    while (this.#tips.length > 0 && this.#tips[0]!.sinceMs <= nowMs - unfinishedMs) {
      const tip = this.#tips.shift()!
      if (tip.latest <= this.high) continue
      this.high = tip.latest
      this.#missing = 0
    }
  }

  /** Nothing is on its way: all up to `high` is safe. */
  get isSettled(): boolean {
    return this.#handed.length === 0
  }

  get mark(): number {
    return this.#position.mark
  }

  #oldest(): number {
    return Math.max(this.#position.floor, this.#position.mark - this.#lookBackUs)
  }
}
