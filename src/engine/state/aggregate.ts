/** What a window can make of its messages. */
export type AggregateKind = 'count' | 'sum' | 'min' | 'max' | 'mean' | 'stddev' | 'first' | 'last'

/** One aggregate's way with its values. Its state lies at `at` and after in an array shared by all of a window. */
export interface Aggregate {
  /** How many places of the array it needs, and what they begin with. */
  readonly start: readonly unknown[]
  /** What it takes: numbers or null, conditions, or any data. */
  readonly takes: 'number' | 'bool' | 'any'
  /** Whether it can stand without a value: `count()`. */
  readonly bare: boolean
  add(state: unknown[], at: number, value: unknown): void
  result(state: readonly unknown[], at: number): unknown
}

type Numbers = number[]

const best = (better: (value: number, than: number) => boolean): Aggregate => ({
  start: [null],
  takes: 'number',
  bare: false,
  add: (state, at, value) => {
    if (state[at] === null || better(value as number, state[at] as number)) state[at] = value
  },
  result: (state, at) => state[at],
})

/** Where a null is given instead of a number, it is passed over; of none, a mean, minimum or maximum is null. */
export const aggregates: Readonly<Record<AggregateKind, Aggregate>> = {
  count: {
    start: [0],
    takes: 'bool',
    bare: true,
    add: (state, at) => {
      ;(state as Numbers)[at]!++
    },
    result: (state, at) => state[at],
  },
  sum: {
    start: [0],
    takes: 'number',
    bare: false,
    add: (state, at, value) => {
      ;(state as Numbers)[at]! += value as number
    },
    result: (state, at) => state[at],
  },
  min: best((value, than) => value < than),
  max: best((value, than) => value > than),
  mean: {
    start: [0, 0],
    takes: 'number',
    bare: false,
    add: (state, at, value) => {
      const numbers = state as Numbers
      const count = ++numbers[at]!
      // In steps, so that no sum can overflow.
      numbers[at + 1]! += (value as number) / count - numbers[at + 1]! / count
    },
    result: (state, at) => (state[at] === 0 ? null : state[at + 1]),
  },
  stddev: {
    start: [0, 0, 0],
    takes: 'number',
    bare: false,
    // *Source*: Welford, 1962.
    add: (state, at, value) => {
      const numbers = state as Numbers
      const count = ++numbers[at]!
      const delta = (value as number) - numbers[at + 1]!
      numbers[at + 1]! += delta / count
      numbers[at + 2]! += delta * ((value as number) - numbers[at + 1]!)
    },
    result: (state, at) =>
      (state[at] as number) < 2 ? null : Math.sqrt((state[at + 2] as number) / ((state[at] as number) - 1)),
  },
  first: {
    start: [null, false],
    takes: 'any',
    bare: false,
    add: (state, at, value) => {
      if (state[at + 1] === true) return
      state[at] = value
      state[at + 1] = true
    },
    result: (state, at) => state[at],
  },
  last: {
    start: [null],
    takes: 'any',
    bare: false,
    add: (state, at, value) => {
      state[at] = value
    },
    result: (state, at) => state[at],
  },
}

/** Whether there is an aggregate of this name. */
export const isAggregate = (name: string): name is AggregateKind => Object.hasOwn(aggregates, name)

/** `mean(payload.t)` as its kind, and where its argument begins and ends; null when it is not of this form. */
export function readAggregate(text: string): { kind: string; start: number; end: number } | null {
  const match = /^\s*([a-z]+)\s*\(/.exec(text)
  const end = text.trimEnd().length - 1
  return match === null || text[end] !== ')' ? null : { kind: match[1]!, start: match[0].length, end }
}

/** All aggregates of one window, folded together. */
export class Fold {
  readonly kinds: readonly (readonly [name: string, kind: AggregateKind])[]
  readonly #parts: readonly { readonly aggregate: Aggregate; readonly at: number; readonly name: string }[]
  readonly #start: unknown[]

  constructor(kinds: readonly (readonly [name: string, kind: AggregateKind])[]) {
    this.kinds = kinds
    this.#start = []
    this.#parts = kinds.map(([name, kind]) => {
      const aggregate = aggregates[kind]
      const at = this.#start.length
      this.#start.push(...aggregate.start)
      return { aggregate, at, name }
    })
  }

  /** The state of a window with nothing in it. */
  begin(): unknown[] {
    return this.#start.slice()
  }

  /** Takes one message's values, which stand in `input` from its second place on. A null is passed over, a false not counted. */
  add(state: unknown[], input: readonly unknown[]): void {
    for (let index = 0; index < this.#parts.length; index++) {
      const { aggregate, at } = this.#parts[index]!
      const value = input[index + 1]
      if (aggregate.takes === 'any' || (value !== null && value !== false)) aggregate.add(state, at, value)
    }
  }

  /** The values by name. A sum that has left the range of numbers is null, as in JSON. */
  results(state: readonly unknown[]): [name: string, value: unknown][] {
    return this.#parts.map(({ aggregate, at, name }) => [name, aggregate.result(state, at)])
  }
}
