import { realTimers, type Timers } from './timers.ts'

export { type BackOffLimits, backOffMs, defaultBackOff } from '../outbox/back-off.ts'

/**
 * One for the process: at most `maxOpens` connections are being opened at once, and two openings are `spacingMs`
 * apart, so that fifty sinks whose network came back do not fall upon it together. First come, first served.
 */
export class ReconnectGovernor {
  readonly #maxOpens: number
  readonly #spacingMs: number
  readonly #now: () => number
  readonly #waiting: (() => void)[] = []
  #opening = 0
  #nextMs = 0
  #timer: unknown = null
  readonly #timers: Timers

  constructor(options: { maxOpens: number; spacingMs: number; now?: () => number; timers?: Timers }) {
    this.#timers = options.timers ?? realTimers
    this.#maxOpens = options.maxOpens
    this.#spacingMs = options.spacingMs
    this.#now = options.now ?? (() => performance.now())
  }

  /** Resolves when it is this caller's turn, with what must be called when the opening has ended, well or not. */
  acquire(): Promise<() => void> {
    return new Promise((resolve) => {
      this.#waiting.push(() => resolve(once(() => this.#release())))
      this.#admit()
    })
  }

  #admit(): void {
    if (this.#timer !== null) return
    while (this.#waiting.length > 0 && this.#opening < this.#maxOpens) {
      const waitMs = this.#nextMs - this.#now()
      if (waitMs > 0) {
        this.#timer = this.#timers.set(() => {
          this.#timer = null
          this.#admit()
        }, Math.ceil(waitMs))
        return
      }
      this.#nextMs = this.#now() + this.#spacingMs
      this.#opening++
      this.#waiting.shift()!()
    }
  }

  #release(): void {
    this.#opening--
    this.#admit()
  }
}

const once = (action: () => void): (() => void) => {
  let done = false
  return () => {
    if (done) return
    done = true
    action()
  }
}
