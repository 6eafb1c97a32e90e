/** Watches a peer: one that was silent for a while is asked whether it lives, and after as long again taken for gone. */
export class KeepAlive {
  readonly #everyMs: number
  readonly #on: { ping(): void; lost(silentMs: number): void }
  readonly #timer: NodeJS.Timeout
  #isHeard = true
  #isPinged = false

  constructor(everyMs: number, on: { ping(): void; lost(silentMs: number): void }) {
    this.#everyMs = everyMs
    this.#on = on
    this.#timer = setInterval(() => this.#check(), everyMs)
    this.#timer.unref()
  }

  /** Something came from the peer. */
  heard(): void {
    this.#isHeard = true
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #check(): void {
    if (this.#isHeard) this.#isPinged = false
    else if (this.#isPinged) {
      this.stop()
      this.#on.lost(2 * this.#everyMs)
    } else {
      this.#isPinged = true
      this.#on.ping()
    }
    this.#isHeard = false
  }
}
