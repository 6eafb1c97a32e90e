import type { Message } from '../../contract/message.ts'
import { KeyList, type Listed } from './key-list.ts'
import { entryBytes, type StateLimits } from './limits.ts'
import { ownText, type StoredValue } from './stored-value.ts'

/** The last message of a key that has passed. */
interface Passed extends Listed {
  timeMs: number
  value: StoredValue
  /** Its place on disk. */
  position: number
}

/** One kept key as it stands in a snapshot. */
export type FilterRow = readonly [key: string, timeMs: number, value: StoredValue, position: number]

/** How a filter keeps. */
export interface FilterOptions {
  /** `<rule>/<clause>#<hash of the clause>`. */
  readonly id: string
  /** After so long a key is as one that was never seen; infinite for `changed` without `at_least_every`. */
  readonly forgetMs: number
  /** Values that differ by no more count as the same; null: a value is not looked at. */
  readonly deadband: number | null
  readonly maxKeys: number
  readonly limits: StateLimits
}

/**
 * What has passed, by key: for `once`, `changed` and `at_most` with `keep: first`. A message that is dropped alters
 * nothing, so that only what passes must be on disk. At the bound the key that passed longest ago is forgotten: its
 * next message may pass once more.
 */
export class FilterTable {
  readonly kind = 'filter'
  readonly id: string
  limits: StateLimits
  /** Keys forgotten because of the bound. */
  evicted = 0
  bytes = 0
  readonly #options: FilterOptions
  /** In the order of passing. */
  readonly #passed = new KeyList<Passed>()

  constructor(options: FilterOptions) {
    this.#options = options
    this.id = options.id
    this.limits = options.limits
  }

  get keys(): number {
    return this.#passed.size
  }

  /** Whether a message goes through; `pending`: what the same message has altered in an earlier rule's turn. */
  lets(key: string, timeMs: number, value: StoredValue, pending: readonly unknown[] | null): boolean {
    const last = this.#passed.get(key)
    if (pending === null && last === undefined) return true
    const lastMs = pending === null ? last!.timeMs : (pending[0] as number)
    const { forgetMs, deadband } = this.#options
    if (Math.abs(timeMs - lastMs) >= forgetMs) return true
    return deadband !== null && differs(value, pending === null ? last!.value : (pending[1] as StoredValue), deadband)
  }

  /** Place on disk of the message of this key that has passed last. */
  positionOf(key: string): number {
    return this.#passed.get(key)?.position ?? 0
  }

  /** What a message that passes alters. */
  inputOf(timeMs: number, value: StoredValue): readonly unknown[] {
    return this.#options.deadband === null ? [timeMs] : [timeMs, value]
  }

  /** A message has passed. What is older than what the key has is known already. */
  apply(key: string, input: readonly unknown[], _message: Message, position: number): void {
    this.#put(key, input[0] as number, (input[1] ?? null) as StoredValue, position)
    this.#forget(input[0] as number)
  }

  /** What is kept, but for what has passed after `upTo`: whoever reads on from there will know. */
  *rows(upTo: number): Generator<FilterRow> {
    for (const { key, timeMs, value, position } of this.#passed.walk()) {
      // In the order of passing: all that follow are later.
      if (position > upTo) return
      yield [key, timeMs, value, position]
    }
  }

  restore([key, timeMs, value, position]: FilterRow): void {
    this.#put(key, timeMs, value, position)
  }

  /** Counts among others from now on: its rule was loaded anew. */
  moveTo(limits: StateLimits): void {
    this.limits.bytes -= this.bytes
    this.limits = limits
    limits.bytes += this.bytes
  }

  clear(): void {
    this.limits.bytes -= this.bytes
    this.bytes = 0
    this.#passed.clear()
  }

  #put(key: string, timeMs: number, value: StoredValue, position: number): void {
    const known = this.#passed.get(key)
    if (known === undefined) {
      const passed: Passed = { key: ownText(key), timeMs, value, position, previous: null, next: null }
      this.#passed.add(passed)
      this.#weigh(weightOf(passed))
    } else if (known.position <= position) {
      this.#weigh(-weightOf(known))
      known.timeMs = timeMs
      known.value = value
      known.position = position
      this.#weigh(weightOf(known))
      this.#passed.moveToEnd(known)
    }
  }

  #weigh(bytes: number): void {
    this.bytes += bytes
    this.limits.bytes += bytes
  }

  /** Of what passed longest ago: what no longer matters, two at a time, and what there is no room for. */
  #forget(nowMs: number): void {
    const { forgetMs, maxKeys } = this.#options
    let looks = 2
    for (let oldest = this.#passed.first; oldest !== null; oldest = this.#passed.first) {
      const isOver = this.#passed.size > maxKeys || (this.limits.isFull && this.#passed.size > 1)
      const isStale = nowMs - oldest.timeMs >= forgetMs
      if (!isOver && (!isStale || looks-- === 0)) return
      if (!isStale) this.evicted++
      this.#passed.remove(oldest)
      this.#weigh(-weightOf(oldest))
    }
  }
}

const weightOf = ({ key, value }: Passed): number =>
  entryBytes + key.length + (typeof value === 'string' ? value.length : 0)

/** Whether a value is another one than was kept, or further from it than the deadband. */
function differs(value: StoredValue, kept: StoredValue, deadband: number): boolean {
  if (deadband === 0) return value !== kept
  return typeof kept !== 'number' || !(Math.abs((value as number) - kept) <= deadband)
}
