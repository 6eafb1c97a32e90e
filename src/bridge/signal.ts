import { realTimers, type Timers } from './timers.ts'

/** A loop's bed: it sleeps here until someone sets the signal or the time is over. A signal set early is not lost. */
export class Signal {
  #set = false
  #wake: (() => void) | null = null
  readonly #timers: Timers

  constructor(timers: Timers = realTimers) {
    this.#timers = timers
  }

  set(): void {
    this.#set = true
    this.#wake?.()
  }

  /** `timeoutMs` null sleeps for as long as it takes. One sleeper at a time. */
  async wait(timeoutMs: number | null): Promise<void> {
    if (!this.#set && (timeoutMs === null || timeoutMs > 0))
      await new Promise<void>((resolve) => {
        const timer = timeoutMs === null ? undefined : this.#timers.set(resolve, timeoutMs)
        this.#wake = () => {
          this.#timers.clear(timer)
          resolve()
        }
      })
    this.#wake = null
    this.#set = false
  }
}

/** The work's own end, or `late()` thrown when it has not ended after `limitMs`; what it does later goes unheard. */
export async function within<T>(
  work: Promise<T>,
  limitMs: number,
  late: () => Error,
  timers: Timers = realTimers,
): Promise<T> {
  let timer: unknown
  const tooLate = new Promise<never>((_, reject) => {
    timer = timers.set(() => reject(late()), limitMs)
  })
  try {
    return await Promise.race([work, tooLate])
  } finally {
    timers.clear(timer)
  }
}

/** Waits for a work that may have to be given up: at most one at a time. */
export class Patience {
  #giveUp: ((why: Error) => void) | null = null

  /** The work's own end, or what `end` was given. What it does later goes unheard. */
  async wait<T>(work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>()
    this.#giveUp = reject
    try {
      return await Promise.race([work, promise])
    } finally {
      this.#giveUp = null
    }
  }

  end(why: Error): void {
    this.#giveUp?.(why)
  }
}
