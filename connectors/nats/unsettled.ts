/** Messages of one `take`: where each is acknowledged, and its sequence in the stream. */
export interface Portion {
  readonly replies: string[]
  readonly sequences: number[]
  /** When each was stored, as the server says. *Unit*: ns since the epoch, as exact as a number is. */
  readonly stamps: number[]
  bytes: number
  /** When the first of it came, or the server was last told that it is in hand. *Unit*: ms, monotonic. */
  sinceMs: number
}

export const newPortion = (): Portion => ({
  replies: [],
  sequences: [],
  stamps: [],
  bytes: 0,
  sinceMs: performance.now(),
})

const maxRemembered = 20_000

/**
 * Sequences of one consumer that the hub has, over the lives of its sources: an acknowledgement may be lost with the
 * connection, and a server that was killed may have forgotten the last of them; then the same message comes again.
 */
export class Remembered {
  /** No sequence above it is known. */
  highest = 0
  #recent = new Map<number, number>()
  #older = new Map<number, number>()

  /** `stamp` tells it from another message that a server, which has lost its newest ones, gives the same sequence. */
  add(sequence: number, stamp: number): void {
    if (this.#recent.size >= maxRemembered) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(sequence, stamp)
    if (sequence > this.highest) this.highest = sequence
  }

  has(sequence: number, stamp: number): boolean {
    return (this.#recent.get(sequence) ?? this.#older.get(sequence)) === stamp
  }
}

const known = new Map<string, Remembered>()

/** The memory of a consumer; `folder` is the connector's own, which no two hubs share. */
export function rememberedOf(folder: string, identity: string): Remembered {
  const key = `${folder}\n${identity}`
  let remembered = known.get(key)
  if (remembered === undefined) {
    remembered = new Remembered()
    known.set(key, remembered)
  }
  return remembered
}

/** How much is in hand and not settled, against its bounds. */
export class Unsettled {
  count = 0
  bytes = 0
  readonly #maxCount: number
  readonly #maxBytes: number

  constructor(maxCount: number, maxBytes: number) {
    this.#maxCount = maxCount
    this.#maxBytes = maxBytes
  }

  add(bytes: number): void {
    this.count++
    this.bytes += bytes
  }

  remove(count: number, bytes: number): void {
    this.count -= count
    this.bytes -= bytes
  }

  get full(): boolean {
    return this.count >= this.#maxCount || this.bytes >= this.#maxBytes
  }

  /** Half of it is free. */
  get roomy(): boolean {
    return this.count * 2 <= this.#maxCount && this.bytes * 2 <= this.#maxBytes
  }

  /** How many more may come, in portions that are worth a request; 0: wait. */
  room(most: number): number {
    if (this.full) return 0
    const room = Math.min(most, this.#maxCount - this.count)
    return room >= Math.min(most, Math.ceil(this.#maxCount / 4)) ? room : 0
  }

  get roomBytes(): number {
    return Math.max(1, this.#maxBytes - this.bytes)
  }
}
