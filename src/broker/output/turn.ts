const chunkBytes = 64 * 1024
/** Larger things get a buffer of their own and never pass through a shared one. */
export const largeBytes = 16 * 1024
const maxTurnBytes = 4 * 1024 * 1024
const maxSpareChunks = 8

/** Something with bytes to write at the end of the turn. */
export interface Flushable {
  flush(): void
}

/**
 * What one turn of the event loop wants to write. A system call costs more than a hundred messages, so each outlet
 * collects slices during the turn and makes one write at its end, when all sockets of the poll have been read.
 *
 * Slices lie in chunks that are used again in the next turn. A chunk that the kernel did not take whole is left to
 * the socket that holds it.
 */
export class Turn {
  /** Where `room` has made room: write at `at`, then advance `at`. */
  chunk: Buffer = Buffer.allocUnsafeSlow(chunkBytes)
  at = 0
  /** Where several slices become one write. */
  scratch: Buffer = Buffer.allocUnsafeSlow(chunkBytes)
  /** What waits for stalled receivers, all together. *Unit*: bytes. */
  heldBytes = 0
  #spare: Buffer[] = []
  #used: Buffer[] = []
  #usedBytes = 0
  #pinned = new Set<Buffer>()
  #outlets: Flushable[] = []
  #flushing: Flushable[] = []
  #scheduled = false
  #lastView: Buffer = this.chunk
  #lastFrom = -1
  #lastTo = -1
  #lastOf: Buffer = this.chunk
  readonly #flush = () => this.flush()

  /** The chunk that has room for `size` bytes at `at`. May flush, so no slice of a chunk is held across it. */
  room(size: number): Buffer {
    if (this.at + size <= this.chunk.length) return this.chunk
    this.#used.push(this.chunk)
    this.#usedBytes += this.chunk.length
    if (this.#usedBytes > maxTurnBytes) this.flush()
    this.at = 0
    this.chunk = size > largeBytes ? Buffer.allocUnsafeSlow(size) : this.#take()
    return this.chunk
  }

  /** Copies bytes in and answers where they begin in `chunk`. */
  copy(buffer: Buffer, start: number, end: number): number {
    const size = end - start
    const chunk = this.room(size)
    const at = this.at
    if (size <= 32) for (let i = 0; i < size; i++) chunk[at + i] = buffer[start + i]!
    else buffer.copy(chunk, at, start, end)
    this.at = at + size
    return at
  }

  /** An outlet has something to write. */
  add(outlet: Flushable): void {
    this.#outlets.push(outlet)
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#flush)
  }

  /** Writes everything now. */
  flush(): void {
    this.#scheduled = false
    const outlets = this.#outlets
    this.#outlets = this.#flushing
    this.#flushing = outlets
    for (let i = 0; i < outlets.length; i++) outlets[i]!.flush()
    outlets.length = 0
    this.#lastFrom = -1
    this.#recycle()
  }

  /** A slice as bytes to write; receivers of the same slice get the same object. */
  view(buffer: Buffer, from: number, to: number): Buffer {
    if (this.#lastFrom === from && this.#lastTo === to && this.#lastOf === buffer) return this.#lastView
    this.#lastOf = buffer
    this.#lastFrom = from
    this.#lastTo = to
    this.#lastView = from === 0 && to === buffer.length ? buffer : buffer.subarray(from, to)
    return this.#lastView
  }

  /** The kernel did not take all of a write that lay in this buffer: it must not be used again. */
  pin(buffer: Buffer): void {
    if (buffer === this.scratch) this.scratch = Buffer.allocUnsafeSlow(chunkBytes)
    else this.#pinned.add(buffer)
  }

  #recycle(): void {
    for (const chunk of this.#used) {
      if (chunk.length === chunkBytes && this.#spare.length < maxSpareChunks && !this.#pinned.has(chunk)) {
        this.#spare.push(chunk)
      }
    }
    this.#used.length = 0
    this.#usedBytes = 0
    if (this.#pinned.has(this.chunk) || this.chunk.length !== chunkBytes) this.chunk = this.#take()
    this.at = 0
    if (this.#pinned.size > 0) this.#pinned.clear()
  }

  #take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(chunkBytes)
  }
}
