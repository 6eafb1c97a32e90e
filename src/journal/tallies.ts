import type { OwedTally } from './port.ts'

/** One sink: its number in the dictionary and what it was owed. */
export interface SinkTotal {
  readonly name: string
  readonly number: number
  /** Its place in the shared tail; -1 when it has none. */
  slot: number
  /** Ordinal of the last delivery appended, durable or not. */
  ordinal: number
  /** Durable. */
  messages: number
  /** Durable payload bytes. */
  bytes: number
  readonly pairs: Map<string, Pair>
}

/** One rule's share of one sink. `batch` and `place` belong to the batch that counts it at the moment. */
export interface Pair {
  readonly sink: SinkTotal
  readonly rule: string
  readonly number: number
  /** Durable. */
  messages: number
  /** Appended without a waiter since the start, and not written. */
  lost: number
  batch: object | null
  place: number
}

/**
 * What was ever owed, by sink and rule, and the dictionary that gives names their numbers. A number once given stays
 * for the life of the process; which of them a segment's header holds is the segment's matter.
 */
export class Tallies {
  readonly names: string[] = []
  readonly #numbers = new Map<string, number>()
  readonly #sinks = new Map<string, SinkTotal>()
  readonly #slots: string[]

  constructor(sinks: readonly string[]) {
    this.#slots = [...sinks]
    for (const name of sinks) this.sink(name)
  }

  numberOf(name: string): number {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    const number = this.names.length
    this.names.push(name)
    this.#numbers.set(name, number)
    return number
  }

  sink(name: string): SinkTotal {
    let total = this.#sinks.get(name)
    if (total === undefined) {
      const slot = this.#slots.indexOf(name)
      total = { name, number: this.numberOf(name), slot, ordinal: 0, messages: 0, bytes: 0, pairs: new Map() }
      this.#sinks.set(name, total)
    }
    return total
  }

  /** Gives a sink that came later the next place in the shared tail, of at most `maxSlots`; answers it, or -1. */
  addSlot(name: string, maxSlots: number): number {
    const total = this.sink(name)
    if (total.slot >= 0 || this.#slots.length >= maxSlots) return total.slot
    total.slot = this.#slots.push(name) - 1
    return total.slot
  }

  pair(sinkName: string, rule: string): Pair {
    const sink = this.sink(sinkName)
    let pair = sink.pairs.get(rule)
    if (pair === undefined) {
      pair = { sink, rule, number: this.numberOf(rule), messages: 0, lost: 0, batch: null, place: 0 }
      sink.pairs.set(rule, pair)
    }
    return pair
  }

  /** Takes over what a header says was owed before its segment. */
  restore(tallies: Readonly<Record<string, OwedTally>>): void {
    for (const [name, tally] of Object.entries(tallies)) {
      const sink = this.sink(name)
      sink.messages = tally.messages
      sink.ordinal = tally.messages
      sink.bytes = tally.bytes
      for (const [rule, messages] of Object.entries(tally.byRule)) this.pair(name, rule).messages = messages
    }
  }

  /** Counts deliveries that are durable now. */
  add(pair: Pair, messages: number, bytes: number): void {
    pair.messages += messages
    pair.sink.messages += messages
    pair.sink.bytes += bytes
  }

  /** Forgets the ordinals given to what did not become durable. */
  rollBack(): void {
    for (const sink of this.#sinks.values()) sink.ordinal = sink.messages
  }

  /** What was lost without anyone being told, by rule, since the start. */
  lost(): Map<string, number> {
    const byRule = new Map<string, number>()
    for (const { pairs } of this.#sinks.values()) {
      for (const { rule, lost } of pairs.values()) if (lost > 0) byRule.set(rule, (byRule.get(rule) ?? 0) + lost)
    }
    return byRule
  }

  get sinks(): Iterable<SinkTotal> {
    return this.#sinks.values()
  }

  /** The durable totals. Built from entries, so that a rule called `__proto__` is a name like any other. */
  snapshot(): Record<string, OwedTally> {
    return Object.fromEntries(
      Array.from(this.#sinks.values(), (sink) => [
        sink.name,
        {
          messages: sink.messages,
          bytes: sink.bytes,
          byRule: Object.fromEntries(Array.from(sink.pairs.values(), (pair) => [pair.rule, pair.messages])),
        },
      ]),
    )
  }
}
