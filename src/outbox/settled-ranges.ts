/**
 * Ordinals that a cursor knows to be settled although the reader will come by them again: after a restart, those above
 * the low-water mark. They are met in ascending order, so looking one up is a step forward, not a search.
 */
export class SettledRanges {
  readonly #ranges: readonly (readonly [first: number, last: number])[]
  #at = 0
  #left = 0

  constructor(ranges: readonly (readonly [first: number, last: number])[]) {
    this.#ranges = ranges
    for (const [first, last] of ranges) this.#left += last - first + 1
  }

  /** How many have not been met yet. */
  get left(): number {
    return this.#left
  }

  /** The last of them, met or not; 0 when there were none. */
  get highest(): number {
    return this.#ranges.at(-1)?.[1] ?? 0
  }

  /** True when `ordinal` is settled; each may be met once, and only in ascending order. */
  meet(ordinal: number): boolean {
    while (this.#at < this.#ranges.length && this.#ranges[this.#at]![1] < ordinal) this.#at++
    const range = this.#ranges[this.#at]
    if (range === undefined || ordinal < range[0]) return false
    this.#left--
    return true
  }

  /** The part that lies above `ordinal`. */
  above(ordinal: number): [first: number, last: number][] {
    const rest: [number, number][] = []
    for (const [first, last] of this.#ranges) if (last > ordinal) rest.push([Math.max(first, ordinal + 1), last])
    return rest
  }
}
