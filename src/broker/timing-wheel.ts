/**
 * Something with a deadline. Its fields belong to the wheel, so that ten thousand keep-alives cost no object and no
 * timer of their own.
 */
export interface Timed {
  wheelNext: Timed | null
  wheelPrev: Timed | null
  /** Slot it stands in; -1 when it is in no wheel. */
  wheelSlot: number
  /** *Unit*: ms, the wheel's clock. */
  dueMs: number
  /** Called once when the deadline has passed; the item is out of the wheel by then and may be put in again. */
  onDue(nowMs: number): void
}

const slotCount = 1024

/** Deadlines by one timer: coarse (a tick late at most), constant cost, for keep-alive, expiry and delays. */
export class TimingWheel {
  /** Time of the last tick; hot paths read it instead of the clock. *Unit*: ms. */
  nowMs: number
  readonly #tickMs: number
  readonly #slots: (Timed | null)[] = new Array<Timed | null>(slotCount).fill(null)
  #tick: number
  #size = 0

  constructor(nowMs: number, tickMs = 250) {
    this.#tickMs = tickMs
    this.nowMs = nowMs
    this.#tick = Math.floor(nowMs / tickMs)
  }

  get size(): number {
    return this.#size
  }

  /** Puts an item in, `delayMs` from now; one that is in already is moved. */
  add(item: Timed, delayMs: number): void {
    if (item.wheelSlot !== -1) this.remove(item)
    item.dueMs = this.nowMs + delayMs
    // One tick is added, so that an item never fires early. What is further away than a turn is passed over.
    const slot = (Math.max(Math.floor(item.dueMs / this.#tickMs), this.#tick) + 1) % slotCount
    const first = this.#slots[slot]!
    item.wheelSlot = slot
    item.wheelPrev = null
    item.wheelNext = first
    if (first !== null) first.wheelPrev = item
    this.#slots[slot] = item
    this.#size++
  }

  remove(item: Timed): void {
    if (item.wheelSlot === -1) return
    if (item.wheelPrev !== null) item.wheelPrev.wheelNext = item.wheelNext
    else this.#slots[item.wheelSlot] = item.wheelNext
    if (item.wheelNext !== null) item.wheelNext.wheelPrev = item.wheelPrev
    item.wheelNext = null
    item.wheelPrev = null
    item.wheelSlot = -1
    this.#size--
  }

  /** Fires all that is due by `nowMs`. A clock that went back waits; one that jumped ahead visits each slot once. */
  advance(nowMs: number): void {
    if (nowMs < this.nowMs) return
    this.nowMs = nowMs
    const target = Math.floor(nowMs / this.#tickMs)
    const steps = Math.min(target - this.#tick, slotCount)
    const first = target - steps + 1
    this.#tick = target
    for (let i = 0; i < steps; i++) this.#visit((first + i) % slotCount, nowMs)
  }

  #visit(slot: number, nowMs: number): void {
    const due: Timed[] = []
    for (let item = this.#slots[slot]!; item !== null; item = item.wheelNext!) if (item.dueMs <= nowMs) due.push(item)
    for (const item of due) {
      // An earlier one of this visit may have removed or moved it.
      if (item.wheelSlot !== slot || item.dueMs > nowMs) continue
      this.remove(item)
      item.onDue(nowMs)
    }
  }
}

/** A deadline for things that are no item themselves: sessions, wills, pauses. */
export class Deadline implements Timed {
  wheelNext: Timed | null = null
  wheelPrev: Timed | null = null
  wheelSlot = -1
  dueMs = 0
  readonly onDue: (nowMs: number) => void

  constructor(onDue: (nowMs: number) => void) {
    this.onDue = onDue
  }
}
