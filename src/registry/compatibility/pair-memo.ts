import type { Difference } from './incompatibility.ts'

/** Most differences that are told of one pair of schemas. */
const maxDifferences = 100
/** Most pairs of parts that two schemas may make, over all passes. */
const maxPairs = 60_000
/** Deepest way through two schemas, references followed. */
const maxDepth = 1_000
const maxParts = 2 ** 24

/** Two schemas that are not compared, and why. */
export class Incomparable extends Error {}

/** A part of a schema, numbered within one comparison. */
export interface Part {
  readonly id: number
}

/**
 * What was found of pairs of parts, so that each pair is compared once however many ways lead to it, and a pair that
 * leads back to itself ends. *Shape*: differences are told from the pair on, and put under a path by who asks.
 */
export class PairMemo {
  readonly #found = new Map<number, readonly Difference[]>()
  readonly #open = new Set<number>()
  readonly #refused: ReadonlyMap<number, readonly Difference[]>
  readonly #budget: { pairs: number }
  #assumed = false

  private constructor(refused: ReadonlyMap<number, readonly Difference[]>, budget: { pairs: number }) {
    this.#refused = refused
    this.#budget = budget
  }

  /**
   * Compares until the answer rests on no assumption. A pair met while it is being compared is taken for compatible;
   * where that proves wrong, what was concluded from it elsewhere is concluded again, with what is known now. A first
   * difference settles it: knowing more of the parts never makes the whole compatible.
   */
  static settle(compare: (memo: PairMemo) => readonly Difference[]): readonly Difference[] {
    const budget = { pairs: maxPairs }
    let refused: ReadonlyMap<number, readonly Difference[]> = new Map()
    for (;;) {
      const memo = new PairMemo(refused, budget)
      const differences = compare(memo)
      if (differences.length > 0 || !memo.#assumed) return differences
      const now = new Map([...memo.#found].filter(([, found]) => found.length > 0))
      if (now.size === refused.size) return differences
      refused = now
    }
  }

  /** *Errors*: Incomparable beyond the bounds. */
  visit(a: Part, b: Part, compare: () => readonly Difference[]): readonly Difference[] {
    const key = a.id * maxParts + b.id
    const known = this.#found.get(key)
    if (known !== undefined) return known
    if (this.#open.has(key)) {
      const seeded = this.#refused.get(key)
      if (seeded === undefined) this.#assumed = true
      return seeded ?? []
    }
    if (this.#budget.pairs-- === 0) throw new Incomparable('too many parts to compare with one another')
    if (this.#open.size === maxDepth) throw new Incomparable('nested too deeply')
    this.#open.add(key)
    const found = compare()
    this.#open.delete(key)
    const told = found.length > maxDifferences ? found.slice(0, maxDifferences) : found
    this.#found.set(key, told)
    return told
  }
}
