/** The shortest time between two kept samples; `sample` may be called more often. */
const minStepMs = 500

/**
 * A moving rate over the last few seconds, made from a plain counter, so that what is counted pays one addition per
 * message and nothing else. `sample` is called about once a second, `perSecond` whenever someone asks.
 */
export class Rate {
  readonly #windowMs: number
  #samples: { timeMs: number; total: number }[] = []

  constructor(windowMs = 5000) {
    this.#windowMs = windowMs
  }

  /** Keeps the counter's value at this time and forgets what has left the window. */
  sample(total: number, timeMs: number): void {
    const last = this.#samples.at(-1)
    // A counter or a clock that ran backwards was started anew: what came before says nothing.
    if (last !== undefined && (total < last.total || timeMs < last.timeMs)) this.#samples = []
    else if (last !== undefined && timeMs - last.timeMs < minStepMs) return
    this.#samples.push({ timeMs, total })
    while (this.#samples.length > 2 && this.#samples[1]!.timeMs <= timeMs - this.#windowMs) this.#samples.shift()
  }

  /** Growth per second between the window's first sample and now; 0 before there is one. */
  perSecond(total: number, timeMs: number): number {
    const first = this.#samples[0]
    if (first === undefined || timeMs <= first.timeMs) return 0
    return Math.max(0, ((total - first.total) * 1000) / (timeMs - first.timeMs))
  }
}
