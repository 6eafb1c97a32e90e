/** A loop that has nothing to do until something is appended. */
export interface IdleLoop {
  /** Something of what was appended may be for this loop. */
  hasMore(): boolean
  wake(): void
}

/** While what is appended is for none of those that sleep, the rests grow up to so many times `restMs`. */
const maxRests = 4

/**
 * Who tells idle loops of an append, without polling when nothing happens and without a message per append when much
 * does: main posts one message only while the shared flag is 1. After a wake-up the gate looks at the journal's tail
 * by itself once more after `restMs` before it raises the flag again; later, when the wake-up was for nobody.
 */
export class IdleGate {
  readonly #flag: Int32Array
  readonly #tail: () => number
  readonly #restMs: number
  readonly #idle = new Set<IdleLoop>()
  #seenTail = -1
  #rests = 1
  #wokenMs = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | null = null

  constructor(idle: SharedArrayBuffer, tail: () => number, restMs: number) {
    this.#flag = new Int32Array(idle)
    this.#tail = tail
    this.#restMs = restMs
  }

  /** The loop has found nothing more. */
  enter(loop: IdleLoop): void {
    this.#idle.add(loop)
    // It may have been busy a moment ago: a rest that grew while others slept is not for this one.
    if (this.#rests > 1) {
      this.#rests = 1
      if (this.#timer !== null) clearTimeout(this.#timer)
      this.#timer = null
    }
    this.#arm()
  }

  leave(loop: IdleLoop): void {
    this.#idle.delete(loop)
  }

  /** Something was appended. */
  wake(): void {
    Atomics.store(this.#flag, 0, 0)
    this.#wokenMs = performance.now()
    this.#seenTail = this.#tail()
    let isForSome = false
    for (const loop of this.#idle) {
      if (!loop.hasMore()) continue
      isForSome = true
      loop.wake()
    }
    this.#rests = isForSome ? 1 : Math.min(this.#rests * 2, maxRests)
    this.#arm()
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#idle.clear()
  }

  /** Asks main for a message, now or after the rest. */
  #arm(): void {
    if (this.#idle.size === 0) return
    if (this.#timer !== null || Atomics.load(this.#flag, 0) === 1) return
    const restLeftMs = this.#wokenMs + this.#restMs * this.#rests - performance.now()
    if (restLeftMs <= 0) this.#raise()
    else this.#timer = setTimeout(() => this.#raise(), Math.ceil(restLeftMs))
  }

  #raise(): void {
    this.#timer = null
    if (this.#idle.size === 0) return
    Atomics.store(this.#flag, 0, 1)
    // What was appended before the flag was up was not told.
    if (this.#tail() > this.#seenTail) this.wake()
  }
}

/** Main's side: true when the host is to be told now; taking it lowers the flag. */
export const takeIdle = (flag: Int32Array): boolean => Atomics.load(flag, 0) === 1 && Atomics.exchange(flag, 0, 0) === 1
