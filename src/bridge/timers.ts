/** How loops sleep; `trestle test` hands in a clock that jumps. */
export interface Timers {
  /** Calls `action` once, after `ms`. Answers what `clear` takes. */
  set(action: () => void, ms: number): unknown
  /** Forgets a timer; one that is over is left alone. */
  clear(timer: unknown): void
}

/** The process's own. */
export const realTimers: Timers = {
  set: (action, ms) => setTimeout(action, ms),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
}
