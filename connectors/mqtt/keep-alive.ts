export interface KeepAliveOptions {
  /** Half of the keep alive: after so long a silence a sign of life is asked for, after so long again it is given up. */
  readonly halfMs: number
  ping(): void
  /** `silentMs`: how long nothing was heard. */
  giveUp(silentMs: number): void
}

/** Sees to it that both sides hear of each other. *Source*: MQTT 5.0 §3.1.2.10. */
export class KeepAlive {
  readonly #options: KeepAliveOptions
  readonly #timer: NodeJS.Timeout
  #wroteMs = performance.now()
  #heardMs = performance.now()
  /** When a sign of life was asked for that has not come; 0 when none was. */
  #askedMs = 0
  #isDeaf = false

  constructor(options: KeepAliveOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#look(), options.halfMs / 2)
  }

  wrote(): void {
    this.#wroteMs = performance.now()
  }

  heard(): void {
    this.#heardMs = performance.now()
    this.#askedMs = 0
  }

  /** While nothing is read no sign of life is waited for; but the server still gets its own. */
  deaf(isDeaf: boolean): void {
    this.#isDeaf = isDeaf
    this.heard()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#askedMs = 0
  }

  #look(): void {
    const { halfMs, ping } = this.#options
    const nowMs = performance.now()
    if (this.#askedMs > 0) {
      const askedMs = this.#askedMs
      // Of a thread that was busy the timers come first: what lies in the socket is read before silence counts.
      if (nowMs - askedMs >= halfMs) setImmediate(() => this.#giveUp(askedMs))
      return
    }
    const quietMs = nowMs - Math.min(this.#wroteMs, this.#isDeaf ? nowMs : this.#heardMs)
    if (quietMs < halfMs * 0.75) return
    ping()
    if (!this.#isDeaf) this.#askedMs = nowMs
  }

  /** Unless there was a sign of life since then. */
  #giveUp(askedMs: number): void {
    if (this.#askedMs === askedMs) this.#options.giveUp(Math.round(performance.now() - this.#heardMs))
  }
}
