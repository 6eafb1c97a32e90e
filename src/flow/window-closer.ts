import type { CompiledRule } from '../engine/compile.ts'
import type { LeftWindows } from '../engine/state/carry-over.ts'
import type { Gathered } from '../engine/state/gather-row.ts'
import type { GatherTable } from '../engine/state/gather-table.ts'

/** What a closer needs of the flow. Each answers false when the journal, or a full buffer, takes nothing now. */
export interface Emitter {
  /** Sends on what a rule has gathered. */
  emit(rule: CompiledRule, table: GatherTable, gathered: Gathered, isPartial: boolean): boolean
  /** Keeps as a dead letter what was gathered for a rule that is no more. */
  bury(table: GatherTable, gathered: Gathered): boolean
}

/** Its clock, and who takes what it closes. */
export interface WindowCloserOptions {
  readonly emitter: Emitter
  /** *Unit*: ms since the epoch. */
  readonly now: () => number
  /** Whether windows may be closed at all now. */
  readonly isReady?: () => boolean
  /** Without a timer somebody calls `closeDue`: a virtual clock. */
  readonly setTimer?: ((call: () => void, afterMs: number) => () => void) | null
}

/** The longest turn of the loop that closing windows may take. */
const maxTurnMs = 4
/** After the journal or a sink's buffer took nothing. */
const againMs = 100
/** However far the next window's end is, so that a clock that was set is noticed; no timer waits for more than 24 days, either. */
const lookAgainMs = 60_000

/** By the process's own timers. */
const timeOut = (call: () => void, afterMs: number): (() => void) => {
  const timer = setTimeout(call, Math.min(afterMs, lookAgainMs))
  return () => clearTimeout(timer)
}

/**
 * Closes windows when they are due, the oldest first, a few at a time; early where there is no room for more, or where
 * no rule fills them any more. A window that cannot be sent on now stays as it is until it can.
 */
export class WindowCloser {
  readonly #options: WindowCloserOptions
  readonly #setTimer: WindowCloserOptions['setTimer']
  /** Those that gather. */
  #rules: readonly CompiledRule[] = []
  #left: readonly LeftWindows[] = []
  #orphans: readonly GatherTable[] = []
  #cancel: (() => void) | null = null
  #timerMs = Number.POSITIVE_INFINITY
  #closed = false

  constructor(options: WindowCloserOptions) {
    this.#options = options
    this.#setTimer = options.setTimer === undefined ? timeOut : options.setTimer
  }

  /** Closes the windows of these rules from now on, and those that were left behind. */
  use(rules: readonly CompiledRule[], left: readonly LeftWindows[] = [], orphans: readonly GatherTable[] = []): void {
    this.#rules = rules.filter(({ state }) => state?.gather != null)
    this.#left = [...this.#left.filter(({ table }) => table.keys > 0), ...left]
    this.#orphans = [...this.#orphans.filter(({ keys }) => keys > 0), ...orphans]
    for (const { state } of this.#rules) {
      const table = state?.gather?.table
      if (table === undefined) continue
      table.onBegun = (dueMs) => this.#arm(dueMs)
      table.onCrowded = () => this.#arm(this.#options.now())
    }
    this.#armNext()
  }

  /**
   * Closes what is due by now, and what is too much; true when nothing is left to do. With a budget it stops when that is
   * spent. *Unit*: ms since the epoch, ms.
   */
  closeDue(nowMs: number = this.#options.now(), budgetMs: number = Number.POSITIVE_INFINITY): boolean {
    if (this.#options.isReady?.() === false) return false
    const untilMs = performance.now() + budgetMs
    let isDone = this.#closeLeft(untilMs)
    // One that waits for its sink does not hold up the others.
    for (const rule of this.#rules) isDone = this.#closeOf(rule, nowMs, untilMs) && isDone
    return isDone
  }

  /** When there is something to do next; Infinity when there is nothing. *Unit*: ms since the epoch. */
  get nextMs(): number {
    const isLeft = this.#left.some(({ table }) => table.keys > 0) || this.#orphans.some(({ keys }) => keys > 0)
    let nextMs = isLeft ? this.#options.now() : Number.POSITIVE_INFINITY
    for (const { state } of this.#rules) nextMs = Math.min(nextMs, state?.gather?.table.dueMs ?? nextMs)
    return nextMs
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
    this.#cancel = null
  }

  #closeOf(rule: CompiledRule, nowMs: number, untilMs: number): boolean {
    const table = rule.state?.gather?.table
    if (table === undefined) return true
    for (let gathered = table.nextDue(nowMs); gathered !== null; gathered = table.nextDue(nowMs)) {
      if (!this.#options.emitter.emit(rule, table, gathered, false) || performance.now() > untilMs) return false
    }
    for (let gathered = table.nextEarly(); gathered !== null; gathered = table.nextEarly()) {
      if (!this.#options.emitter.emit(rule, table, gathered, true)) return false
      table.early++
      if (performance.now() > untilMs) return false
    }
    return true
  }

  /** What is left stays listed: a write that fails brings back what was closed with it. */
  #closeLeft(untilMs: number): boolean {
    const { emitter } = this.#options
    let isDone = true
    for (const { rule, table } of this.#left) {
      isDone = drain(table, untilMs, (gathered) => emitter.emit(rule, table, gathered, true)) && isDone
    }
    for (const table of this.#orphans) {
      isDone = drain(table, untilMs, (gathered) => emitter.bury(table, gathered)) && isDone
    }
    return isDone
  }

  #armNext(): void {
    const { nextMs } = this
    if (nextMs !== Number.POSITIVE_INFINITY) this.#arm(nextMs)
  }

  #arm(dueMs: number): void {
    if (this.#closed || !this.#setTimer || dueMs >= this.#timerMs) return
    this.#cancel?.()
    this.#timerMs = dueMs
    this.#cancel = this.#setTimer(() => this.#turn(), Math.max(0, dueMs - this.#options.now()))
  }

  #turn(): void {
    this.#cancel = null
    this.#timerMs = Number.POSITIVE_INFINITY
    const startMs = performance.now()
    if (this.closeDue(this.#options.now(), maxTurnMs)) this.#armNext()
    else this.#arm(this.#options.now() + (performance.now() - startMs >= maxTurnMs ? 0 : againMs))
  }
}

/** Closes all windows of a table; false when one cannot be, or the time is over. */
function drain(table: GatherTable, untilMs: number, close: (gathered: Gathered) => boolean): boolean {
  for (let gathered = table.next(); gathered !== null; gathered = table.next()) {
    if (!close(gathered) || performance.now() > untilMs) return false
  }
  return true
}
