import type { Link } from './link.ts'
import { largeBytes, type Turn } from './turn.ts'

const nothing = Buffer.alloc(0)
/** What one outlet collects before it writes without waiting for the end of the turn. *Unit*: bytes. */
const maxCollectedBytes = 256 * 1024

/**
 * The writing half of a connection: slices collected in this turn, written as one; and what waits while the kernel
 * takes no more. Two parts of one object, for memory: a connection *is* an outlet.
 */
export class Outlet {
  readonly link: Link
  readonly turn: Turn
  /** False once nothing may be written any more. */
  isOpen = true
  /** The last slice of this turn; the ones before it stand in `#earlier`. */
  #slice: Buffer = nothing
  #from = 0
  #to = 0
  #collected = 0
  #earlier: Slice[] | null = null
  /** The kernel has not taken all of the last write: nothing more is handed to it until it has. */
  #stalled = false
  #backlog: Backlog | null = null
  /** What of `turn.heldBytes` is this outlet's. */
  #held = 0

  constructor(link: Link, turn: Turn) {
    this.link = link
    this.turn = turn
  }

  /** Bytes that wait for this receiver. */
  get waitingBytes(): number {
    if (!this.#stalled) return this.#collected
    return this.#collected + this.link.writableLength + (this.#backlog === null ? 0 : this.#backlog.length)
  }

  get isStalled(): boolean {
    return this.#stalled
  }

  /** Puts a slice last. The bytes must not change until the turn ends. */
  push(buffer: Buffer, from: number, to: number): void {
    if (this.#collected === 0) {
      if (!this.isOpen) return
      this.turn.add(this)
      this.#slice = buffer
      this.#from = from
    } else if (this.#slice !== buffer || this.#to !== from) {
      this.#earlier ??= []
      this.#earlier.push({ buffer: this.#slice, from: this.#from, to: this.#to })
      this.#slice = buffer
      this.#from = from
    }
    this.#to = to
    this.#collected += to - from
    if (this.#collected > maxCollectedBytes) this.flush()
  }

  /** Writes what was collected; called by the turn. */
  flush(): void {
    if (this.#collected === 0) return
    if (!this.isOpen) this.#forget()
    else if (this.#stalled) this.#keep()
    else if (this.#earlier === null) {
      this.#write(this.#slice, this.#from, this.#to)
      this.#slice = nothing
      this.#collected = 0
    } else this.#gather()
  }

  /** The kernel has taken everything. Answers whether there is room again. */
  drained(): boolean {
    if (!this.#stalled || this.link.writableLength > 0) return false
    this.#stalled = false
    this.#hold(-this.#held)
    const backlog = this.#backlog
    this.#backlog = null
    if (backlog === null || !this.isOpen) return this.isOpen
    this.link.write(backlog.bytes())
    if (this.link.writableLength === 0) return true
    this.#stalled = true
    this.#hold(this.link.writableLength)
    return false
  }

  /** Nothing is written any more; what waits is forgotten. */
  protected shut(): void {
    this.isOpen = false
    this.#backlog = null
    this.#hold(-this.#held)
    this.#forget()
  }

  #write(buffer: Buffer, from: number, to: number): void {
    this.link.write(this.turn.view(buffer, from, to))
    if (this.link.writableLength > 0) this.#stall(buffer)
  }

  #stall(buffer: Buffer): void {
    this.#stalled = true
    this.turn.pin(buffer)
    this.#hold(this.link.writableLength)
  }

  #hold(bytes: number): void {
    this.#held += bytes
    this.turn.heldBytes += bytes
  }

  /** Many slices become one write through the scratch buffer; large ones are written as they are. */
  #gather(): void {
    const slices = this.#earlier!
    slices.push({ buffer: this.#slice, from: this.#from, to: this.#to })
    this.#forget()
    let scratch = this.turn.scratch
    let filled = 0
    for (const slice of slices) {
      const size = slice.to - slice.from
      if (filled > 0 && (size > largeBytes || filled + size > scratch.length)) {
        this.#hand(scratch, 0, filled)
        filled = 0
        scratch = this.turn.scratch
      }
      if (size > largeBytes) this.#hand(slice.buffer, slice.from, slice.to)
      else {
        slice.buffer.copy(scratch, filled, slice.from, slice.to)
        filled += size
      }
    }
    if (filled > 0) this.#hand(scratch, 0, filled)
  }

  #hand(buffer: Buffer, from: number, to: number): void {
    if (this.#stalled) {
      this.#backlog ??= new Backlog()
      this.#backlog.append(buffer, from, to)
      this.#hold(to - from)
      return
    }
    this.link.write(buffer.subarray(from, to))
    if (this.link.writableLength > 0) this.#stall(buffer)
  }

  #keep(): void {
    this.#backlog ??= new Backlog()
    if (this.#earlier !== null) for (const { buffer, from, to } of this.#earlier) this.#backlog.append(buffer, from, to)
    this.#backlog.append(this.#slice, this.#from, this.#to)
    this.#hold(this.#collected)
    this.#forget()
  }

  #forget(): void {
    this.#slice = nothing
    this.#collected = 0
    this.#earlier = null
  }
}

interface Slice {
  buffer: Buffer
  from: number
  to: number
}

/** Bytes that wait for a stalled receiver, copied, so that they hold no shared chunk. */
class Backlog {
  #buffer = Buffer.allocUnsafeSlow(4096)
  length = 0

  append(buffer: Buffer, from: number, to: number): void {
    const needed = this.length + to - from
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2))
      this.#buffer.copy(grown, 0, 0, this.length)
      this.#buffer = grown
    }
    buffer.copy(this.#buffer, this.length, from, to)
    this.length = needed
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.length)
  }
}
