import type { CursorState, DropReason, Fate, FateCounts } from './cursor.ts'

/** Counts how the deliveries of one sink ended, by rule; carried from run to run by the cursor. */
export class FateLedger {
  settled: number
  settledBytes: number
  /** By reason. */
  readonly drops: Record<string, number>
  readonly #byRule = new Map<string, FateCounts>()
  #lastRule: string | null = null
  #lastCounts: FateCounts = { delivered: 0, deadLettered: 0, dropped: 0, expired: 0 }

  constructor(start: CursorState) {
    this.settled = start.settled
    this.settledBytes = start.settledBytes
    this.drops = { ...start.drops }
    for (const [rule, counts] of Object.entries(start.byRule)) this.#byRule.set(rule, { ...counts })
  }

  count(rule: string, fate: Fate, bytes: number): void {
    this.settled++
    this.settledBytes += bytes
    // Neighbours nearly always belong to the same rule.
    if (rule !== this.#lastRule) this.#turnTo(rule)
    this.#lastCounts[fate]++
  }

  drop(rule: string, reason: DropReason, bytes: number): void {
    this.count(rule, 'dropped', bytes)
    this.drops[reason] = (this.drops[reason] ?? 0) + 1
  }

  byRule(): Record<string, FateCounts> {
    const all: Record<string, FateCounts> = {}
    for (const [rule, counts] of this.#byRule) all[rule] = { ...counts }
    return all
  }

  #turnTo(rule: string): void {
    let counts = this.#byRule.get(rule)
    if (counts === undefined) {
      counts = { delivered: 0, deadLettered: 0, dropped: 0, expired: 0 }
      this.#byRule.set(rule, counts)
    }
    this.#lastRule = rule
    this.#lastCounts = counts
  }
}
