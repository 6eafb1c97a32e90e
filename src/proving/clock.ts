import type { Timers } from '../bridge/timers.ts'

interface Timer {
  readonly dueMs: number
  readonly order: number
  readonly action: () => void
}

/** A clock that stands still until it is told to jump, and the timers that wait for it. */
export class VirtualClock implements Timers {
  /** *Unit*: ms since the epoch. */
  readonly startMs: number
  #nowMs: number
  #order = 0
  readonly #timers = new Set<Timer>()

  constructor(startMs: number) {
    this.startMs = startMs
    this.#nowMs = startMs
  }

  readonly now = (): number => this.#nowMs

  /** Since the start. *Unit*: ms. */
  get elapsedMs(): number {
    return this.#nowMs - this.startMs
  }

  set(action: () => void, ms: number): unknown {
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, ms), order: this.#order++, action }
    this.#timers.add(timer)
    return timer
  }

  clear(timer: unknown): void {
    this.#timers.delete(timer as Timer)
  }

  /** When the next timer is due; null when nothing waits. */
  get nextDueMs(): number | null {
    return this.#first()?.dueMs ?? null
  }

  /** Jumps there and calls what is due by then, one after the other. */
  jump(toMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, toMs)
    for (let first = this.#first(); first !== null && first.dueMs <= this.#nowMs; first = this.#first()) {
      this.#timers.delete(first)
      first.action()
    }
  }

  /** There are a handful at most. */
  #first(): Timer | null {
    let first: Timer | null = null
    for (const timer of this.#timers) {
      if (first === null || timer.dueMs < first.dueMs || (timer.dueMs === first.dueMs && timer.order < first.order))
        first = timer
    }
    return first
  }
}
